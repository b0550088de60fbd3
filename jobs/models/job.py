"""A fine-tuning job as it is known now. Its history is in `jobs.models.facts`."""

import uuid
from datetime import UTC, datetime
from typing import Self

from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce, Now

from accounts.models import Team, TeamQuerySet
from jobs.models.connection import Connection
from jobs.models.lease import Leased
from providers.states import State

STATES = [(state.value, state.word) for state in State]
UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
OVER = [state.value for state in State if state.is_over]


class JobQuerySet(TeamQuerySet["Job"]):
    def live(self) -> Self:
        """Not archived, and of a connection that is not."""
        return self.filter(archived_at=None, connection__archived_at=None)

    def active(self) -> Self:
        return self.live().exclude(state__in=OVER)

    def stuck(self) -> Self:
        """Flagged as stuck or without progress; one index has them in their order."""
        return self.filter(stuck_since__isnull=False)

    def in_state(self, *states: str) -> Self:
        return self.filter(state__in=states)


class Job(Leased):
    """Everything a list shows, sorts by or filters on is a column here: no join, no aggregate."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="jobs")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="jobs")
    provider_id = models.CharField(max_length=128)

    # As the provider said it last. Null is "did not say".
    state = models.CharField(max_length=10, choices=STATES, default=State.UNKNOWN.value)
    raw_status = models.CharField(max_length=80, blank=True)
    base_model = models.CharField(max_length=200, blank=True)
    fine_tuned_model = models.CharField(max_length=300, null=True)
    suffix = models.CharField(max_length=200, null=True)
    method = models.CharField(max_length=40, null=True)
    training_file = models.CharField(max_length=200, null=True)
    validation_file = models.CharField(max_length=200, null=True)
    result_files = models.JSONField(default=list)  # list of provider file ids
    seed = models.BigIntegerField(null=True)
    organization_id = models.CharField(max_length=200, null=True)
    trained_tokens = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(null=True)
    # Where lists put it, undated jobs at the end. Never null: no order with nulls can use one index
    # on both databases.
    listed_at = models.GeneratedField(
        expression=Coalesce("created_at", Value(UNDATED)),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    finished_at = models.DateTimeField(null=True)
    estimated_finish = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=200, null=True)
    error_message = models.TextField(null=True)
    error_param = models.CharField(max_length=200, null=True)
    error_extra = models.JSONField(default=dict)
    hyperparameters = models.JSONField(default=dict)  # as resolved now
    requested = models.JSONField(default=dict)  # the hyperparameters when first seen
    method_details = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    integrations = models.JSONField(default=list)
    restarted_from = models.CharField(max_length=128, null=True)  # provider id of the job before
    unreadable = models.JSONField(default=list)  # names of fields that could not be read

    # Progress and headline figures, kept up to date when points come.
    step = models.FloatField(null=True)
    total_steps = models.IntegerField(null=True)
    headline_metric = models.CharField(max_length=80, blank=True)  # what `curve` draws
    headline_value = models.FloatField(null=True)
    curve = models.JSONField(default=list)  # at most 48 values of the headline metric, oldest first
    train_loss = models.FloatField(null=True)
    valid_loss = models.FloatField(null=True)
    best_valid_loss = models.FloatField(null=True)
    reward = models.FloatField(null=True)
    # At most 48 values of the training loss where `curve` draws another metric, else null.
    train_curve = models.JSONField(null=True)
    corrected_points = models.PositiveIntegerField(default=0)  # by a better source, beyond rounding

    # What `jobs.conditions` judges by, written when it changes.
    state_since = models.DateTimeField(null=True)  # when it entered its state, as far as we know
    is_since_exact = models.BooleanField(default=False)  # to within a few looks
    progressed_at = models.DateTimeField(null=True)  # the last step, point or event, as we saw it
    longest_gap_s = models.FloatField(null=True)  # between two of these, while it runs
    planned_finish = models.DateTimeField(null=True)  # the first estimate since it runs
    # Written by jobs.watch alone: the kinds of its open conditions, spaces between, and since when it
    # is flagged as stuck or without progress, so that a list need not read another table.
    flags = models.CharField(max_length=80, blank=True)
    stuck_since = models.DateTimeField(null=True)

    # What people said of it, written by jobs.labels alone: its tags, a space around each, so that one is
    # found without another table; and a note.
    tags = models.CharField(max_length=1000, blank=True)
    note = models.TextField(blank=True)
    # An estimate, written by jobs.costing alone; null is unknown, never 0.
    cost_usd = models.FloatField(null=True)

    # Ours.
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)  # of the last change of anything shown
    ended_at = models.DateTimeField(null=True)  # finished_at, else when we first saw it over
    settled_at = models.DateTimeField(null=True)  # over, late events and result files collected
    version = models.PositiveIntegerField(default=0)  # rises with every visible change
    was_seen_alive = models.BooleanField(default=False)
    is_tracked_by_id = models.BooleanField(default=False)  # added by its id: always retrieved
    is_paused = models.BooleanField(default=False)  # our watching, not the training
    archived_at = models.DateTimeField(null=True)
    missing_count = models.PositiveSmallIntegerField(default=0)
    missing_since = models.DateTimeField(null=True)
    is_missing = models.BooleanField(default=False)
    trouble = models.TextField(blank=True)  # why the last poll of this job alone went wrong
    trouble_count = models.PositiveSmallIntegerField(default=0)
    # Where reading the events was cut short; older ones than this one are still to come.
    events_cut = models.CharField(max_length=128, blank=True)
    reopened_count = models.PositiveSmallIntegerField(
        default=0
    )  # fresh reads that took back an end

    next_poll_at = models.DateTimeField(null=True)
    retrieved_at = models.DateTimeField(null=True)
    events_read_at = models.DateTimeField(null=True)  # when they were last asked for and answered
    checkpoints_read_at = models.DateTimeField(null=True)
    applied_request_at = models.DateTimeField(null=True)  # start of the request applied last

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "provider_id"], name="job_once"),
        ]
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="job_newest"),
            models.Index(fields=["team", "-listed_at", "-id"], name="job_listed"),
            models.Index(fields=["team", "state", "-listed_at", "-id"], name="job_by_state"),
            # Counts per state without a look at a row. Its condition always holds; a query has to say it,
            # so that SQLite does not take this index for rows, which others give in their order.
            models.Index(
                fields=["team", "state", "connection", "archived_at"],
                name="job_counted",
                condition=models.Q(id__gt=0),
            ),
            models.Index(fields=["team", "valid_loss"], name="job_by_valid_loss"),
            models.Index(
                fields=["connection", "restarted_from"],
                name="job_restarted",
                condition=models.Q(restarted_from__isnull=False),
            ),
            models.Index(
                fields=["next_poll_at"],
                name="job_due",
                condition=models.Q(next_poll_at__isnull=False),
            ),
            models.Index(
                fields=["team", "-stuck_since"],
                name="job_stuck",
                condition=models.Q(stuck_since__isnull=False),
            ),
            models.Index(  # when the last one ended
                fields=["team", "-ended_at"],
                name="job_ended",
                condition=models.Q(ended_at__isnull=False),
            ),
            models.Index(  # how many jobs of a connection are polled: decides how often each is
                fields=["connection"],
                name="job_polled",
                condition=models.Q(next_poll_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.suffix or self.provider_id

    @property
    def is_over(self) -> bool:
        return State(self.state).is_over

    @property
    def is_settled(self) -> bool:
        return self.is_over and self.settled_at is not None

    @property
    def has_error(self) -> bool:
        return bool(self.error_code or self.error_message or self.error_extra)

    @property
    def progress(self) -> float | None:
        """0 to 1, or None when the provider gives no steps."""
        return share_done(self.step, self.total_steps)


def share_done(step: float | None, total_steps: int | None) -> float | None:
    """0 to 1, or None when the provider gives no steps."""
    if not step or not total_steps or total_steps <= 0:
        return None
    return min(step / total_steps, 1.0)
