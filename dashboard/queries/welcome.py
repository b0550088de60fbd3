"""How far the first steps are done, and what the next one needs."""

from dataclasses import dataclass

from django.utils import timezone

from accounts.models import Team, User
from alerts.channels import Kind, kinds
from alerts.models import Channel
from alerts.setup import has_listener
from dashboard import words
from dashboard.queries.alerts import ChannelRow, channel_row
from dashboard.queries.connections import ConnectionRow, connection_row
from dashboard.queries.kept import NO_JOBS, JobCounts, job_counts
from jobs.models import Backfill, Connection

STEPS = {
    "account": "your account",
    "connection": "a connection",
    "archive": "the history",
    "alert": "an alert",
}


@dataclass(frozen=True, slots=True)
class Step:
    """`is_next`: the first that is open; its button is the one to press."""

    name: str
    is_done: bool
    is_next: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A real connection, and how much of its history is kept. `archive`: "" before it was asked for."""

    row: ConnectionRow
    archive: str

    @property
    def is_archive_open(self) -> bool:
        """Before its first answer nobody knows whether there is anything to keep."""
        is_kept = self.row.last_good_at is not None and self.row.jobs.kept >= self.row.jobs.over
        return not self.archive and not is_kept

    @property
    def can_archive(self) -> bool:
        return self.is_archive_open and not self.row.is_troubled

    @property
    def is_moving(self) -> bool:
        """Whether it is being read: its first answer, its archive, or what ended and is not kept yet."""
        is_asked = not (self.row.is_troubled or self.row.is_paused)
        is_unread = self.row.last_good_at is None or self.row.jobs.kept < self.row.jobs.over
        return self.archive == Backfill.State.RUNNING or (is_asked and is_unread)


@dataclass(frozen=True, slots=True)
class WelcomePage:
    steps: tuple[Step, ...]
    connections: tuple[Line, ...]
    has_demo: bool
    channels: tuple[ChannelRow, ...]
    kinds: tuple[Kind, ...]
    jobs: JobCounts  # of all connections together

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def is_moving(self) -> bool:
        """Whether it changes by itself."""
        return any(line.is_moving for line in self.connections)

    @property
    def found(self) -> str:
        """What there is to look at by now."""
        active = f", {words.thin(self.jobs.active)} of them active" if self.jobs.active else ""
        return f"{words.counted(self.jobs.all, 'job')} found{active}."

    @property
    def verdict(self) -> str:
        if self.done == len(self.steps):
            return "All set."
        done = ", ".join(STEPS[step.name] for step in self.steps if step.is_done)
        ahead = next(STEPS[step.name] for step in self.steps if step.is_next)
        return f"{f'Done: {done}. ' if done else ''}Next: {ahead}. Each can wait."


def welcome_page(team: Team, user: User) -> WelcomePage:
    now, counts = timezone.now(), job_counts(team)
    live = list(Connection.objects.for_team(team).live().order_by("pk"))
    archives = dict(Backfill.objects.for_team(team).values_list("connection", "state"))
    lines = tuple(
        Line(connection_row(row, counts.get(row.pk, NO_JOBS)), archives.get(row.pk, ""))
        for row in live
        if row.origin != Connection.Origin.DEMO
    )
    channels = Channel.objects.for_team(team).set_up().order_by("name", "pk")
    is_heard = has_listener(team)
    return WelcomePage(
        steps=steps(
            account=user.has_usable_password(),
            connection=any(not line.row.is_troubled for line in lines),
            archive=bool(lines) and not any(line.is_archive_open for line in lines),
            alert=is_heard,
        ),
        connections=lines,
        has_demo=len(live) > len(lines),
        channels=tuple(channel_row(row, now) for row in channels),
        kinds=tuple(kinds().values()),
        jobs=sum(counts.values(), NO_JOBS),
    )


def steps(**done: bool) -> tuple[Step, ...]:
    """The steps by name, in their order.

    >>> [step.is_next for step in steps(account=True, connection=False, alert=False)]
    [False, True, False]
    """
    first_open = next((name for name, is_done in done.items() if not is_done), "")
    return tuple(Step(name, is_done, name == first_open) for name, is_done in done.items())
