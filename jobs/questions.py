"""What a provider is asked when something is due: its list, its history, one job.

A question is asked in a thread without a database and taken in by the thread that has one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from jobs import archive, record, sweep, trouble
from jobs.claims import Claim, database_now, release
from jobs.failpoints import failpoint
from jobs.fetch import Answer, Errand, fetch
from jobs.models import Backfill, Job
from providers.base import Provider, pages
from providers.errors import ProviderError
from providers.wire import Element, Page


class Question(Protocol):
    """One claimed row and what to do with the answer. All but `ask` may raise StaleClaim."""

    @property
    def connection_id(self) -> int: ...

    def ask(self) -> object: ...

    def take(self, answer: object) -> "Question | None":
        """Records the answer; gives the next question when there is one."""

    def lose(self, error: Exception) -> None:
        """Records that there was no answer, or none that could be taken."""

    def give_back(self) -> None:
        """Ends the claim of a question that was not asked."""


@dataclass(frozen=True, slots=True)
class ListQuestion:
    """The next page of a connection's list. `offset`: jobs on the pages before it."""

    connection_id: int
    claim: Claim
    provider: Provider
    listing: Iterator[Page[Element]]
    asked_at: datetime
    offset: int = 0

    @classmethod
    def first(cls, connection_id: int, claim: Claim, provider: Provider) -> "ListQuestion":
        listing = pages(provider.list_jobs)
        return cls(connection_id, claim, provider, listing, claim.request_at)

    def ask(self) -> Page[Element] | None:
        return next(self.listing, None)

    def take(self, answer: object) -> "ListQuestion | None":
        trouble.record_outcome(self.connection_id, None, self.asked_at)
        if not isinstance(answer, Page):
            sweep.finish(self.connection_id, self.claim, is_full=True)
            return None
        page = sweep.ListPage(answer.items, answer.skipped, self.asked_at, self.offset)
        if not sweep.record_page(self.connection_id, self.claim, page, self.provider):
            sweep.finish(self.connection_id, self.claim, is_full=False)
            return None
        return replace(self, asked_at=database_now(), offset=self.offset + len(answer.items))

    def lose(self, error: Exception) -> None:
        if isinstance(error, ProviderError):
            trouble.record_outcome(self.connection_id, error, self.asked_at)
        sweep.give_up(self.connection_id, self.claim)

    def give_back(self) -> None:
        sweep.give_up(self.connection_id, self.claim)


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """The next page of a connection's history, for its archive."""

    backfill: Backfill
    claim: Claim
    provider: Provider

    @property
    def connection_id(self) -> int:
        return self.backfill.connection_id

    def ask(self) -> Page[Element]:
        return self.provider.list_jobs(self.backfill.after or None)

    def take(self, answer: object) -> None:
        page = answer if isinstance(answer, Page) else None
        archive.record_page(self.backfill.pk, self.claim, page, self.provider)
        trouble.record_outcome(self.connection_id, None, self.claim.request_at)

    def lose(self, error: Exception) -> None:
        archive.record_trouble(self.backfill.pk, self.claim, error)
        if isinstance(error, ProviderError):
            trouble.record_outcome(self.connection_id, error, self.claim.request_at)

    def give_back(self) -> None:
        release(Backfill.objects.filter(pk=self.backfill.pk), self.claim.token)


@dataclass(frozen=True, slots=True)
class JobQuestion:
    """A job and what belongs to it."""

    job_id: int
    connection_id: int
    claim: Claim
    provider: Provider
    errand: Errand = field(repr=False)

    def ask(self) -> Answer:
        return fetch(self.provider, self.errand)

    def take(self, answer: object) -> None:
        assert isinstance(answer, Answer)  # noqa: S101 - `ask` returns nothing else
        failpoint("poll.answered")
        if answer.error:
            trouble.record_error(self.job_id, self.claim, answer.error)
            return
        record.record_answer(self.job_id, self.claim, answer)
        trouble.record_refusals(self.connection_id, answer.refusals)
        trouble.record_outcome(self.connection_id, None, self.claim.request_at)

    def lose(self, error: Exception) -> None:
        trouble.quarantine(self.job_id, self.claim, f"Could not be recorded: {error!r}"[:500])

    def give_back(self) -> None:
        release(Job.objects.filter(pk=self.job_id), self.claim.token, was_begun=False)
