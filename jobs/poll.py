"""Claims what is due, asks the providers, hands the answers to record.

One pipeline: threads do the asking and never touch the database, this thread does the rest. A
connection has few questions under way at a time, and fewer until it answers, so providers that
hang hold up their own jobs only. Answers are recorded as they come. How fast a connection may be
asked is decided by its gate (see jobs.pace); what is not let through is given back and waits.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial

import structlog
from django.db import OperationalError
from django.db.models import QuerySet

from accounts.cipher import CannotOpen
from jobs import archive, catalog, manners, sweep, trouble
from jobs.claims import Claim, StaleClaim, begin, claim, database_now, release
from jobs.due import due_jobs, due_lists, may_ask
from jobs.errands import errands_for
from jobs.failpoints import failpoint
from jobs.fetch import Answer
from jobs.ledger import STALE_WRITES, Ledger, ledger
from jobs.models import Backfill, Catalog, Connection, Job, LatenessTally
from jobs.pace import Pace
from jobs.questions import (
    HistoryQuestion,
    JobQuestion,
    ListQuestion,
    Question,
    is_plain,
    take_together,
)
from jobs.schedule import has_list
from providers.base import Provider, connect
from providers.errors import (
    KeyRejected,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Unreachable,
)
from providers.traffic import Traffic

THREADS = 20
AT_ONCE = 6  # questions under way for one connection that answers
PROBES = 2  # and before it does: its list and a job, for sometimes one of the two hangs
TRIAL = 1  # and after a trouble, of all workers together
BATCH = 60  # jobs claimed at a time
BUDGET_S = 25.0  # no question starts later; with a chain and its last request below the time limit
CLAIM_EVERY_S = 1.0  # what is due is looked for so often, not after every answer
GATHER_S = 0.05  # an answer waits so long for others to share a transaction with
IDLE_S = 0.1  # between two looks when all that is left waits for its gate
LEAVE_ALONE = (KeyRejected, QuotaExhausted, RateLimited, Unreachable)

# What asking about a job takes, of its sixty columns.
READ_OF_JOB = (
    *("team_id", "provider_id", "next_poll_at", "claims", "state", "settled_at", "events_cut"),
    *("training_file", "validation_file", "result_files"),
)

Finished = Mapping[Future[object], Question]

log = structlog.get_logger(__name__)


@cache
def _threads() -> ThreadPoolExecutor:
    """One pool a process, made after the fork: an HTTP client lives as long as its thread."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="fetch")


def poll_due(budget_s: float = BUDGET_S) -> int:
    """Polls until nothing is due or the time is up; the number of answers taken."""
    run = Run(time.monotonic() + budget_s)
    run.claim_due()
    run.claim_catalogs()
    try:
        while run.under_way or run.queued:
            run.start()
            run.finish_some()
            if time.monotonic() < run.ends_at:
                run.claim_due()
            else:
                run.give_back()
    finally:
        run.ledger.flush()
    return run.taken


@dataclass(slots=True)
class Run:
    """One pass over what is due."""

    ends_at: float
    under_way: dict[Future[object], Question] = field(default_factory=dict)
    queued: deque[Question] = field(default_factory=deque)
    providers: dict[int, Provider] = field(default_factory=dict)
    answering: set[int] = field(default_factory=set)  # connections, as far as this run knows
    failures: Counter[int] = field(default_factory=Counter)  # in a row, by connection
    pace: Pace = field(default_factory=Pace)
    ledger: Ledger = field(default_factory=ledger)
    taken: int = 0
    claim_at: float = 0.0

    def claim_due(self) -> None:
        now = time.monotonic()
        if now < self.claim_at and (self.under_way or self.queued):
            return
        self.claim_at = now + CLAIM_EVERY_S
        self.queued.extend(self._due_lists())
        self.queued.extend(self._due_archives())
        if len(self.queued) < BATCH:
            self.queued.extend(self._due_jobs())

    def claim_catalogs(self) -> None:
        """Once a run and behind the rest: a day is their interval."""
        catalog.begin_missing()
        self.queued.extend(self._due_catalogs())

    def start(self) -> None:
        """Puts queued questions under way, as far as threads and manners allow."""
        count = Counter(question.connection_id for question in self.under_way.values())
        waiting: list[Question] = []
        starting: list[Question] = []
        while self.queued and len(self.under_way) + len(starting) < THREADS:
            question = self.queued.popleft()
            pk = question.connection_id
            if count[pk] >= self._room(pk) or self._lets_a_job_try(question):
                waiting.append(question)
            elif self.pace.may_start(question):
                count[pk] += 1
                starting.append(question)
            elif isinstance(question, ListQuestion) and not question.is_first:
                waiting.append(question)  # the rest of a list is read when the gate opens
            else:
                _unless_stale(question.give_back)
        self.queued.extendleft(reversed(waiting))
        jobs = [q.job_id for q in starting if isinstance(q, JobQuestion)]
        if jobs:
            begin(Job.objects.filter(pk__among=jobs))
        for question in starting:
            self._note_start(question)
            self.under_way[_threads().submit(question.ask)] = question

    def _room(self, connection_id: int) -> int:
        if self.pace.is_on_trial(connection_id):
            return TRIAL
        return AT_ONCE if connection_id in self.answering else PROBES

    def _lets_a_job_try(self, question: Question) -> bool:
        pk = question.connection_id
        if not isinstance(question, ListQuestion) or not self.pace.tries_jobs(pk):
            return False
        return any(q.connection_id == pk and isinstance(q, JobQuestion) for q in self.queued)

    def _note_start(self, question: Question) -> None:
        if isinstance(question, JobQuestion | ListQuestion) and question.due is not None:
            works = LatenessTally.Work
            work = works.RETRIEVE if isinstance(question, JobQuestion) else works.SWEEP
            self.ledger.note_start(work, time.monotonic() - question.due)

    def finish_some(self) -> None:
        if not self.under_way:
            time.sleep(IDLE_S)
        wait(self.under_way, timeout=1.0, return_when=FIRST_COMPLETED)
        done, _ = wait(self.under_way, timeout=GATHER_S)
        finished = {future: self.under_way.pop(future) for future in done}
        taken = self._take_together(finished)
        for future, question in finished.items():
            if future not in taken:
                self._finish(future, question)
            self._heed(future, question)
        self.ledger.flush_sometimes()

    def give_back(self, connection_id: int | None = None) -> None:
        """Ends the claims of what is not asked yet, of one connection or of all."""
        kept: deque[Question] = deque()
        while self.queued:
            question = self.queued.popleft()
            if connection_id in (None, question.connection_id):
                _unless_stale(question.give_back)
            else:
                kept.append(question)
        self.queued = kept

    def _heed(self, future: Future[object], question: Question) -> None:
        """One that is silent, or wants to be left alone, is not asked the rest of its questions."""
        pk, error = question.connection_id, _error_of(future)
        was_trial, is_good = self.pace.is_on_trial(pk), _speaks_well(question, error)
        self.pace.end_trial(pk, is_good=is_good)
        self.pace.settle(pk, is_idle=all(q.connection_id != pk for q in self.under_way.values()))
        self.failures[pk] = self.failures[pk] + 1 if error else 0
        is_enough = self.failures[pk] >= manners.FAILURES_TO_OPEN or isinstance(error, LEAVE_ALONE)
        if is_enough or (was_trial and is_good is False):
            self.answering.discard(pk)
            self.give_back(pk)
            return
        self.answering.add(pk)
        if self.pace.rest(pk, self.ledger.said(pk)):
            self.ledger.write_statement(pk)
            self.give_back(pk)

    def _take_together(self, finished: Finished) -> set[Future[object]]:
        """Records the plain answers of each claim at once; what could not be is recorded alone."""
        taken: set[Future[object]] = set()
        for held, futures in _plain_by_claim(finished).items():
            try:
                stale = take_together(held, list(futures.values()))
            except Exception as error:  # noqa: BLE001 - one bad row must not stop the others
                log.info("recorded_one_by_one", number=len(futures), error=repr(error)[:500])
                continue
            taken |= futures.keys()
            self.taken += len(futures) - stale
            for _ in range(stale):
                _note_stale()
        return taken

    def _finish(self, future: Future[object], question: Question) -> None:
        try:
            follow_up = question.take(future.result())
        except StaleClaim:
            _note_stale()
        except OperationalError as error:  # the database's trouble: the lease brings the row back
            log.warning("not_recorded", connection=question.connection_id, error=str(error))
        except Exception as error:  # noqa: BLE001 - one bad row must not stop the others
            log.warning("no_answer", connection=question.connection_id, error=repr(error)[:500])
            _unless_stale(partial(question.lose, error))
        else:
            self.taken += 1
            if follow_up:
                self.queued.appendleft(follow_up)

    def _busy(self) -> set[int]:
        """Connections with as many questions under way or waiting as they may have."""
        count = Counter(work.connection_id for work in (*self.under_way.values(), *self.queued))
        return {connection_id for connection_id, number in count.items() if number >= AT_ONCE}

    def _due_lists(self) -> Iterator[Question]:
        due = due_lists(database_now())
        taken, connections = claim(
            due.exclude(pk__in=self._busy()).select_related("team").order_by("next_sweep_at"),
            THREADS,
        )
        for connection in connections:
            provider = self._provider(connection, taken)
            if provider and provider.has_list:
                since = _due_since(taken, connection.next_sweep_at, connection)
                yield ListQuestion.first(connection, taken, provider, since)
            else:
                _unless_stale(partial(sweep.give_up, connection.pk, taken))

    def _due_archives(self) -> Iterator[Question]:
        now = database_now()
        due = Backfill.objects.filter(
            may_ask("connection__", now),
            connection__is_paused=False,
            connection__archived_at=None,
            state=Backfill.State.RUNNING,
            next_step_at__lte=now,
        ).exclude(connection_id__in=self._busy())
        taken, found = claim(
            due.select_related("connection__team").order_by("next_step_at"), THREADS
        )
        for backfill in found:
            provider = self._provider(backfill.connection, taken)
            if provider and backfill.listed_at is None and has_list(backfill.connection):
                yield HistoryQuestion(backfill, taken, provider)
            else:
                _unless_stale(partial(archive.feed, backfill.pk, taken))

    def _due_catalogs(self) -> Iterator[Question]:
        now = database_now()
        due = Catalog.objects.filter(
            may_ask("connection__", now),
            connection__is_paused=False,
            connection__archived_at=None,
            next_read_at__lte=now,
        )
        taken, found = claim(
            due.select_related("connection__team").order_by("next_read_at"), THREADS
        )
        for row in found:
            if provider := self._provider(row.connection, taken):
                yield catalog.CatalogQuestion(row, taken, provider)
            else:
                release(Catalog.objects.filter(pk=row.pk), taken.token)

    def _due_jobs(self) -> Iterator[Question]:
        due = due_jobs(database_now()).exclude(connection_id__in=self._busy())
        due = due.select_related("connection__team").only("connection", *READ_OF_JOB)
        due = due.order_by("next_poll_at")
        rooms = self.pace.room()
        yield from self._claim_jobs(due.exclude(connection_id__in=rooms), BATCH)
        for connection_id, room in rooms.items():
            if room:
                found = list(self._claim_jobs(due.filter(connection_id=connection_id), room))
                self.pace.took(connection_id, len(found) or room)
                yield from found

    def _claim_jobs(self, due: QuerySet[Job], limit: int) -> Iterator[Question]:
        taken, jobs = claim(due, limit, is_begun=False)
        failpoint("poll.claimed")
        errands = errands_for(jobs, taken.request_at)
        for job in jobs:
            if job.claims >= trouble.POISONOUS_CLAIMS:
                reason = f"Polled {job.claims} times without a result; tried again in an hour."
                _unless_stale(partial(trouble.quarantine, job.pk, taken, reason))
            elif provider := self._provider(job.connection, taken):
                since = _due_since(taken, job.next_poll_at, job.connection)
                yield JobQuestion(
                    job.pk, job.connection_id, taken, provider, errands[job.pk], since
                )
            else:
                release(Job.objects.filter(pk=job.pk), taken.token, was_begun=False)

    def _provider(self, connection: Connection, taken: Claim) -> Provider | None:
        """The connection's provider; None, and the connection says why, when there can be none."""
        self.pace.know(connection)
        if connection.pk not in self.providers:
            try:
                listener = partial(self._hear, connection.pk)
                self.providers[connection.pk] = connect(connection.account(), listener)
            except (CannotOpen, ValueError) as error:
                trouble.record_outcome(connection.pk, KeyRejected(str(error)), taken.request_at)
                return None
        return self.providers[connection.pk]

    def _hear(self, connection_id: int, traffic: Traffic) -> None:
        """In the thread that asked."""
        self.pace.note(connection_id)
        self.ledger.hear(connection_id, traffic)


def _plain_by_claim(
    finished: Finished,
) -> dict[Claim, dict[Future[object], tuple[JobQuestion, Answer]]]:
    found: dict[Claim, dict[Future[object], tuple[JobQuestion, Answer]]] = {}
    for future, question in finished.items():
        answer = None if future.exception() else future.result()
        if isinstance(question, JobQuestion) and isinstance(answer, Answer) and is_plain(answer):
            found.setdefault(question.claim, {})[future] = (question, answer)
    return found


def _unless_stale(action: Callable[[], None]) -> None:
    try:
        action()
    except StaleClaim:
        _note_stale()


def _note_stale() -> None:
    log.info("stale_claim_dropped")
    ledger().count(STALE_WRITES)


def _error_of(future: Future[object]) -> BaseException | None:
    return future.exception() or getattr(future.result(), "error", None)


def _speaks_well(question: Question, error: BaseException | None) -> bool | None:
    """Of the connection; None where the answer is about one job, or the fault is our own."""
    if error is None:
        return True
    is_about_job = isinstance(question, JobQuestion) and isinstance(error, trouble.ABOUT_THE_JOB)
    return None if is_about_job or not isinstance(error, ProviderError) else False


def _due_since(taken: Claim, due: datetime | None, connection: Connection) -> float:
    """When it was due and could be asked, on this process's monotonic clock."""
    times = [moment for moment in (due, connection.wait_until, connection.paced_until) if moment]
    late = taken.request_at - max(times, default=taken.request_at)
    return time.monotonic() - late.total_seconds()
