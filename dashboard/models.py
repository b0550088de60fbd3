"""What the parts of this installation say about themselves."""

from datetime import datetime, timedelta

from django.db import models

IDLE_PATIENCE = timedelta(seconds=45)
BUSY_PATIENCE = timedelta(seconds=100)  # a task is ended after 90 s


class Heartbeat(models.Model):
    """When a part was last seen at work. Written by the part itself, read by every page."""

    class Part(models.TextChoices):
        POLL = "poll", "Poll worker"
        ALERTS = "alerts", "Alert worker"
        BEAT = "beat", "Beat"
        SWEEP = "sweep", "Last sweep"

    part = models.CharField(max_length=10, choices=Part, unique=True)
    at = models.DateTimeField()
    is_busy = models.BooleanField(default=False)  # inside a task, so silent until it ends

    def __str__(self) -> str:
        return f"{self.part} at {self.at}"

    def is_late(self, now: datetime) -> bool:
        return now - self.at > (BUSY_PATIENCE if self.is_busy else IDLE_PATIENCE)
