"""What the jobs list shows: one page of rows, the counts around them, and what needs a look first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.db.models import DateTimeField, Subquery, Value
from django.db.models.expressions import Combinable
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from dashboard import words
from dashboard.columns import CHOICES, STRIP, Column, chosen, is_wide
from dashboard.list_url import list_url
from dashboard.queries import news
from dashboard.queries.hearing import Hearing, hearing_with, number_of
from dashboard.queries.job_filter import METHODS, PAGE_SIZES, JobFilter
from dashboard.queries.job_pages import page_of
from dashboard.queries.job_row import Row, row_of
from dashboard.queries.pinned import SHOWN, Pins, pinned
from dashboard.queries.state_counts import (
    STATE_ORDER,
    StateCount,
    counted,
    counted_by_index,
    said,
    state_counts,
    total_by_index,
    total_of,
)
from dashboard.visits import Visit
from jobs import searching
from jobs.models import Connection, Job
from jobs.models.job import UNDATED
from providers.states import State

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

__all__ = ["JobFilter", "JobsPage", "exact_hit", "job_list", "listed", "narrow", "next_try_at"]

DAY = timedelta(days=1)
LAST_FAILED = f"state={State.FAILED.value}&sort=-ended"
# What a list says of a connection: a quarter of its columns.
OF_CONNECTION = (
    *("team", "slug", "name", "origin", "health", "health_reason", "is_paused", "last_good_at"),
    *("wait_until", "paced_until", "next_sweep_at"),
)
MOST_TAGS = 60  # offered to filter by; the others are links in the rows


@dataclass(frozen=True, slots=True)
class Trouble:
    """A connection whose polling fails; its rows stay as they were."""

    name: str
    url: str
    health: str
    reason: str
    last_good_at: datetime | None
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobsPage:
    asked: JobFilter
    verdict: str
    verdict_at: datetime | None
    troubles: tuple[Trouble, ...]
    connections: tuple[Connection, ...]
    counts: tuple[StateCount, ...]
    stuck: int
    failed: int  # since the last visit, in all jobs
    span: str  # that time in words
    strip: tuple[Row, ...]
    strip_title: str
    rows: tuple[Row, ...]
    next_after: str
    unseen: str  # failures since the last look, for the title
    hearing: Hearing
    all_jobs: int  # without any filter, counted where it lets nothing through
    columns: tuple[Column, ...]
    tags: tuple[str, ...]  # in use in the team
    choices: tuple[Column, ...] = CHOICES
    page_sizes: tuple[int, ...] = PAGE_SIZES
    methods: tuple[str, ...] = METHODS

    @property
    def total(self) -> str:
        return total_of(self.counts)

    @property
    def is_active(self) -> bool:
        return any(one.is_moving for one in self.counts)

    @property
    def is_first_run(self) -> bool:
        return not self.connections

    @property
    def unwatched(self) -> tuple[Connection, ...]:
        """Paused connections whose jobs this list may show."""
        paused = (one for one in self.connections if one.is_paused)
        return tuple(one for one in paused if self.asked.connection in {"", one.slug})

    @property
    def is_demo(self) -> bool:
        """Whether all that is watched is simulated."""
        return bool(self.connections) and all(
            one.origin == Connection.Origin.DEMO for one in self.connections
        )

    @property
    def strip_columns(self) -> tuple[Column, ...]:
        return chosen(STRIP, has_cost=False)

    @property
    def is_wide(self) -> bool:
        """Whether its table scrolls sideways."""
        return is_wide(self.columns)

    @property
    def shown_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def tag_choices(self) -> tuple[tuple[str, bool], ...]:
        """Tags to filter by, those in use first, and whether each is."""
        asked = self.asked.tags
        rest = [tag for tag in self.tags if tag not in asked]
        return tuple((tag, tag in asked) for tag in (*asked, *rest))[:MOST_TAGS]

    @property
    def state_choices(self) -> tuple[tuple[str, str, bool], ...]:
        """All states by value and word, and whether each is asked for; also those no job is in now."""
        return tuple((one.value, one.word, one.value in self.asked.states) for one in STATE_ORDER)

    @property
    def clear_url(self) -> str:
        """All jobs, in the order and columns that were chosen."""
        return list_url(urlencode(self.asked.look, safe=","))

    @property
    def stuck_toggle(self) -> int | None:
        """What the chip asks for: the stuck ones, or all again."""
        return None if self.asked.stuck else 1

    @property
    def failures(self) -> str:
        """How many failed since the last visit, in a sentence; "" when none did."""
        return f"{words.counted(self.failed, 'job')} failed {self.span}." if self.failed else ""

    @property
    def hidden_url(self) -> str:
        """Where those are shown, if this filter may hide some."""
        is_shown = self.asked.has_strip or self.asked.shows_failures
        return list_url() if self.failed and not is_shown else ""

    @property
    def more_url(self) -> str:
        """Where those are that the strip has no room for."""
        return list_url(LAST_FAILED) if self.asked.has_strip and self.failed > SHOWN else ""

    @property
    def no_hits(self) -> str:
        """The filter in words, how many jobs its states hide, and how many there are without it."""
        text = f"Asked for: {self.asked.words}."
        hidden = sum(one.count for one in self.counts)
        if self.asked.states and hidden:
            text += f" {words.counted(hidden, 'job')} in other states."
        noun = "job" if self.all_jobs == 1 else "jobs"
        return f"{text} {said(self.all_jobs)} {noun} without the filter."

    @property
    def news(self) -> str:
        """What a screen reader is told when the list changes."""
        first = self.strip[0] if self.strip else None
        if first is None:
            return self.failures
        why = first.error_code or first.error_line
        return f"{first.name} failed: {why}" if first.is_failed else f"{first.name} looks stuck"


def job_list(
    team: Team,
    asked: JobFilter,
    *,
    visit: Visit,
    now: datetime,
    hits: searching.Hits | None = None,
) -> JobsPage:
    """The page that `asked` describes. `visit`: when the viewer was last here, for the strip;
    `hits`: what its search found, where the caller knows.
    """
    connections = tuple(
        Connection.objects.for_team(team).live().order_by("name").only(*OF_CONNECTION)
    )
    by_id = {connection.pk: connection for connection in connections}
    jobs = listed(team, by_id, is_archived=asked.archived)
    rest = narrow(jobs, asked.stateless, by_id, hits)
    counts = state_counts(_counted(team, asked, rest, by_id), asked.states)
    found, next_after = page_of(rest.in_state(*asked.states) if asked.states else rest, asked)
    ends: Combinable = Value(None, DateTimeField())
    if not (any(one.is_moving for one in counts) or asked.stateless.is_narrow):
        ends = _last_end_of(jobs)
    everything: Combinable = Value(0) if found else total_by_index(team, by_id)
    told = _told(team, asked, visit, rest.stuck(), listed(team, by_id), ends, everything)
    some = {"has_failed": bool(told.failed), "has_stuck": bool(told.stuck)}
    pins = pinned(jobs, visit.since, by_id, **some) if asked.has_strip else Pins()
    rows = tuple(row_of(job, by_id[job.connection_id]) for job in found)
    return JobsPage(
        asked=asked,
        verdict=_verdict(counts, told.failed, told.stuck, asked, visit),
        verdict_at=told.last_ended_at,
        troubles=tuple(
            trouble_of(one, now) for one in connections if one.is_troubled and not one.is_paused
        ),
        connections=connections,
        counts=counts,
        stuck=told.stuck,
        failed=told.failed,
        span=visit.span,
        strip=pins.rows,
        strip_title=pins.title(visit.span),
        rows=rows,
        next_after=next_after,
        unseen=news.shown(told.unseen),
        hearing=told.hearing,
        all_jobs=told.everything,
        columns=chosen(asked.cols, has_cost=any(row.cost_usd is not None for row in rows)),
        tags=tuple(team.tags),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What one statement tells beside the rows. `unseen`: failures since the last look; `failed`: since
    the last visit, 0 where the list does not tell of them.
    """

    hearing: Hearing
    stuck: int
    unseen: int
    failed: int
    last_ended_at: datetime | None
    everything: int


def _told(
    team: Team,
    asked: JobFilter,
    visit: Visit,
    stuck: "JobQuerySet",
    alive: "JobQuerySet",
    *more: Combinable,
) -> _Told:
    """`more`: when the last one ended, and how many there are without a filter."""
    is_one = visit.since == visit.looked_at  # on a first visit: then one count serves for both
    is_apart = asked.tells_failures and not is_one
    heard, (waiting, unseen, failed, last_ended_at, everything) = hearing_with(
        team,
        number_of(stuck),
        number_of(news.failed_since(alive, visit.looked_at)),
        number_of(news.failed_since(alive, visit.since)) if is_apart else Value(0),
        *more,
    )
    if asked.tells_failures and is_one:
        failed = unseen
    numbers = (waiting or 0, unseen or 0, failed or 0)
    return _Told(heard, *numbers, last_ended_at, everything or 0)


def exact_hit(team: Team, hits: searching.Hits | None) -> Job | None:
    """The only job whose id is exactly what was searched for."""
    if hits is None or len(hits.exact) != 1:
        return None
    found = Job.objects.for_team(team).live().filter(pk=hits.exact[0])
    return found.select_related("connection").first()


def listed(team: Team, connections: Iterable[int], *, is_archived: bool = False) -> "JobQuerySet":
    """All jobs of these connections, or those of them that were put away."""
    jobs = Job.objects.for_team(team).filter(connection__in=connections)
    return jobs.filter(archived_at__isnull=not is_archived)


def _counted(
    team: Team, asked: JobFilter, rest: "JobQuerySet", connections: Mapping[int, Connection]
) -> dict[str, int]:
    if not asked.is_counted_by_index:
        return counted(rest)
    named = [pk for pk, one in connections.items() if asked.connection in {"", one.slug}]
    return counted_by_index(team, named)


def narrow(
    jobs: "JobQuerySet",
    asked: JobFilter,
    connections: Mapping[int, Connection],
    hits: searching.Hits | None = None,
) -> "JobQuerySet":
    """The jobs that the filter lets through, of `listed` ones."""
    if asked.states:
        jobs = jobs.in_state(*asked.states)
    if asked.stuck:
        jobs = jobs.stuck()
    if asked.connection:
        jobs = jobs.filter(
            connection__in=[pk for pk, one in connections.items() if one.slug == asked.connection]
        )
    said = {
        "base_model__icontains": asked.model,
        "method": asked.method,
        "error_code": asked.error,
    }
    jobs = jobs.filter(**{name: value for name, value in said.items() if value})
    for tag in asked.tags:
        jobs = jobs.filter(tags__contains=f" {tag} ")
    jobs = _created_between(jobs, asked)
    if asked.q:
        teams = {one.team_id for one in connections.values()}
        jobs = (hits or searching.hits(teams, asked.q)).among(jobs, teams)
    return jobs


def _created_between(jobs: "JobQuerySet", asked: JobFilter) -> "JobQuerySet":
    """By the days of the viewer's own zone; a job without a date is on none of them."""
    zone = timezone.get_current_timezone()
    if asked.first:
        begin = datetime.combine(asked.first, time(), zone)
        jobs = jobs.filter(listed_at__gte=begin)
    if asked.last:
        end = datetime.combine(asked.last + DAY, time(), zone)
        jobs = jobs.filter(listed_at__lt=end, listed_at__gt=UNDATED)
    return jobs


def _last_end_of(jobs: "JobQuerySet") -> Subquery:
    ended = jobs.filter(ended_at__isnull=False)  # the words of its index; `exclude` has others
    return Subquery(ended.order_by("-ended_at").values("ended_at")[:1])


def _verdict(
    counts: Iterable[StateCount], failed: int, stuck: int, asked: JobFilter, visit: Visit
) -> str:
    """What looks stuck and moves. Of a part of the jobs only what is so there: that nothing failed is
    said of all of them, and to who was here before.
    """
    told = [_moving(counts, is_part=asked.stateless.is_narrow)]
    if stuck:
        told.append(f"{words.counted(stuck, 'job looks', 'jobs look')} stuck.")
    if not failed and asked.has_strip and not visit.is_first:
        told.insert(0, "No new failure since your last visit.")
    return " ".join(filter(None, told))


def _moving(counts: Iterable[StateCount], *, is_part: bool) -> str:
    """`is_part`: they are of the jobs that a filter lets through, of which there may be none."""
    known = [one for one in counts if one.count]
    moving = ", ".join(f"{one.shown} {one.word.lower()}" for one in known if one.is_moving)
    if not is_part:
        return f"{moving[:1].upper()}{moving[1:]}." if moving else "Nothing running."
    if moving:
        return f"Among the filtered jobs: {moving}."
    return "None of the filtered jobs is running." if known else ""


def trouble_of(connection: Connection, now: datetime) -> Trouble:
    return Trouble(
        name=connection.name,
        url=reverse("connection", args=[connection.slug]),
        health=connection.get_health_display(),
        reason=connection.health_reason,
        last_good_at=connection.last_good_at,
        next_try_at=next_try_at(connection, now),
    )


def next_try_at(connection: Connection, now: datetime) -> datetime | None:
    """When it is asked again; None when that is due now."""
    gates = (connection.wait_until, connection.paced_until, connection.next_sweep_at)
    planned = max(filter(None, gates), default=now)
    return planned if planned > now else None
