"""Who is told, through what, and whether it arrived."""

import uuid
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models.functions import Now

from accounts.cipher import Place, seal, unseal
from accounts.models import Team, TeamQuerySet
from jobs.models import Connection, Job, Transition
from jobs.models.lease import Leased
from outbound.secret import Secret


class ChannelQuerySet(TeamQuerySet["Channel"]):
    def enabled(self) -> Self:
        return self.filter(is_enabled=True)


class Channel(models.Model):
    """One place that is told. What a kind needs is in `config`, its secrets are sealed apart."""

    class Origin(models.TextChoices):
        SITE = "site", "Added here"
        ENVIRONMENT = "environment", "From the environment"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="channels")
    kind = models.CharField(max_length=20)  # name of a file in alerts/channels
    name = models.CharField(max_length=80)
    origin = models.CharField(max_length=11, choices=Origin, default=Origin.SITE, editable=False)
    config = models.JSONField(default=dict)  # what may be shown
    sealed_secrets = models.TextField(blank=True)  # JSON object, encrypted, bound to this row
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    # A failing channel backs off as a whole: one trial send at a time.
    failures = models.PositiveSmallIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True)
    wait_until = models.DateTimeField(null=True)
    last_sent_at = models.DateTimeField(null=True)
    last_answer = models.CharField(max_length=300, blank=True)

    objects = ChannelQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def is_failing(self) -> bool:
        return self.failures > 0

    @property
    def secrets_place(self) -> Place:
        return Place("alerts_channel|sealed_secrets", str(self.team.public_id), str(self.public_id))

    def set_secrets(self, text: Secret | None) -> None:
        self.sealed_secrets = seal(text, self.secrets_place) if text else ""

    def secrets(self) -> Secret | None:
        """The JSON object of secrets. Raises accounts.cipher.CannotOpen."""
        return unseal(self.sealed_secrets, self.secrets_place) if self.sealed_secrets else None


class Rule(models.Model):
    """When any job (or one connection's) becomes one of `states`, tell these channels."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="rules")
    name = models.CharField(max_length=80, blank=True)
    states = models.JSONField(default=list)  # succeeded, failed, cancelled, missing, or a health
    connection = models.ForeignKey(Connection, models.CASCADE, null=True, blank=True)
    channels = models.ManyToManyField(Channel, related_name="rules")
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = TeamQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name or f"rule {self.pk}"


class DeliveryQuerySet(TeamQuerySet["Delivery"]):
    def of_job(self, job: Job) -> Self:
        return self.filter(transition__job=job).order_by("id")

    def pending(self) -> Self:
        return self.filter(state=Delivery.State.PENDING)

    def unsent(self) -> Self:
        """In the words of the index: most of a long history was sent."""
        return self.filter(~models.Q(state=Delivery.State.SENT))

    def with_attempts(self) -> Self:
        """All that a log of deliveries shows, in two queries."""
        attempts = models.Prefetch("attempts", Attempt.objects.order_by("id"))
        return self.select_related(
            "channel", "rule", "transition__job", "transition__connection"
        ).prefetch_related(attempts)


class Delivery(Leased):
    """One alert on its way to one channel. "Sending" is no state: it is a live lease."""

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        SENT = "sent", "Sent"
        DEAD = "dead", "Given up"
        SUPPRESSED = "suppressed", "Suppressed"

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # same on every try
    team = models.ForeignKey(Team, models.CASCADE, related_name="deliveries")
    transition = models.ForeignKey(Transition, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="deliveries")
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=300, blank=True)  # of dead or suppressed
    # One job, or one connection: its alerts reach a channel in the order they happened.
    thread = models.CharField(max_length=40, editable=False)
    message = models.JSONField()  # alerts.message.Message as of the event
    failures = models.PositiveSmallIntegerField(default=0)  # index into the retry schedule
    created_at = models.DateTimeField(db_default=Now())
    next_attempt_at = models.DateTimeField(null=True, db_default=Now())
    sent_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["transition", "channel"], name="alert_once_a_channel")
        ]
        indexes = [
            models.Index(
                fields=["channel", "next_attempt_at"],
                name="delivery_due",
                condition=models.Q(state="pending"),
            ),
            models.Index(
                fields=["channel", "thread"],
                name="delivery_thread",
                condition=models.Q(state="pending"),
            ),
            models.Index(fields=["team", "-id"], name="delivery_newest"),
            models.Index(
                fields=["team", "state"],
                name="delivery_unsent",
                condition=~models.Q(state="sent"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"

    def save(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # Django's own
        self.thread = self.thread or thread_of(self.transition)
        super().save(*args, **kwargs)

    def is_sending(self, now: datetime) -> bool:
        """Whether a worker holds it. `now`: the database's clock, like the lease."""
        is_held = self.lease_until is not None and self.lease_until > now
        return self.state == self.State.PENDING and is_held


def thread_of(transition: Transition) -> str:
    if transition.job_id is None:
        return f"connection-{transition.connection_id}"
    return f"job-{transition.job_id}"


class Attempt(models.Model):
    """One try of a delivery, and what the receiver answered."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField(db_default=Now())
    is_sent = models.BooleanField()
    status_code = models.PositiveSmallIntegerField(null=True)
    answer = models.CharField(max_length=300, blank=True)
    duration_ms = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["delivery", "id"], name="attempt_of_delivery")]

    def __str__(self) -> str:
        return f"{self.status_code or '-'} {self.answer}".strip()
