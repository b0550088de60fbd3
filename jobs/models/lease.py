"""The columns of a row that workers take turns on (see jobs.claims)."""

from collections.abc import Mapping
from types import MappingProxyType

from django.db import models


class Leased(models.Model):
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    # Rises before the work and is reset by a finished result: what makes a poisonous row visible.
    claims = models.PositiveSmallIntegerField(default=0)
    # What `claims.hold` found in the row, so that `claims.save_changes` writes what differs.
    as_held: Mapping[str, object] = MappingProxyType({})

    class Meta:
        abstract = True
