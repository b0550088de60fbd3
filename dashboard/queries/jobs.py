"""What the jobs list shows: one page of rows, the counts around them, and what needs a look first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.db.models import DateTimeField, Subquery, Value
from django.db.models.expressions import Combinable

from accounts.models import Team
from dashboard import words
from dashboard.columns import CHOICES, STRIP, Column, chosen, is_wide
from dashboard.list_url import list_url
from dashboard.marks import Choices
from dashboard.queries import news
from dashboard.queries.hearing import Hearing, hearing_with, number_of
from dashboard.queries.job_filter import METHODS, PAGE_SIZES, JobFilter
from dashboard.queries.job_pages import page_of
from dashboard.queries.job_row import Row, row_of
from dashboard.queries.narrowing import listed, narrow
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
from dashboard.queries.troubles import Trouble, troubles_of
from dashboard.visits import Visit
from jobs import searching
from jobs.models import Connection, Job
from providers.states import State

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

LAST_FAILED = f"state={State.FAILED.value}&sort=-ended"
# What a list says of a connection: a quarter of its columns.
OF_CONNECTION = (
    *("team", "slug", "name", "origin", "health", "health_reason", "is_paused", "last_good_at"),
    *("wait_until", "paced_until", "next_sweep_at"),
)
MOST_TAGS = 60  # offered to filter by; the others are links in the rows


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
    def column_choices(self) -> Choices:
        """All columns, and whether each is shown."""
        return tuple((one.name, one.title, one in self.columns) for one in CHOICES)

    @property
    def tag_choices(self) -> Choices:
        """Tags to filter by, those in use first, and whether each is."""
        asked = self.asked.tags
        rest = [tag for tag in self.tags if tag not in asked]
        return tuple((tag, tag, tag in asked) for tag in (*asked, *rest))[:MOST_TAGS]

    @property
    def state_choices(self) -> Choices:
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


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at the list. `jobs`: all it may show; `rest`: those of them that the filter lets through, in
    any state.
    """

    team: Team
    asked: JobFilter
    visit: Visit
    connections: dict[int, Connection]
    jobs: "JobQuerySet"
    rest: "JobQuerySet"

    @property
    def shown(self) -> "JobQuerySet":
        return self.rest.in_state(*self.asked.states) if self.asked.states else self.rest


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
    look = _look(team, asked, visit, hits)
    counts = state_counts(_counted(look), asked.states)
    found, next_after = page_of(look.shown, asked)
    everything: Combinable = Value(0) if found else total_by_index(team, look.connections)
    told = _told(look, _last_end(look, counts), everything)
    pins = _pins(look, told)
    rows = tuple(row_of(job, look.connections[job.connection_id]) for job in found)
    return JobsPage(
        asked=asked,
        verdict=_verdict(counts, told.failed, told.stuck, asked, visit),
        verdict_at=told.last_ended_at,
        troubles=troubles_of(look.connections.values(), now),
        connections=tuple(look.connections.values()),
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


def _look(team: Team, asked: JobFilter, visit: Visit, hits: searching.Hits | None) -> _Look:
    found = Connection.objects.for_team(team).live().order_by("name").only(*OF_CONNECTION)
    connections = {one.pk: one for one in found}
    jobs = listed(team, connections, is_archived=asked.archived)
    rest = narrow(jobs, asked.stateless, connections, hits)
    return _Look(team, asked, visit, connections, jobs, rest)


def _counted(look: _Look) -> dict[str, int]:
    """Of all states, of the rest."""
    slug = look.asked.connection
    if not look.asked.is_counted_by_index:
        return counted(look.rest)
    named = [pk for pk, one in look.connections.items() if slug in {"", one.slug}]
    return counted_by_index(look.team, named)


def _last_end(look: _Look, counts: Iterable[StateCount]) -> Combinable:
    """When the last one ended, as a value: told where nothing is running, of all jobs only."""
    if any(one.is_moving for one in counts) or look.asked.stateless.is_narrow:
        return Value(None, DateTimeField())
    ended = look.jobs.filter(ended_at__isnull=False)  # the words of its index; `exclude` has others
    return Subquery(ended.order_by("-ended_at").values("ended_at")[:1])


def _pins(look: _Look, told: "_Told") -> Pins:
    if not look.asked.has_strip:
        return Pins()
    some = {"has_failed": bool(told.failed), "has_stuck": bool(told.stuck)}
    return pinned(look.jobs, look.visit.since, look.connections, **some)


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


def _told(look: _Look, last_end: Combinable, everything: Combinable) -> _Told:
    """`last_end`, `everything`: values of the same statement."""
    asked, visit = look.asked, look.visit
    is_one = visit.since == visit.looked_at  # on a first visit: then one count serves for both
    is_apart = asked.tells_failures and not is_one
    alive = listed(look.team, look.connections)
    heard, (waiting, unseen, failed, last_ended_at, count) = hearing_with(
        look.team,
        number_of(look.rest.stuck()),
        number_of(news.failed_since(alive, visit.looked_at)),
        number_of(news.failed_since(alive, visit.since)) if is_apart else Value(0),
        last_end,
        everything,
    )
    if asked.tells_failures and is_one:
        failed = unseen
    numbers = (waiting or 0, unseen or 0, failed or 0)
    return _Told(heard, *numbers, last_ended_at, count or 0)


def exact_hit(team: Team, hits: searching.Hits | None) -> Job | None:
    """The only job whose id is exactly what was searched for."""
    if hits is None or len(hits.exact) != 1:
        return None
    found = Job.objects.for_team(team).live().filter(pk=hits.exact[0])
    return found.select_related("connection").first()


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
