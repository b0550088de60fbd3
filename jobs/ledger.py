"""Counts what watching costs and how late it is. Threads tell it; the polling thread writes it down.

Counts wait in memory for a few seconds, so a killed process loses those it had not written yet, and
nothing else: what is written is added by one statement a row, whoever else adds to it meanwhile.
"""

import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Q

from jobs.claims import database_now
from jobs.manners import LIST
from jobs.models import Connection, Count, LatenessTally, RequestTally
from jobs.trouble import forget_refusals
from providers.ratelimits import RateLimits
from providers.traffic import OnReply, Traffic

FLUSH_EVERY_S = 3.0
SAY_EVERY_S = 20.0  # what a provider says of its limits is written no more often
ROLL_UP_EVERY_S = 3600.0
ROLLED_UP_AT_ONCE = 5000  # rows
BOUNDS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
BEYOND_S = 1e9
KEPT = timedelta(days=30)
EVER = datetime(1970, 1, 1, tzinfo=UTC)  # the hour of everything older
STALE_WRITES = "stale_writes"
LARGEST = 2**62  # a provider may say any number
LONGEST_RESET_S = 86_400.0 * 30

_REQUEST_KEY = ("connection", "hour", "capability", "outcome")
_LATENESS_KEY = ("hour", "work", "upper_s")

Outcome = RequestTally.Outcome
_BY_STATUS = {
    401: Outcome.REFUSED,
    403: Outcome.REFUSED,
    404: Outcome.MISSING,
    410: Outcome.MISSING,
    429: Outcome.LIMITED,
}
_BY_HUNDRED = {2: Outcome.OK, 5: Outcome.BROKEN}

K = TypeVar("K")

log = structlog.get_logger(__name__)


def outcome_of(status: int | None) -> RequestTally.Outcome:
    """What an HTTP status means for a tally; None: no complete answer came."""
    if status is None:
        return Outcome.UNANSWERED
    return _BY_STATUS.get(status) or _BY_HUNDRED.get(status // 100, Outcome.INVALID)


def bound_of(late_s: float) -> float:
    """The upper bound of the bucket a lateness falls into, in seconds."""
    return next((bound for bound in BOUNDS_S if late_s <= bound), BEYOND_S)


@dataclass(frozen=True, slots=True)
class Said:
    """A provider's statement about its limits. `at`: on this machine's clock."""

    limits: RateLimits
    at: datetime


RequestKey = tuple[int, str, str]  # connection, capability, outcome
LatenessKey = tuple[str, float]  # work, upper bound


def _sums() -> defaultdict[Any, tuple[int, float]]:
    return defaultdict(lambda: (0, 0.0))


@dataclass(slots=True)
class _Page:
    """What was told since the last flush: number and total by key."""

    requests: dict[RequestKey, tuple[int, float]] = field(default_factory=_sums)
    lateness: dict[LatenessKey, tuple[int, float]] = field(default_factory=_sums)
    counts: Counter[str] = field(default_factory=Counter)

    def is_empty(self) -> bool:
        return not (self.requests or self.lateness or self.counts)

    def add(self, other: "_Page") -> None:
        _add_sums(self.requests, other.requests)
        _add_sums(self.lateness, other.lateness)
        self.counts.update(other.counts)


def _add_sums(mine: dict[K, tuple[int, float]], more: Mapping[K, tuple[int, float]]) -> None:
    for key, (number, total) in more.items():
        mine[key] = (mine[key][0] + number, mine[key][1] + total)


class Ledger:
    """The counts of one process. Everything but `flush` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._page = _Page()
        self._said: dict[int, Said] = {}
        self._unwritten: set[int] = set()  # connections whose statement is not in the database
        self._wrote_at: dict[int, float] = {}
        self._flushed_at = time.monotonic()
        self._rolled_up_at = -math.inf

    def listener(self, connection_id: int) -> OnReply:
        """What a provider of this connection tells its traffic to."""
        return partial(self.hear, connection_id)

    def hear(self, connection_id: int, traffic: Traffic) -> None:
        key = (connection_id, traffic.capability[:12], outcome_of(traffic.status).value)
        with self._lock:
            number, total = self._page.requests[key]
            self._page.requests[key] = (number + 1, total + traffic.elapsed_s * 1000)
            known = self._said.get(connection_id)
            says_something = traffic.limits.remaining_requests is not None
            if says_something and (known is None or traffic.at >= known.at):
                self._said[connection_id] = Said(traffic.limits, traffic.at)
                self._unwritten.add(connection_id)

    def said(self, connection_id: int) -> Said | None:
        """The newest statement of the provider about its limits."""
        return self._said.get(connection_id)

    def note_start(self, work: LatenessTally.Work, late_s: float) -> None:
        """Work began so many seconds after it was due."""
        late_s = max(late_s, 0.0)
        key = (work.value, bound_of(late_s))
        with self._lock:
            number, total = self._page.lateness[key]
            self._page.lateness[key] = (number + 1, total + late_s)

    def count(self, name: str) -> None:
        with self._lock:
            self._page.counts[name] += 1

    def flush_sometimes(self) -> None:
        if time.monotonic() - self._flushed_at >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Writes everything down. What the database does not take now is kept for the next time."""
        with self._lock:
            page, self._page = self._page, _Page()
        self._flushed_at = time.monotonic()
        try:
            _write(page)
            self._write_statements()
            self._roll_up_sometimes()
        except DatabaseError as error:
            log.warning("counts_kept_for_later", error=str(error))
            with self._lock:
                self._page.add(page)

    def _write_statements(self) -> None:
        latest = self._flushed_at - SAY_EVERY_S
        for connection_id in tuple(self._unwritten):
            if self._wrote_at.get(connection_id, -math.inf) <= latest:
                self.write_statement(connection_id)

    def write_statement(self, connection_id: int) -> None:
        """Stores what the provider said last of its limits."""
        with self._lock:
            self._unwritten.discard(connection_id)
        self._wrote_at[connection_id] = time.monotonic()
        _store_statement(connection_id, self._said[connection_id])

    def _roll_up_sometimes(self) -> None:
        if self._flushed_at - self._rolled_up_at >= ROLL_UP_EVERY_S:
            roll_up(database_now())
            self._rolled_up_at = self._flushed_at


@cache
def ledger() -> Ledger:
    """The one of this process."""
    return Ledger()


@contextmanager
def counting(connection_id: int) -> Iterator[OnReply]:
    """Counts the requests of a block outside polling: a test of the connection, an action."""
    own = Ledger()
    own._rolled_up_at = time.monotonic()  # noqa: SLF001 - the poller does that
    try:
        yield own.listener(connection_id)
    finally:
        own.flush()


def raise_count(name: str, number: int = 1) -> None:
    """Adds to a counter of the machine face at once."""
    _add(Count, ("name",), ("number",), [(name, number)])


def _write(page: _Page) -> None:
    """One transaction, so that a page is added whole or, with an error, not at all."""
    if page.is_empty():
        return
    now = database_now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    ids = {key[0] for key in page.requests}
    with transaction.atomic():
        known = dict(Connection.objects.filter(pk__in=ids).values_list("pk", "refused"))
        requests = [
            (pk, hour, capability, outcome, number, round(total))
            for (pk, capability, outcome), (number, total) in page.requests.items()
            if pk in known  # removed meanwhile: its counts went with it
        ]
        lateness = [(hour, *key, *sums) for key, sums in page.lateness.items()]
        _add(RequestTally, _REQUEST_KEY, ("number", "elapsed_ms"), requests)
        _add(LatenessTally, _LATENESS_KEY, ("number", "total_s"), lateness)
        _add(Count, ("name",), ("number",), page.counts.items())
    for pk, refused in known.items():
        if healed := _healed(page, pk, refused):
            forget_refusals(pk, healed)


def _healed(page: _Page, pk: int, refused: Mapping[str, object]) -> set[str]:
    """What was refused before and is answered now."""

    def came(name: str, outcome: RequestTally.Outcome) -> bool:
        return (pk, name, outcome.value) in page.requests

    names = {name for name in refused if name != LIST and came(name, Outcome.OK)}
    return {name for name in names if not came(name, Outcome.REFUSED)}


def _add(
    model: type[models.Model],
    keys: Sequence[str],
    sums: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    """Adds to the rows with these keys, which are made when there are none.

    `F() + n` cannot be said in Django's upsert, and update-then-insert has a gap between the two.
    In the order of the keys, so that two writers never wait for each other.
    """
    by_name = {one.name: one for one in model._meta.concrete_fields}  # noqa: SLF001 - Django's public way to its fields
    fields = [by_name[name] for name in (*keys, *sums)]
    quote = connection.ops.quote_name
    table, columns = quote(model._meta.db_table), [quote(one.column or one.name) for one in fields]  # noqa: SLF001 - as above
    added = [f"{name} = {table}.{name} + EXCLUDED.{name}" for name in columns[len(keys) :]]
    sql = (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) "  # noqa: S608 - names of our own models
        f"ON CONFLICT ({', '.join(columns[: len(keys)])}) DO UPDATE SET {', '.join(added)}"
    )
    values = [
        tuple(
            one.get_db_prep_save(value, connection) for one, value in zip(fields, row, strict=True)
        )
        for row in sorted(rows, key=lambda row: tuple(row[: len(keys)]))
    ]
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(sql, values)


def _store_statement(connection_id: int, said: Said) -> None:
    """Unless a newer one is there already, of another worker."""
    now = database_now()
    said_at = now - (datetime.now(UTC) - said.at)  # the age is of one clock, the time of another
    older = Q(limits_said_at=None) | Q(limits_said_at__lt=said_at) | Q(limits_said_at__gt=now)
    limits, reset_s = said.limits, said.limits.reset_requests_s
    resets_in = None if reset_s is None else timedelta(seconds=min(reset_s, LONGEST_RESET_S))
    Connection.objects.filter(older, pk=connection_id).update(
        limit_requests=_bounded(limits.limit_requests),
        remaining_requests=_bounded(limits.remaining_requests),
        limit_resets_at=said_at + resets_in if resets_in else None,
        limits_said_at=said_at,
    )


def _bounded(number: int | None) -> int | None:
    return None if number is None else min(number, LARGEST)


def roll_up(now: datetime) -> None:
    """Adds tallies older than 30 days to one row for ever, so that totals never fall."""
    old = {"hour__gt": EVER, "hour__lt": now - KEPT}
    with transaction.atomic():
        _roll_up(RequestTally.objects.filter(**old), _REQUEST_KEY, ("number", "elapsed_ms"))
        _roll_up(LatenessTally.objects.filter(**old), _LATENESS_KEY, ("number", "total_s"))


def _roll_up(rows: "models.QuerySet[Any]", keys: tuple[str, ...], sums: tuple[str, ...]) -> None:
    """Rows that another process is rolling up are its own."""
    taken = list(rows.select_for_update(skip_locked=True)[:ROLLED_UP_AT_ONCE])
    rest_of_key = [rows.model._meta.get_field(name).attname for name in keys if name != "hour"]  # noqa: SLF001 - Django's public way to its fields
    place = keys.index("hour")
    totals: defaultdict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0] * len(sums))
    for row in taken:
        key = [getattr(row, name) for name in rest_of_key]
        key.insert(place, EVER)
        totals[tuple(key)] = [
            so_far + getattr(row, name)
            for so_far, name in zip(totals[tuple(key)], sums, strict=True)
        ]
    _add(rows.model, keys, sums, [(*key, *total) for key, total in totals.items()])
    rows.model.objects.filter(pk__in=[row.pk for row in taken]).delete()
