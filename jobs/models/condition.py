"""Something that lasts and worries: a job that is stuck or overfits, a base model that retires."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from jobs.models.connection import Connection
from jobs.models.facts import OfConnection
from jobs.models.job import Job


class Condition(models.Model):
    """From raised to resolved. Of one kind about one thing at most one is open."""

    class Kind(models.TextChoices):
        STUCK = "stuck", "Stuck in a state"
        NO_PROGRESS = "no_progress", "No progress"
        DIVERGING = "diverging", "Loss diverges"
        OVERFITTING = "overfitting", "Overfitting"
        ETA_SLIPPED = "eta_slipped", "Finish time slipped"
        RETIRING = "retiring", "Base model retires"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="conditions")
    job = models.ForeignKey(Job, models.CASCADE, null=True, related_name="conditions")
    kind = models.CharField(max_length=12, choices=Kind)
    subject = models.CharField(max_length=200, blank=True)  # a base model; blank for jobs
    level = models.PositiveSmallIntegerField(default=0)  # of a retirement: 90, 30 or 7 days
    reason = models.TextField(blank=True)
    facts = models.JSONField(default=dict)
    since = models.DateTimeField(null=True)  # when it began, e.g. the job entered the state
    raised_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True)

    objects = OfConnection.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job", "kind"],
                name="condition_once_a_job",
                condition=Q(resolved_at=None, job__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["connection", "kind", "subject"],
                name="condition_once_a_connection",
                condition=Q(resolved_at=None, job__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["job", "kind", "-id"], name="condition_of_job")]

    def __str__(self) -> str:
        return f"{self.kind} since {self.raised_at}"
