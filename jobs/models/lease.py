"""The columns of a row that workers take turns on (see jobs.claims)."""

from django.db import models


class Leased(models.Model):
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    # Rises before the work and is reset by a finished result: what makes a poisonous row visible.
    claims = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True
