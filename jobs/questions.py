"""What a provider is asked when something is due: its list, its history, one job.

A question is asked in a thread without a database and taken in by the thread that has one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from jobs import archive, record, sweep, trouble
from jobs.claims import Claim, database_now, release
from jobs.failpoints import failpoint
from jobs.fetch import Answer, Errand, fetch
from jobs.models import Backfill, Connection, Job
from jobs.schedule import has_list
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
    """The next page of a connection's list. `offset`: jobs on the pages before it.

    `due`: since when it could be asked, on the monotonic clock; None for the pages that follow.
    `is_listless`: the server had no list when it was last looked for.
    """

    connection_id: int
    claim: Claim
    provider: Provider
    listing: Iterator[Page[Element]]
    asked_at: datetime
    offset: int = 0
    due: float | None = None
    is_listless: bool = False
    is_first: bool = True

    @classmethod
    def first(
        cls, connection: Connection, claim: Claim, provider: Provider, due: float | None = None
    ) -> "ListQuestion":
        listing, is_listless = pages(provider.list_jobs), not has_list(connection)
        asked_at = claim.request_at
        return cls(connection.pk, claim, provider, listing, asked_at, 0, due, is_listless)

    def ask(self) -> Page[Element] | None:
        return next(self.listing, None)

    def take(self, answer: object) -> "ListQuestion | None":
        if self.is_first or not isinstance(answer, Page):
            trouble.record_outcome(self.connection_id, None, self.asked_at)
        if self.is_listless == self.provider.has_list:
            trouble.record_list(self.connection_id, self.asked_at, is_there=self.provider.has_list)
        if not isinstance(answer, Page):
            sweep.finish(self.connection_id, self.claim, is_full=True)
            return None
        page = sweep.ListPage(answer.items, answer.skipped, self.asked_at, self.offset)
        is_worth_more = sweep.record_page(self.connection_id, self.claim, page, self.provider)
        if not (is_worth_more and answer.has_more):
            sweep.finish(self.connection_id, self.claim, is_full=not answer.has_more)
            return None
        return replace(
            self,
            asked_at=database_now(),
            offset=self.offset + len(answer.items),
            due=None,
            is_listless=not self.provider.has_list,
            is_first=False,
        )

    def lose(self, error: Exception) -> None:
        if isinstance(error, ProviderError):
            trouble.record_outcome(self.connection_id, error, self.asked_at)
        sweep.give_up(self.connection_id, self.claim)

    def give_back(self) -> None:
        if self.is_first:
            release(Connection.objects.filter(pk=self.connection_id), self.claim.token)
        else:
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
    """A job and what belongs to it. `due`: since when, on the monotonic clock."""

    job_id: int
    connection_id: int
    claim: Claim
    provider: Provider
    errand: Errand = field(repr=False)
    due: float | None = None

    def ask(self) -> Answer:
        return fetch(self.provider, self.errand)

    def take(self, answer: object) -> None:
        assert isinstance(answer, Answer)  # noqa: S101 - `ask` returns nothing else
        failpoint("poll.answered")
        if answer.error:
            trouble.record_error(self.job_id, self.claim, answer.error)
            return
        record.record_answer(self.job_id, self.claim, answer)
        trouble.record_refusals(self.connection_id, answer.refusals, self.claim.request_at)
        trouble.record_outcome(self.connection_id, None, self.claim.request_at)

    def lose(self, error: Exception) -> None:
        trouble.quarantine(self.job_id, self.claim, f"Could not be recorded: {error!r}"[:500])

    def give_back(self) -> None:
        release(Job.objects.filter(pk=self.job_id), self.claim.token, was_begun=False)


def is_plain(answer: Answer) -> bool:
    """Good, and written in no time, so that it may share a transaction: files may be large."""
    return not (answer.error or answer.files or answer.refusals)


def take_together(claim: Claim, answered: Sequence[tuple[JobQuestion, Answer]]) -> int:
    """Records plain answers of one claim in one transaction; gives how many were stale."""
    failpoint("poll.answered")
    stale = record.record_answers(claim, {asked.job_id: answer for asked, answer in answered})
    trouble.record_good({asked.connection_id for asked, _ in answered}, claim.request_at)
    return len(stale)
