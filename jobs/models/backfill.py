"""The archive of a connection: reading all of its history, once, however often it is interrupted."""

from django.db import models
from django.db.models.functions import Now

from jobs.models.connection import Connection
from jobs.models.facts import OfConnection
from jobs.models.lease import Leased


class Backfill(Leased):
    """How far the list was read; which jobs are read in full stands in the jobs themselves."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="backfill")
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    after = models.CharField(max_length=128, blank=True)  # the list's cursor, "" at its start
    listed_count = models.PositiveIntegerField(default=0)  # jobs on the pages read so far
    listed_at = models.DateTimeField(null=True)  # when the end of the list was reached
    next_step_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True)  # why the last step went wrong

    objects = OfConnection.as_manager()

    def __str__(self) -> str:
        return f"archive of {self.connection_id}: {self.state}"
