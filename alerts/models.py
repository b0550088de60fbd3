"""Who is told, through what, and whether it arrived."""

import uuid
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models.functions import Now

from accounts.cipher import Place, seal, unseal
from accounts.models import Team, TeamQuerySet, User
from jobs.models import Connection, Job, Transition
from jobs.models.facts import OfConnection, OfJob
from jobs.models.lease import Leased
from outbound.secret import Secret


class ChannelQuerySet(TeamQuerySet["Channel"]):
    def enabled(self) -> Self:
        return self.filter(is_enabled=True)

    def set_up(self) -> Self:
        """What people set up, and may choose and change; the mail to a team's admins is ours."""
        return self.exclude(origin=Channel.Origin.ADMINS)


class Channel(models.Model):
    """One place that is told. What a kind needs is in `config`, its secrets are sealed apart."""

    class Origin(models.TextChoices):
        SITE = "site", "Added here"
        ENVIRONMENT = "environment", "From the environment"
        ADMINS = "admins", "Mail to the team's admins"  # told when another channel fails

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
    admins_told_at = models.DateTimeField(null=True)  # of the trouble it is in; null: not yet

    # Its rate cap: how many messages went out since the window began.
    messages_per_minute = models.PositiveIntegerField(null=True)  # null: as its kind says
    window_began_at = models.DateTimeField(null=True)
    window_used = models.PositiveIntegerField(default=0)

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
    """When a job of these connections, base models and metadata becomes one of `states`, tell these channels.

    An empty list asks for nothing in particular. Quiet hours hold back what is not urgent; what
    waited comes as one digest when they end.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="rules")
    name = models.CharField(max_length=80, blank=True)
    states = models.JSONField(default=list)  # names of alerts.rules.RULE_STATES
    connections = models.ManyToManyField(Connection, related_name="rules", blank=True)
    base_models = models.JSONField(default=list)  # patterns: gpt-4o-mini*
    metadata = models.JSONField(default=dict)  # key -> value, "*" for any
    is_urgent = models.BooleanField(default=False)
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    quiet_zone = models.CharField(max_length=64, default="UTC")
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

    def given_up(self) -> Self:
        """What still warns: given up, and nobody dismissed it."""
        return self.unsent().filter(state=Delivery.State.DEAD, dismissed_at=None)

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
    # Null: a notice about a channel, to the admins.
    transition = models.ForeignKey(Transition, models.CASCADE, null=True, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="deliveries")
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=300, blank=True)  # of dead or suppressed
    # One job, or one connection: its alerts reach a channel in the order they happened.
    thread = models.CharField(max_length=40, editable=False)
    message = models.JSONField()  # alerts.message.Message as of the event
    is_urgent = models.BooleanField(default=False)
    quiet_until = models.DateTimeField(null=True)  # held back by a rule's quiet hours
    # The digest that carries it: written before the first send, the key of every try of it.
    digest_key = models.UUIDField(null=True, editable=False)
    failures = models.PositiveSmallIntegerField(default=0)  # index into the retry schedule
    created_at = models.DateTimeField(db_default=Now())
    next_attempt_at = models.DateTimeField(null=True, db_default=Now())
    sent_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)  # of one given up: it warns no longer

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
            models.Index(
                fields=["digest_key"],
                name="delivery_digest",
                condition=models.Q(digest_key__isnull=False),
            ),
            models.Index(fields=["team", "-id"], name="delivery_newest"),
            models.Index(
                # The last: the jobs list counts what was given up and not dismissed on every poll.
                fields=["team", "state", "dismissed_at"],
                name="delivery_unsent",
                condition=~models.Q(state="sent"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"

    def save(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # Django's own
        if not self.thread and self.transition:
            self.thread = thread_of(self.transition)
        super().save(*args, **kwargs)

    @property
    def about(self) -> str:
        """The state or condition that rang; "notice" is one about a channel."""
        return self.transition.to_state if self.transition else "notice"

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


class Silence(models.Model):
    """Nobody is told of this job: until a time, or for good (`until` null)."""

    job = models.OneToOneField(Job, models.CASCADE, related_name="silence")
    until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    creator = models.ForeignKey(User, models.SET_NULL, null=True)

    objects = OfJob.as_manager()

    def __str__(self) -> str:
        return f"job {self.job_id} is silent until {self.until or 'further notice'}"


class InboundEndpoint(models.Model):
    """Where a provider may send its webhooks for one connection, and the secrets that sign them."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="inbound_endpoint")
    sealed_secrets = models.TextField(
        blank=True
    )  # JSON list, newest first: two while one is rotated
    created_at = models.DateTimeField(db_default=Now())
    refused_at = models.DateTimeField(null=True)  # the last request that was not the provider's

    objects = OfConnection.as_manager()

    def __str__(self) -> str:
        return f"webhooks of {self.connection}"

    @property
    def secrets_place(self) -> Place:
        team, connection = self.connection.team, self.connection
        return Place(
            "alerts_inboundendpoint|sealed_secrets", str(team.public_id), str(connection.public_id)
        )

    def set_secrets(self, text: Secret | None) -> None:
        self.sealed_secrets = seal(text, self.secrets_place) if text else ""

    def secrets(self) -> Secret | None:
        """The JSON list of secrets. Raises accounts.cipher.CannotOpen."""
        return unseal(self.sealed_secrets, self.secrets_place) if self.sealed_secrets else None


class InboundEvent(models.Model):
    """A provider's signed event, as it came. It only ever asks for a look at one job."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="inbound_events")
    webhook_id = models.CharField(max_length=256)
    type = models.CharField(max_length=80, blank=True)
    provider_job_id = models.CharField(max_length=128, blank=True)
    is_known_job = models.BooleanField(default=False)
    received_at = models.DateTimeField(db_default=Now())

    objects = OfConnection.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "webhook_id"], name="inbound_event_once")
        ]
        indexes = [models.Index(fields=["connection", "-id"], name="inbound_event_newest")]

    def __str__(self) -> str:
        return f"{self.type} {self.provider_job_id}"
