"""What was observed of a job, row by row: the history that outlives the provider.

Where another index begins with the job, its key has none of its own: these are the longest tables.
"""

from django.db import models
from django.db.models.functions import Now

from accounts.models import M_co, TeamQuerySet
from jobs.models.connection import Connection
from jobs.models.job import Job


class OfJob(TeamQuerySet[M_co]):
    team_path = "job__team"


class Snapshot(models.Model):
    """A job as the API said it. Equal neighbours of one source are one row with a count."""

    class Source(models.TextChoices):
        RETRIEVE = "retrieve", "Retrieved"
        LIST = "list", "From the list"

    job = models.ForeignKey(Job, models.CASCADE, db_index=False, related_name="snapshots")
    source = models.CharField(max_length=8, choices=Source)
    body = models.TextField()  # JSON, keys in the order the API sent them
    fingerprint = models.CharField(max_length=32)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    seen_count = models.PositiveIntegerField(default=1)
    is_newest = models.BooleanField(default=True)  # of its source; the one a poll compares with
    is_late = models.BooleanField(default=False)  # answered after a newer one was applied

    objects = OfJob.as_manager()

    class Meta:
        indexes = [models.Index(fields=["job", "-id"], name="snapshot_of_job")]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "source"],
                name="snapshot_newest",
                condition=models.Q(is_newest=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} of {self.job_id} at {self.first_seen_at}"


class OfConnection(TeamQuerySet[M_co]):
    team_path = "connection__team"


class Transition(models.Model):
    """A change worth telling: of a job's state, or of a connection's health (then job is null).

    A condition that begins (stuck, overfitting ...) leads from "" to its name, and from its name to
    "recovered" when it is over.
    """

    class Kind(models.TextChoices):
        STATE = "state", "State"
        MISSING = "missing", "Missing at the provider"
        HEALTH = "health", "Health of the connection"
        CONDITION = "condition", "Condition"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="transitions")
    job = models.ForeignKey(
        Job, models.CASCADE, null=True, db_index=False, related_name="transitions"
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.STATE)
    from_state = models.CharField(max_length=12, blank=True)  # blank: first seen
    to_state = models.CharField(max_length=12)
    raw_status = models.CharField(max_length=80, blank=True)
    reason = models.TextField(blank=True)
    subject = models.CharField(max_length=200, blank=True)  # the base model that retires
    facts = models.JSONField(
        default=dict
    )  # the numbers behind a condition, with units in the names
    # How long the job was in `from_state`, where we saw it enter and leave; else null. The base model
    # stands beside it so that one index finds the latest stays of a state and model.
    stayed_s = models.FloatField(null=True)
    base_model = models.CharField(max_length=200, blank=True)
    happened_at = models.DateTimeField(null=True)  # the provider's clock, when it tells
    recorded_at = models.DateTimeField(db_default=Now())
    rings = models.BooleanField(default=False)  # decided when observed: history rings nobody
    announced_at = models.DateTimeField(null=True)

    objects = OfConnection.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="transition_unannounced",
                condition=models.Q(announced_at__isnull=True),
            ),
            models.Index(fields=["job", "id"], name="transition_of_job"),
            models.Index(  # what failed since somebody last looked
                fields=["to_state", "recorded_at"],
                name="transition_ringing",
                condition=models.Q(rings=True),
            ),
            models.Index(
                fields=["connection", "from_state", "base_model", "-id"],
                name="transition_stays",
                condition=models.Q(stayed_s__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_state or '-'} -> {self.to_state}"


class Estimate(models.Model):
    """A finish time the provider announced; a row a change, so that its drift can be drawn."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="estimates")
    estimated_finish = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    objects = OfJob.as_manager()

    def __str__(self) -> str:
        return f"ETA {self.estimated_finish}"


class Event(models.Model):
    job = models.ForeignKey(Job, models.CASCADE, db_index=False, related_name="events")
    provider_id = models.CharField(max_length=128)  # or a hash, where the provider gives no id
    created_at = models.DateTimeField(null=True)
    level = models.CharField(max_length=5)
    raw_level = models.CharField(max_length=20, blank=True)
    type = models.CharField(max_length=20, blank=True)
    message = models.TextField(blank=True)
    body = models.JSONField(null=True)  # the event's `data`

    objects = OfJob.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "provider_id"], name="event_once")]
        indexes = [models.Index(fields=["job", "-created_at", "-id"], name="event_newest")]

    def __str__(self) -> str:
        return self.message


class PointSource(models.IntegerChoices):
    """Where a point comes from. On disagreement the higher number wins."""

    EVENT = 1, "event"
    CHECKPOINT = 2, "checkpoint"
    RESULT_FILE = 3, "result file"


class Point(models.Model):
    job = models.ForeignKey(Job, models.CASCADE, db_index=False, related_name="points")
    metric = models.CharField(max_length=200)
    step = models.FloatField()
    value = models.FloatField()
    source = models.PositiveSmallIntegerField(choices=PointSource)
    seen_at = models.DateTimeField()

    objects = OfJob.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "metric", "step"], name="point_once"),
        ]

    def __str__(self) -> str:
        return f"{self.metric}[{self.step:g}] = {self.value:g}"


class Checkpoint(models.Model):
    job = models.ForeignKey(Job, models.CASCADE, db_index=False, related_name="checkpoints")
    provider_id = models.CharField(max_length=128)
    created_at = models.DateTimeField(null=True)
    step = models.IntegerField(null=True)
    model = models.CharField(max_length=300, blank=True)  # `fine_tuned_model_checkpoint`
    metrics = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(null=True)

    objects = OfJob.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "provider_id"], name="checkpoint_once")
        ]

    def __str__(self) -> str:
        return self.model or self.provider_id
