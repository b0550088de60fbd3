"""Forgets snapshots and events of jobs that are long over, where a team asked for it.

Never touched: jobs that are not over and settled; of each source the first and the last snapshot
and those at a transition; transitions, points, checkpoints and files. A round looks at the jobs of
a team in the order of their ids, a batch a transaction, and keeps its place in the team's row: it
may be stopped or killed at any moment, and any number of workers may share it.
"""

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, groupby
from operator import itemgetter

from django.db import models, transaction
from django.db.models import Avg, Count, Exists, F, OuterRef, Q
from django.db.models.functions import Cast, Coalesce, Length

from accounts.models import Team
from jobs.claims import database_now
from jobs.failpoints import failpoint
from jobs.models import Event, Job, Retention, Snapshot, Transition
from jobs.models.job import OVER
from jobs.schedule import jittered

LEAST_DAYS, MOST_DAYS = 1, 3650
ROWS = 1000  # deleted in one transaction, so that polling waits a moment only
JOBS = 100  # looked at for it
BUDGET_S = 3.0  # of one turn: a worker that polls has little time for this
DAY_S = 86_400.0
SAMPLE = 500  # rows from which the size of all is estimated
ROW_BYTES = 150  # of a row besides its text, indexes included


@dataclass(frozen=True, slots=True)
class Rules:
    """Days after the end of a job; None keeps for ever."""

    snapshot_days: int | None = None
    event_days: int | None = None

    @property
    def shortest(self) -> int | None:
        return min(
            (d for d in (self.snapshot_days, self.event_days) if d is not None), default=None
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the rules would remove now. `oldest`: end of the job that ended first; bytes: about."""

    jobs: int = 0
    snapshots: int = 0
    events: int = 0
    bytes: int = 0
    oldest: datetime | None = None

    @property
    def rows(self) -> int:
        return self.snapshots + self.events


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction removed. `is_last`: the round is over."""

    snapshots: int
    events: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A snapshot without its body."""

    id: int
    source: str
    first_seen_at: datetime
    is_newest: bool = False
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Doomed:
    """What the rules remove of one job that is over."""

    job_id: int
    over_since: datetime
    snapshots: tuple[int, ...] = ()
    events: int = 0

    @property
    def rows(self) -> int:
        return len(self.snapshots) + self.events


def rules_of(retention: Retention) -> Rules:
    return Rules(retention.snapshot_days, retention.event_days)


def spare(snapshots: Iterable[Seen], moments: Iterable[datetime]) -> list[int]:
    """The ids that may go of one job's snapshots. `moments`: of its transitions, by both clocks.

    Kept of each source: the first and the last, by time and as stored, with late ones and without;
    and around each transition the two newest up to it and the next one. Two, because a sweep and an
    archive may read the list at the same time, and either may have shown it.
    """
    by_source: dict[str, list[Seen]] = defaultdict(list)
    for one in snapshots:
        by_source[one.source].append(one)
    recorded = sorted(moments)
    kept = {found for own in by_source.values() for found in _kept(own, recorded)}
    return sorted(one.id for own in by_source.values() for one in own if one.id not in kept)


def _kept(own: list[Seen], moments: list[datetime]) -> set[int]:
    """Of the snapshots of one source."""
    by_time = sorted(own, key=lambda one: (one.first_seen_at, one.id))
    timely = [one for one in by_time if not one.is_late]
    ids = sorted(one.id for one in own)
    ends = [*by_time[:1], *by_time[-1:], *timely[:1], *timely[-1:]]
    kept = {ids[0], ids[-1], *(one.id for one in ends), *(one.id for one in own if one.is_newest)}
    times = [one.first_seen_at for one in timely]
    for moment in moments:
        place = bisect_right(times, moment)
        kept |= {one.id for one in timely[max(place - 2, 0) : place + 1]}
    return kept


def forecast(team: Team, rules: Rules, now: datetime) -> Forecast:
    """The dry run: reads, and changes nothing."""
    jobs = snapshots = events = 0
    oldest: datetime | None = None
    samples: list[Doomed] = []
    for one in chain.from_iterable(_doomed(some, rules, now) for some in _chunks(team, rules, now)):
        jobs, snapshots, events = jobs + 1, snapshots + len(one.snapshots), events + one.events
        oldest = min(oldest or one.over_since, one.over_since)
        if len(samples) < SAMPLE:
            samples.append(replace(one, snapshots=one.snapshots[:1]))
    size = _snapshot_bytes(samples) * snapshots + _event_bytes(samples) * events
    return Forecast(jobs, snapshots, events, int(size), oldest)


def _chunks(team: Team, rules: Rules, now: datetime) -> Iterator[list[tuple[int, datetime]]]:
    cursor = 0
    while jobs := _old_jobs(team.pk, rules, now, cursor, limit=5 * JOBS):
        yield jobs
        cursor = jobs[-1][0]


def _old_jobs(
    team_id: int, rules: Rules, now: datetime, cursor: int, limit: int | None = None
) -> list[tuple[int, datetime]]:
    """(id, over since) of the next jobs that any rule speaks of.

    Of history nobody may know the end: then the days count from when it was read in full.
    """
    if rules.shortest is None:
        return []
    old = (
        Job.objects.filter(team_id=team_id, pk__gt=cursor, state__in=OVER, settled_at__isnull=False)
        .annotate(over_since=Coalesce("ended_at", "settled_at"))
        .filter(_has_something(rules), over_since__lt=now - timedelta(days=rules.shortest))
    )
    return list(old.order_by("pk").values_list("pk", "over_since")[: limit or JOBS])


def _has_something(rules: Rules) -> Q:
    """Spares a look at the many jobs of which nothing is left to remove."""
    snapshots = Snapshot.objects.filter(job=OuterRef("pk"), is_newest=False)
    found = Q(Exists(snapshots)) if rules.snapshot_days is not None else Q()
    if rules.event_days is not None:
        found |= Q(Exists(Event.objects.filter(job=OuterRef("pk"))))
    return found


def _doomed(jobs: Sequence[tuple[int, datetime]], rules: Rules, now: datetime) -> Iterator[Doomed]:
    """By job id, read no further than asked for; without jobs of which nothing would go."""
    of_events = Event.objects.filter(job__in=_older(jobs, rules.event_days, now)).order_by()
    events = dict(of_events.values_list("job").annotate(Count("pk")))
    spared = _spare_snapshots(_older(jobs, rules.snapshot_days, now))
    upcoming = next(spared, None)
    for pk, since in jobs:
        snapshots: tuple[int, ...] = ()
        if upcoming and upcoming[0] == pk:
            snapshots, upcoming = tuple(upcoming[1]), next(spared, None)
        if snapshots or pk in events:
            yield Doomed(pk, since, snapshots, events.get(pk, 0))


def _older(jobs: Sequence[tuple[int, datetime]], days: int | None, now: datetime) -> list[int]:
    if days is None:
        return []
    return [pk for pk, over_since in jobs if over_since < now - timedelta(days=days)]


def _spare_snapshots(job_ids: list[int]) -> Iterator[tuple[int, list[int]]]:
    """(job, ids) by job. Only jobs with more than the newest of each source are looked at."""
    older = Snapshot.objects.filter(job__in=job_ids, is_newest=False)
    several = set(older.values_list("job", flat=True))
    moments: dict[int | None, list[datetime]] = defaultdict(list)
    changes = Transition.objects.filter(job__in=several)
    for owner, *told in changes.values_list("job_id", "recorded_at", "happened_at"):
        moments[owner] += [moment for moment in told if moment]
    columns = ("job_id", "id", "source", "first_seen_at", "is_newest", "is_late")
    rows = Snapshot.objects.filter(job__in=several).order_by("job", "-pk").values_list(*columns)
    for job_id, group in groupby(rows.iterator(chunk_size=2000), key=itemgetter(0)):
        if ids := spare((Seen(*facts) for _, *facts in group), moments[job_id]):
            yield job_id, ids


def _snapshot_bytes(samples: Iterable[Doomed]) -> float:
    ids = [pk for one in samples for pk in one.snapshots]
    sizes = Snapshot.objects.filter(pk__in=ids).aggregate(mean=Avg(Length("body")))
    return (sizes["mean"] or 0) + ROW_BYTES


def _event_bytes(samples: Iterable[Doomed]) -> float:
    sample = Event.objects.filter(job__in=[one.job_id for one in samples if one.events]).annotate(
        size=Length("message") + Coalesce(Length(Cast("body", models.TextField())), 0)
    )
    sizes = list(sample.values_list("size", flat=True)[:SAMPLE])
    return (sum(sizes) / len(sizes) if sizes else 0) + ROW_BYTES


def enable(team: Team, rules: Rules) -> Retention:
    """From now on, every day, beginning with the next turn of a worker."""
    facts = {
        "snapshot_days": rules.snapshot_days,
        "event_days": rules.event_days,
        "is_enabled": True,
        "next_prune_at": database_now(),
        "cursor": 0,
    }
    return Retention.objects.update_or_create(team=team, defaults=facts)[0]


def disable(team: Team) -> None:
    """Nothing is removed any more, not even the rest of a round that has begun."""
    Retention.objects.filter(team=team).update(is_enabled=False, next_prune_at=None, cursor=0)


def begin_round(retention: Retention) -> None:
    """Makes it due at once; a round under way goes on where it is."""
    Retention.objects.filter(pk=retention.pk, is_enabled=True).update(next_prune_at=database_now())


def prune_due(budget_s: float = BUDGET_S, clock: Callable[[], float] = time.monotonic) -> int:
    """Prunes what is due until nothing is or the time is up; the number of rows removed."""
    ends_at, removed = clock() + budget_s, 0
    due = Retention.objects.filter(is_enabled=True, next_prune_at__lte=database_now())
    for pk in list(due.order_by("next_prune_at").values_list("pk", flat=True)):
        while clock() < ends_at and (batch := prune_batch(pk)):
            removed += batch.snapshots + batch.events
            if batch.is_last:
                break
    return removed


def prune_batch(retention_id: int) -> Batch | None:
    """Removes the next rows of a team's round; None when none is due (any more).

    What may go is found out before the transaction: SQLite has one writer at a time, and it must
    not wait for our reading.
    """
    now = database_now()
    due = Retention.objects.filter(pk=retention_id, is_enabled=True, next_prune_at__lte=now)
    if (known := due.first()) is None:
        return None
    jobs = _old_jobs(known.team_id, rules_of(known), now, known.cursor)
    portion = _next_portion(jobs, _doomed(jobs, rules_of(known), now))
    with transaction.atomic():
        same = due.filter(
            cursor=known.cursor,
            snapshot_days=known.snapshot_days,
            event_days=known.event_days,
        )
        held = same.select_for_update().first()
        if held is None:  # another worker was quicker, or somebody changed the rules
            return Batch(0, 0, is_last=False)
        snapshots, events = _remove(portion.doomed)
        failpoint("prune.mid")
        _move_on(held, portion, snapshots, events, now)
    failpoint("prune.committed")
    return Batch(snapshots, events, portion.is_last)


def _move_on(
    held: Retention, portion: "_Portion", snapshots: int, events: int, now: datetime
) -> None:
    held.pruned_snapshots += snapshots
    held.pruned_events += events
    held.cursor = portion.cursor
    if portion.is_last:
        held.cursor, held.pruned_at = 0, now
        held.next_prune_at = now + jittered(DAY_S)
    held.save()


@dataclass(frozen=True, slots=True)
class _Portion:
    """What fits into one transaction. `cursor`: the last job that is dealt with by it."""

    doomed: tuple[Doomed, ...]
    cursor: int
    is_last: bool


def _next_portion(jobs: Sequence[tuple[int, datetime]], found: Iterable[Doomed]) -> _Portion:
    """Whole jobs as long as they fit; of one that is too large, as much as fits."""
    room, taken = ROWS, list[Doomed]()
    for one in found:
        snapshots = one.snapshots[:room]
        part = replace(one, snapshots=snapshots, events=min(one.events, room - len(snapshots)))
        if part.rows:
            taken.append(part)
        room -= part.rows
        if part != one:
            return _Portion(tuple(taken), one.job_id - 1, is_last=False)
    return _Portion(tuple(taken), jobs[-1][0] if jobs else 0, is_last=len(jobs) < JOBS)


def _remove(doomed: Sequence[Doomed]) -> tuple[int, int]:
    """Deletes rows of jobs that are still over and settled and that nobody writes just now."""
    locked = set(
        Job.objects.filter(
            pk__in=[one.job_id for one in doomed], state__in=OVER, settled_at__isnull=False
        )
        .select_for_update(skip_locked=True)
        .values_list("pk", flat=True)
    )
    mine = [one for one in doomed if one.job_id in locked]
    ids = list(chain.from_iterable(one.snapshots for one in mine))
    snapshots, _ = Snapshot.objects.filter(pk__in=ids, is_newest=False).delete()
    events = _remove_events(mine)
    Job.objects.filter(pk__in=locked).update(version=F("version") + 1)
    return snapshots, events


def _remove_events(doomed: Sequence[Doomed]) -> int:
    whole = Event.objects.filter(job__in=[one.job_id for one in doomed if one.events])
    ids = list(
        whole.order_by("job", "pk").values_list("pk", flat=True)[: sum(o.events for o in doomed)]
    )
    return Event.objects.filter(pk__in=ids).delete()[0]


def forgotten_events(jobs: Iterable[Job], now: datetime) -> dict[int, int]:
    """Settled jobs whose events are gone by their team's rules, with the rule's days.

    They are not asked for again: the next round would only remove them once more.
    """
    return _ruled(jobs, now, "event_days")


def thinned_snapshots(jobs: Iterable[Job], now: datetime) -> dict[int, int]:
    """Settled jobs whose snapshots the team's rules thin out, with the rule's days."""
    return _ruled(jobs, now, "snapshot_days")


def _ruled(jobs: Iterable[Job], now: datetime, rule: str) -> dict[int, int]:
    settled = [job for job in jobs if job.is_settled]
    if not settled:
        return {}
    teams = {job.team_id for job in settled}
    rows = Retention.objects.filter(team__in=teams, is_enabled=True)
    with_rule = rows.exclude(**{rule: None}).values_list("team_id", rule)
    days: dict[int, int] = dict(with_rule)
    return {
        job.pk: days[job.team_id]
        for job in settled
        if job.team_id in days and _over_for(job, now) > timedelta(days=days[job.team_id])
    }


def _over_for(job: Job, now: datetime) -> timedelta:
    return now - (job.ended_at or job.settled_at or now)
