"""Claims what is due, asks the providers, hands the answers to record.

One pipeline: threads do the asking and never touch the database, this thread does the rest. A
connection has few questions under way at a time, and fewer until it answers, so providers that
hang hold up their own jobs only. Answers are recorded as they come.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache, partial

import structlog
from django.db import OperationalError
from django.db.models import Q

from accounts.cipher import CannotOpen
from jobs import archive, sweep, trouble
from jobs.claims import Claim, StaleClaim, begin, claim, database_now, release
from jobs.failpoints import failpoint
from jobs.fetch import Errand
from jobs.models import Backfill, Connection, File, Job, Snapshot
from jobs.questions import HistoryQuestion, JobQuestion, ListQuestion, Question
from jobs.schedule import has_list
from providers.base import Provider, connect
from providers.errors import KeyRejected, QuotaExhausted, RateLimited, Unreachable

THREADS = 20
AT_ONCE = 6  # questions under way for one connection that answers
PROBES = 2  # and before it does: its list and a job, for sometimes one of the two hangs
BATCH = 60  # jobs claimed at a time
BUDGET_S = 25.0  # no question starts later; with a chain and its last request below the time limit
KNOWN_EVENTS = 200
LEAVE_ALONE = (KeyRejected, QuotaExhausted, RateLimited, Unreachable)
FAILURES_TO_LEAVE = 3  # in a row of any kind: one may be about one job only

log = structlog.get_logger(__name__)


@cache
def _threads() -> ThreadPoolExecutor:
    """One pool a process, made after the fork: an HTTP client lives as long as its thread."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="fetch")


def poll_due(budget_s: float = BUDGET_S) -> int:
    """Polls until nothing is due or the time is up; the number of answers taken."""
    run = Run(time.monotonic() + budget_s)
    run.claim_due()
    while run.under_way or run.queued:
        run.start()
        run.finish_some()
        if time.monotonic() < run.ends_at:
            run.claim_due()
        else:
            run.give_back()
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
    taken: int = 0

    def claim_due(self) -> None:
        self.queued.extend(self._due_lists())
        self.queued.extend(self._due_archives())
        if len(self.queued) < BATCH:
            self.queued.extend(self._due_jobs())

    def start(self) -> None:
        """Puts queued questions under way, as far as threads and manners allow."""
        count = Counter(question.connection_id for question in self.under_way.values())
        waiting: list[Question] = []
        starting: list[Question] = []
        while self.queued and len(self.under_way) + len(starting) < THREADS:
            question = self.queued.popleft()
            has_room = count[question.connection_id] < self._room(question.connection_id)
            count[question.connection_id] += has_room
            (starting if has_room else waiting).append(question)
        self.queued.extendleft(reversed(waiting))
        begin(Job.objects.filter(pk__in=[q.job_id for q in starting if isinstance(q, JobQuestion)]))
        for question in starting:
            self.under_way[_threads().submit(question.ask)] = question

    def _room(self, connection_id: int) -> int:
        return AT_ONCE if connection_id in self.answering else PROBES

    def finish_some(self) -> None:
        done, _ = wait(self.under_way, timeout=1.0, return_when=FIRST_COMPLETED)
        for future in done:
            question = self.under_way.pop(future)
            self._finish(future, question)
            self._heed(future, question.connection_id)

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

    def _heed(self, future: Future[object], connection_id: int) -> None:
        """One that is silent, or wants to be left alone, is not asked the rest of its questions."""
        error = future.exception() or getattr(future.result(), "error", None)
        self.failures[connection_id] = self.failures[connection_id] + 1 if error else 0
        if isinstance(error, LEAVE_ALONE) or self.failures[connection_id] >= FAILURES_TO_LEAVE:
            self.answering.discard(connection_id)
            self.give_back(connection_id)
        else:
            self.answering.add(connection_id)

    def _finish(self, future: Future[object], question: Question) -> None:
        try:
            follow_up = question.take(future.result())
        except StaleClaim:
            log.info("stale_claim_dropped", connection=question.connection_id)
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
        now = database_now()
        due = Connection.objects.filter(
            _may_ask("", now), is_paused=False, archived_at=None, next_sweep_at__lte=now
        )
        taken, connections = claim(
            due.exclude(pk__in=self._busy()).select_related("team").order_by("next_sweep_at"),
            THREADS,
        )
        for connection in connections:
            provider = self._provider(connection, taken)
            if provider and has_list(connection):
                yield ListQuestion.first(connection.pk, taken, provider)
            else:
                _unless_stale(partial(sweep.give_up, connection.pk, taken))

    def _due_archives(self) -> Iterator[Question]:
        now = database_now()
        due = Backfill.objects.filter(
            _may_ask("connection__", now),
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

    def _due_jobs(self) -> Iterator[Question]:
        now = database_now()
        due = Job.objects.filter(
            _may_ask("connection__", now),
            connection__is_paused=False,
            connection__archived_at=None,
            is_paused=False,
            archived_at=None,
            next_poll_at__lte=now,
        ).exclude(connection_id__in=self._busy())
        due = due.select_related("connection__team").order_by("next_poll_at")
        taken, jobs = claim(due, BATCH, is_begun=False)
        failpoint("poll.claimed")
        errands = _errands(jobs)
        for job in jobs:
            if job.claims >= trouble.POISONOUS_CLAIMS:
                reason = f"Polled {job.claims} times without a result; tried again in an hour."
                _unless_stale(partial(trouble.quarantine, job.pk, taken, reason))
            elif provider := self._provider(job.connection, taken):
                yield JobQuestion(job.pk, job.connection_id, taken, provider, errands[job.pk])
            else:
                release(Job.objects.filter(pk=job.pk), taken.token, was_begun=False)

    def _provider(self, connection: Connection, taken: Claim) -> Provider | None:
        """The connection's provider; None, and the connection says why, when there can be none."""
        if connection.pk not in self.providers:
            try:
                self.providers[connection.pk] = connect(connection.account())
            except (CannotOpen, ValueError) as error:
                trouble.record_outcome(connection.pk, KeyRejected(str(error)), taken.request_at)
                return None
        return self.providers[connection.pk]


def _unless_stale(action: Callable[[], None]) -> None:
    try:
        action()
    except StaleClaim:
        log.info("stale_claim_dropped")


def _may_ask(path: str, now: object) -> Q:
    return Q(**{f"{path}wait_until": None}) | Q(**{f"{path}wait_until__lte": now})


def _errands(jobs: list[Job]) -> dict[int, Errand]:
    """What to ask about each job."""
    fingerprints = dict(
        Snapshot.objects.filter(
            job__in=jobs, source=Snapshot.Source.RETRIEVE, is_newest=True
        ).values_list("job_id", "fingerprint")
    )
    files = _files_done(jobs)
    return {
        job.pk: Errand(
            provider_id=job.provider_id,
            fingerprint=fingerprints.get(job.pk, ""),
            known_events=_known_events(job),
            done_files=frozenset(files.get(job.connection_id, ())),
            refused=frozenset(job.connection.refused),
            events_cut=job.events_cut,
        )
        for job in jobs
    }


def _known_events(job: Job) -> frozenset[str]:
    newest = job.events.order_by("-created_at", "-id")
    return frozenset(newest.values_list("provider_id", flat=True)[:KNOWN_EVENTS])


def _files_done(jobs: list[Job]) -> dict[int, set[str]]:
    """Per connection, the files that need not be asked for again."""
    rows = File.objects.filter(
        connection_id__in={job.connection_id for job in jobs},
        provider_id__in={name for job in jobs for name in _file_names(job)},
    ).exclude(fetch=File.Fetch.WANTED)
    done: dict[int, set[str]] = {}
    for connection_id, name in rows.values_list("connection_id", "provider_id"):
        done.setdefault(connection_id, set()).add(name)
    return done


def _file_names(job: Job) -> list[str]:
    return [name for name in (job.training_file, job.validation_file, *job.result_files) if name]
