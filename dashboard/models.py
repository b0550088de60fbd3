"""What the parts of this installation say about themselves, and the views of the list that people saved."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models.functions import Now

from accounts.models import Team, TeamQuerySet, User
from dashboard import patience
from dashboard.worker_name import LOCAL

IDLE_PATIENCE = timedelta(seconds=patience.IDLE_S)
BUSY_PATIENCE = timedelta(seconds=patience.BUSY_S)


class Heartbeat(models.Model):
    """When one worker of a part was last seen at work. Written by the part itself, read by every page."""

    class Part(models.TextChoices):
        POLL = "poll", "Poll worker"
        ALERTS = "alerts", "Alert worker"
        BEAT = "beat", "Beat"
        SWEEP = "sweep", "Last sweep"

    part = models.CharField(max_length=10, choices=Part)
    # See dashboard.worker_name; of the last sweep there is one note, whoever made it.
    worker = models.CharField(max_length=100, blank=True, default="")
    at = models.DateTimeField()
    is_busy = models.BooleanField(default=False)  # inside a task, so silent until it ends
    has_left = models.BooleanField(default=False)  # it was told to stop, and did

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["part", "worker"], name="heartbeat_once_a_worker")
        ]

    def __str__(self) -> str:
        return f"{self.part} {self.worker} at {self.at}"

    @property
    def display_name(self) -> str:
        machine = "" if self.worker in {"", LOCAL} else f" {self.worker}"
        return f"{self.get_part_display()}{machine}"

    def is_late(self, now: datetime) -> bool:
        return now - self.at > (BUSY_PATIENCE if self.is_busy else IDLE_PATIENCE)


class AuditReport(models.Model):
    """What the last audit found, and how the heartbeat URL answered. One row, so that a page reads one."""

    ONLY = 1
    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    at = models.DateTimeField()
    findings = models.JSONField(default=list)  # of dashboard.findings.Finding, gravest first

    called_at = models.DateTimeField(null=True)  # the last call of the heartbeat URL
    taken_at = models.DateTimeField(null=True)  # the last one that the receiver took
    call_failed = models.BooleanField(default=False)
    answer = models.CharField(max_length=300, blank=True)  # to the last call

    # Up to here deliveries were counted by how long they took: see dashboard.latency.
    counted_until = models.DateTimeField(null=True)
    counted_attempt = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{len(self.findings)} findings at {self.at}"


class LatencyTally(models.Model):
    """How long alerts took from their making to the receiver, by upper bound; of all teams together."""

    upper_s = models.FloatField(primary_key=True)  # seconds; 1e9: longer than every bound
    number = models.PositiveBigIntegerField(default=0)
    total_s = models.FloatField(default=0.0)

    def __str__(self) -> str:
        return f"{self.number} within {self.upper_s:g} s"


class SavedView(models.Model):
    """A view of the jobs list under a name: what stands in the address behind the "?"."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(User, models.CASCADE, null=True)  # null: the whole team's
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, blank=True)
    is_default = models.BooleanField(default=False)  # what the list opens with
    feed_digest = models.CharField(max_length=64, blank=True)  # of the token in its feed's address
    created_at = models.DateTimeField(db_default=Now())

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "owner", "name"], name="view_name_once"),
            models.UniqueConstraint(  # two nulls differ
                fields=["team", "name"],
                name="view_team_name_once",
                condition=models.Q(owner__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["team", "owner"],
                name="view_default_once",
                condition=models.Q(is_default=True, owner__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["team"],
                name="view_team_default_once",
                condition=models.Q(is_default=True, owner__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["feed_digest"], name="view_feed_once", condition=~models.Q(feed_digest="")
            ),
        ]

    def __str__(self) -> str:
        return self.name
