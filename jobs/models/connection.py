"""An account at a provider: where it is, the key, and how well we can see it."""

import re
import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.cipher import CannotOpen, Place, seal, unseal
from accounts.models import Team, TeamQuerySet
from jobs.models.lease import Leased
from outbound.secret import Secret
from providers.base import Account

# Only these names: so that nobody can name SECRET_KEY or the database URL as a provider key.
KEY_ENV = re.compile(r"^(OPENAI_API_KEY(_[A-Z0-9_]{1,64})?|AZURE_OPENAI_API_KEY)$")


class Health(models.TextChoices):
    NEW = "new", "Not polled yet"
    OK = "ok", "OK"
    LIMITED = "limited", "Asked to wait"
    OUT_OF_QUOTA = "out_of_quota", "Out of quota"
    REJECTED = "rejected", "Key rejected"
    UNREADABLE = "unreadable", "Answers cannot be read"
    UNREACHABLE = "unreachable", "Unreachable"


class ConnectionQuerySet(TeamQuerySet["Connection"]):
    def live(self) -> Self:
        return self.filter(archived_at=None)

    def polled(self) -> Self:
        return self.live().filter(is_paused=False)


class Connection(Leased):
    class Origin(models.TextChoices):
        SITE = "site", "Added here"
        ENVIRONMENT = "environment", "From the environment"
        DEMO = "demo", "Demo"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="connections")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=80)
    origin = models.CharField(max_length=11, choices=Origin, default=Origin.SITE, editable=False)
    dialect = models.CharField(max_length=20, default="openai")
    base_url = models.CharField(max_length=400)
    auth_header = models.CharField(max_length=60, default="Authorization", blank=True)
    organization = models.CharField(max_length=120, blank=True)
    project = models.CharField(max_length=120, blank=True)
    extra_headers = models.JSONField(default=dict, blank=True)
    extra_query = models.JSONField(default=dict, blank=True)
    sealed_key = models.TextField(blank=True, editable=False)
    key_last4 = models.CharField(max_length=4, blank=True, editable=False)
    key_env = models.CharField(max_length=80, blank=True, editable=False)
    poll_interval_s = models.PositiveIntegerField(null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)  # our own cap

    is_paused = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    health = models.CharField(max_length=12, choices=Health, default=Health.NEW)
    health_reason = models.TextField(blank=True)  # what the provider or the network said, redacted
    health_since = models.DateTimeField(null=True)
    trouble_count = models.PositiveSmallIntegerField(default=0)  # bad answers in a row
    good_count = models.PositiveSmallIntegerField(default=0)  # good answers in a row, to recover
    # What this key may not do ("events", "files" ...) or the server lacks ("list"), with the words, since
    # when, and when it is asked again (jobs.manners): a refusal of one stops only that one.
    refused = models.JSONField(default=dict)
    notice = models.TextField(blank=True)  # e.g. training_not_available: told, never an error
    unreadable_count = models.PositiveIntegerField(default=0)  # list elements without a usable id

    next_sweep_at = models.DateTimeField(null=True, db_default=Now())
    wait_until = models.DateTimeField(
        null=True
    )  # the provider asked for it; nothing is sent before
    # What the provider's headers said last about its own cap.
    limit_requests = models.BigIntegerField(null=True)
    remaining_requests = models.BigIntegerField(null=True)
    limit_resets_at = models.DateTimeField(null=True)
    limits_said_at = models.DateTimeField(null=True)
    paced_until = models.DateTimeField(null=True)  # our own manners: nothing is sent before
    last_poll_at = models.DateTimeField(null=True)
    last_good_at = models.DateTimeField(null=True)
    first_sweep_at = models.DateTimeField(null=True)  # when the first complete sweep ended
    last_sweep_at = models.DateTimeField(null=True)
    last_full_sweep_at = models.DateTimeField(null=True)  # one that went to the end of the list

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "slug"], name="slug_unique_in_team")]
        indexes = [
            models.Index(
                fields=["next_sweep_at"],
                name="connection_due",
                condition=models.Q(next_sweep_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key_place(self) -> Place:
        return Place("jobs_connection|sealed_key", str(self.team.public_id), str(self.public_id))

    def set_key(self, key: Secret | None) -> None:
        self.sealed_key = seal(key, self.key_place) if key else ""
        self.key_last4 = key.last4 if key else ""

    def key(self) -> Secret | None:
        """The provider key. Raises accounts.cipher.CannotOpen."""
        if self.key_env:
            return _key_from_environment(self.key_env)
        return unseal(self.sealed_key, self.key_place) if self.sealed_key else None

    def account(self) -> Account:
        """All that a provider needs to speak for this connection. Raises CannotOpen."""
        return Account(
            dialect=self.dialect,
            base_url=self.base_url,
            api_key=self.key(),
            auth_header=self.auth_header or "Authorization",
            organization=self.organization or None,
            project=self.project or None,
            extra_headers=self.extra_headers,
            extra_query=self.extra_query,
        )

    @property
    def is_troubled(self) -> bool:
        return self.health not in {Health.NEW, Health.OK}


def _key_from_environment(name: str) -> Secret | None:
    if not KEY_ENV.match(name):
        raise CannotOpen(f"{name} is not the name of a provider key")
    if name not in settings.PROVIDER_KEYS:
        raise CannotOpen(f"{name} is not set in the environment")
    return Secret(settings.PROVIDER_KEYS[name])
