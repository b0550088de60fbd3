"""What the jobs list shows: one page of rows, the counts around them, and what needs a look first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Count, DateTimeField, F, Q, Subquery, Value
from django.http import QueryDict
from django.urls import reverse

from accounts.models import Team
from dashboard import words
from dashboard.list_url import list_url
from dashboard.queries import news
from dashboard.queries.hearing import Hearing, hearing_with, number_of
from dashboard.queries.job_row import Row, row_of
from dashboard.queries.pinned import Pins, pinned
from dashboard.visits import Visit
from jobs import labels
from jobs.models import Connection, Job
from providers.states import State

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

PAGE_SIZES = (20, 50, 100, 200)
# Name in the address -> column. A leading "-" is descending.
SORTS = {
    "created": "listed_at",
    "changed": "changed_at",
    "tokens": "trained_tokens",
    "loss": "valid_loss",
    "name": "suffix",
}
NEVER_NULL = {"listed_at"}
SEARCHED = ("suffix", "provider_id", "fine_tuned_model", "base_model", "training_file")
METHODS = ("supervised", "dpo", "reinforcement")
STATE_ORDER = sorted(State, key=lambda state: state.order)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """The view that an address asks for. Anything unreadable in it is as if it were not there."""

    q: str = ""
    states: tuple[str, ...] = ()
    connection: str = ""
    model: str = ""
    method: str = ""
    tags: tuple[str, ...] = ()  # all of them must be there
    stuck: bool = False
    sort: str = "-created"
    limit: int = 50
    after: str = ""
    exports: bool = False  # rows have boxes to tick; without them the page is 8 kB lighter

    @classmethod
    def read(cls, asked: QueryDict) -> "JobFilter":
        known = {state.value for state in State}
        sort = asked.get("sort", "")
        limit = asked.get("limit", "")
        return cls(
            q=asked.get("q", "").strip().replace("\x00", "")[:200],
            states=tuple(
                state for state in dict.fromkeys(asked.getlist("state")) if state in known
            ),
            connection=asked.get("connection", "").replace("\x00", ""),
            model=asked.get("model", "").strip().replace("\x00", "")[:200],
            method=asked.get("method", "") if asked.get("method") in METHODS else "",
            tags=tuple(
                tag for tag in dict.fromkeys(asked.getlist("tag")) if labels.TAG.fullmatch(tag)
            )[: labels.MOST_TAGS],
            stuck=asked.get("stuck") == "1",
            sort=sort if sort.removeprefix("-") in SORTS else "-created",
            limit=int(limit) if limit.isdecimal() and int(limit) in PAGE_SIZES else 50,
            after=asked.get("after", ""),
            exports=asked.get("export") == "1",
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.q or self.states or self.stuck or self.tags or self.folded)

    @property
    def has_strip(self) -> bool:
        """Whether the failures since the last visit stand above the rows."""
        return not self.is_narrow and not self.after

    @property
    def folded(self) -> bool:
        """Whether the folded filters (all but search and state) are in use."""
        return bool(self.connection or self.model or self.method)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """What a form repeats so that its answer is about the same jobs."""
        named = {"q": self.q, "connection": self.connection}
        named |= {"model": self.model, "method": self.method, "stuck": "1" if self.stuck else ""}
        states = tuple(("state", state) for state in self.states)
        states += tuple(("tag", tag) for tag in self.tags)
        return states + tuple((name, value) for name, value in named.items() if value)

    @property
    def column(self) -> str:
        return SORTS[self.sort.removeprefix("-")]

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def words(self) -> str:
        """The filter as a person would say it."""
        parts = [" or ".join(State(state).word.lower() for state in self.states)]
        parts += ["stuck or without progress"] if self.stuck else []
        parts += [f"connection {self.connection}"] if self.connection else []
        parts += [f"base model {self.model}"] if self.model else []
        parts += [f"method {self.method}"] if self.method else []
        parts += [f"tagged {' and '.join(self.tags)}"] if self.tags else []
        parts += [f"“{self.q}”"] if self.q else []
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class StateCount:
    state: str
    word: str
    count: int
    is_chosen: bool


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
    total: int
    stuck: int
    strip: tuple[Row, ...]
    strip_title: str
    rows: tuple[Row, ...]
    next_after: str
    unseen: str  # failures since the last look, for the title
    hearing: Hearing
    is_active: bool
    page_sizes: tuple[int, ...] = PAGE_SIZES
    methods: tuple[str, ...] = METHODS

    @property
    def is_first_run(self) -> bool:
        return not self.connections and not self.total

    @property
    def clear_url(self) -> str:
        return list_url()

    @property
    def stuck_toggle(self) -> int | None:
        """What the chip asks for: the stuck ones, or all again."""
        return None if self.asked.stuck else 1

    @property
    def no_hits(self) -> str:
        """The filter in words, and how many jobs there are without its states."""
        text = f"Asked for: {self.asked.words}."
        if self.asked.states:
            text += f" {words.counted(self.total, 'job')} in other states."
        return text

    @property
    def news(self) -> str:
        """What a screen reader is told when the list changes."""
        first = self.strip[0] if self.strip else None
        if first is None:
            return ""
        why = first.error_code or first.error_line
        return f"{first.name} failed: {why}" if first.is_failed else f"{first.name} looks stuck"


def job_list(team: Team, asked: JobFilter, *, visit: Visit, now: datetime) -> JobsPage:
    """The page that `asked` describes. `visit`: when the viewer was last here, for the strip."""
    connections = tuple(Connection.objects.for_team(team).live().order_by("name"))
    by_id = {connection.pk: connection for connection in connections}
    jobs = Job.objects.for_team(team).filter(connection__in=by_id, archived_at=None)
    counts = state_counts(jobs, asked, by_id)
    found, next_after = page_of(narrow(jobs, asked, by_id), asked)
    pins = pinned(jobs, visit.since, by_id) if asked.has_strip else Pins()
    rest = narrow(jobs, replace(asked, states=()), by_id)
    unseen = news.failed_since(Job.objects.for_team(team).live(), visit.looked_at)
    is_moving = any(one.count and not State(one.state).is_over for one in counts)
    heard, (stuck, failures, last_ended_at) = hearing_with(
        team,
        number_of(rest.stuck()),
        number_of(unseen),
        Value(None, DateTimeField()) if is_moving else _last_end_of(jobs),
    )
    return JobsPage(
        asked=asked,
        verdict=say_verdict(counts, pins, stuck or 0),
        verdict_at=last_ended_at,
        troubles=tuple(
            trouble_of(one, now) for one in connections if one.is_troubled and not one.is_paused
        ),
        connections=connections,
        counts=counts,
        total=sum(count.count for count in counts),
        stuck=stuck or 0,
        strip=pins.rows,
        strip_title=pins.title,
        rows=tuple(row_of(job, by_id[job.connection_id]) for job in found),
        next_after=next_after,
        unseen=news.shown(failures or 0),
        is_active=is_moving,
        hearing=heard,
    )


def exact_hit(team: Team, q: str) -> Job | None:
    """The only job whose id is exactly what was searched for."""
    if not q:
        return None
    found = Job.objects.for_team(team).live().filter(provider_id=q).select_related("connection")[:2]
    return found[0] if len(found) == 1 else None


def narrow(
    jobs: "JobQuerySet", asked: JobFilter, connections: Mapping[int, Connection]
) -> "JobQuerySet":
    """The jobs that the filter lets through."""
    if asked.states:
        jobs = jobs.in_state(*asked.states)
    if asked.stuck:
        jobs = jobs.stuck()
    if asked.connection:
        jobs = jobs.filter(
            connection__in=[pk for pk, one in connections.items() if one.slug == asked.connection]
        )
    if asked.model:
        jobs = jobs.filter(base_model__icontains=asked.model)
    if asked.method:
        jobs = jobs.filter(method=asked.method)
    jobs = _tagged(jobs, asked.tags)
    if asked.q:
        matches = Q()
        for column in SEARCHED:
            matches |= Q(**{f"{column}__icontains": asked.q})
        jobs = jobs.filter(matches)
    return jobs


def _tagged(jobs: "JobQuerySet", tags: tuple[str, ...]) -> "JobQuerySet":
    for tag in tags:
        jobs = jobs.filter(tags__contains=f" {tag} ")
    return jobs


def state_counts(
    jobs: "JobQuerySet", asked: JobFilter, connections: Mapping[int, Connection]
) -> tuple[StateCount, ...]:
    """Jobs per state under all of the filter but its states, so that they show what it hides."""
    rest = narrow(jobs, replace(asked, states=()), connections)
    found = dict(rest.order_by().values_list("state").annotate(Count("pk")))
    return tuple(
        StateCount(state.value, state.word, found.get(state.value, 0), state.value in asked.states)
        for state in STATE_ORDER
        if found.get(state.value) or state.value in asked.states
    )


def page_of(jobs: "JobQuerySet", asked: JobFilter) -> tuple[list[Job], str]:
    """The rows of one page and the cursor of the next ("" when there is none)."""
    column, nulls_last = F(asked.column), None if asked.column in NEVER_NULL else True
    is_down = asked.is_descending
    order = column.desc(nulls_last=nulls_last) if is_down else column.asc(nulls_last=nulls_last)
    jobs = beyond(jobs, asked).order_by(order, "-pk")
    found = list(jobs.defer("train_curve")[: asked.limit + 1])  # no list draws it
    has_more = len(found) > asked.limit
    return found[: asked.limit], str(found[asked.limit - 1].public_id) if has_more else ""


def beyond(jobs: "JobQuerySet", asked: JobFilter) -> "JobQuerySet":
    """The jobs that come after the cursor's in the chosen order; all for a cursor that is gone."""
    last = _last_shown(jobs, asked)
    if last is None:
        return jobs
    value, pk = last
    if value is None:
        return jobs.filter(**{f"{asked.column}__isnull": True}, pk__lt=pk)
    direction = "lt" if asked.is_descending else "gt"
    if asked.column in NEVER_NULL:  # the first of the two is what an index can begin at
        from_here = jobs.filter(**{f"{asked.column}__{direction}e": value})
        return from_here.exclude(**{asked.column: value}, pk__gte=pk)
    return jobs.filter(
        Q(**{f"{asked.column}__{direction}": value})
        | Q(**{asked.column: value}, pk__lt=pk)
        | Q(**{f"{asked.column}__isnull": True})
    )


def _last_shown(jobs: "JobQuerySet", asked: JobFilter) -> tuple[object, int] | None:
    try:
        last = UUID(asked.after)
    except ValueError:
        return None
    return jobs.filter(public_id=last).values_list(asked.column, "pk").first()


def _last_end_of(jobs: "JobQuerySet") -> Subquery:
    return Subquery(jobs.exclude(ended_at=None).order_by("-ended_at").values("ended_at")[:1])


def say_verdict(counts: tuple[StateCount, ...], pins: Pins, stuck: int) -> str:
    """What moves, what looks stuck, and what failed."""
    moving = [one for one in counts if one.count and not State(one.state).is_over]
    text = ", ".join(f"{words.thin(one.count)} {one.word.lower()}" for one in moving)
    told = [f"{text[:1].upper()}{text[1:]}." if moving else "Nothing running."]
    told += [f"{words.counted(stuck, 'job looks', 'jobs look')} stuck."] if stuck else []
    told += [f"{pins.failures} failed since your last visit."] if pins.failed else []
    return " ".join(told)


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
