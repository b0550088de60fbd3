"""What watching costs and how late it is, counted per hour: rows that any process may add to."""

from django.db import models

from jobs.models.connection import Connection
from jobs.models.facts import OfConnection


class RequestTally(models.Model):
    """Requests to one provider in one hour. `hour` 1970-01-01: everything older, rolled up."""

    class Outcome(models.TextChoices):
        OK = "ok", "Answered"
        MISSING = "missing", "Not found"
        REFUSED = "refused", "Refused"  # 401 and 403
        LIMITED = "limited", "Asked to wait"  # 429
        INVALID = "invalid", "Not understood"  # any other 3xx and 4xx
        BROKEN = "broken", "Server trouble"  # 5xx
        UNANSWERED = "unanswered", "No answer"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="tallies")
    hour = models.DateTimeField()
    capability = models.CharField(max_length=12)  # jobs, events, checkpoints, files ...
    outcome = models.CharField(max_length=10, choices=Outcome)
    number = models.PositiveIntegerField(default=0)
    elapsed_ms = models.PositiveBigIntegerField(default=0)  # of all of them together

    objects = OfConnection.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "hour", "capability", "outcome"], name="request_tally_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.capability} {self.outcome}"


class LatenessTally(models.Model):
    """How long after it was due work began, by upper bound; of all connections together."""

    class Work(models.TextChoices):
        SWEEP = "sweep", "List"
        RETRIEVE = "retrieve", "Job"

    hour = models.DateTimeField()
    work = models.CharField(max_length=8, choices=Work)
    upper_s = models.FloatField()  # seconds; 1e9 stands for "later than every bound"
    number = models.PositiveIntegerField(default=0)
    total_s = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hour", "work", "upper_s"], name="lateness_tally_once")
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.work} within {self.upper_s:g} s"


class Count(models.Model):
    """A counter that only rises, for the machine face: stale writes refused, hints that failed."""

    name = models.CharField(max_length=40, primary_key=True)
    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.number}"
