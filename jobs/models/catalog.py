"""What a provider offers to train on: its base models, their limits and the day they retire."""

from datetime import date

from django.db import models
from django.db.models.functions import Now

from jobs.models.connection import Connection
from jobs.models.facts import OfConnection
from jobs.models.lease import Leased


class Catalog(Leased):
    """When the models and limits of a connection were read, and when they are read again."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="catalog")
    next_read_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)
    limits = models.JSONField(default=list)  # as the provider said them, where no model is named
    limits_read_at = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True)  # why the last reading went wrong

    objects = OfConnection.as_manager()

    def __str__(self) -> str:
        return f"models of {self.connection_id}"


class BaseModel(models.Model):
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="base_models")
    name = models.CharField(max_length=200)
    shutdown_on = models.DateField(null=True)  # as the provider says
    shutdown_on_by_hand = models.DateField(null=True)  # as people here say
    owned_by = models.CharField(max_length=200, blank=True)
    limits = models.JSONField(default=dict)  # the provider's names and counts
    first_seen_at = models.DateTimeField()
    # No longer rises when the provider drops the model; null: it never listed it.
    last_seen_at = models.DateTimeField(null=True)
    # The day on which we last looked whether any job was trained on it (jobs.retirements).
    use_checked_on = models.DateField(null=True)

    objects = OfConnection.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "name"], name="base_model_once")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def retires_on(self) -> date | None:
        """The day it stops answering. People who set one know better than the provider's list."""
        return self.shutdown_on_by_hand or self.shutdown_on
