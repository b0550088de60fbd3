"""Asks the provider to cancel, pause or resume a job: one request, never sent a second time.

The page and the command both come through `ask`. What the provider answers is shown, but not
recorded as the job: some servers answer an action with a part of it. The job is made due at once
instead, and the poll records it the ordinary way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.db import transaction

from accounts import limits
from accounts.cipher import CannotOpen
from jobs import looks, trouble
from jobs.claims import database_now
from jobs.ledger import counting
from jobs.models import Connection, Job, Transition
from jobs.record import touch_team
from providers import errors, wire
from providers.base import Account, connect
from providers.states import State

# One request for one action on a job in one state. The window is longer than any answer takes, and
# short enough to try again when the look that follows shows that nothing came of it.
ONCE = limits.Limit("job action", 1, timedelta(minutes=2))
# Without a status these say so; what may have arrived all the same is an OutcomeUnknown.
NEVER_LEFT = (errors.Unreachable, errors.Blocked, errors.BadRequest)
Note = Callable[[str, str], None]  # writes an entry of the log: action, subject


class Action(StrEnum):
    """What a provider can be asked to do with a job."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"

    @property
    def done(self) -> str:
        """The word for a job to which it was done."""
        return {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}[self.value]

    @property
    def consequence(self) -> str:
        """What happens when the provider agrees."""
        return {
            "pause": "The training stops at the provider and can be resumed later.",
            "resume": "The training goes on at the provider from where it stood.",
            "cancel": "The training ends at the provider for good. It cannot be taken back.",
        }[self.value]

    def suits(self, state: State) -> bool:
        """Whether it makes sense now. Of a state we do not know, the provider decides."""
        if state is State.UNKNOWN:
            return True
        if self is Action.CANCEL:
            return not state.is_over
        return state is (State.RUNNING if self is Action.PAUSE else State.PAUSED)


class Verdict(StrEnum):
    """What came of asking."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "outcome unknown"
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`said`: the provider's words, or why there are none. `raw_status`: of the job it answered."""

    verdict: Verdict
    said: str = ""
    status: int | None = None
    raw_status: str = ""
    is_forbidden: bool = False  # the key may not do it

    @property
    def words(self) -> str:
        """What the provider answered, on one line."""
        known = f"{self.status}: " if self.status and str(self.status) not in self.said else ""
        return f"{known}{self.said}" if self.said else self.raw_status


class NotAsked(Exception):
    """Nothing was sent, for the reason given."""


def offered(job: Job) -> tuple[Action, ...]:
    """What may be asked of the provider about this job as it is known now."""
    has = can_do(job.connection)
    return tuple(action for action in Action if action in has and not why_not(job, action, has))


def can_do(connection: Connection) -> frozenset[str]:
    """The actions the connection's provider has. What the key may do only an attempt shows."""
    try:
        return connect(Account(connection.dialect, connection.base_url, None)).actions
    except ValueError:
        return frozenset()


def why_not(job: Job, action: Action, has: frozenset[str]) -> str:
    """Why the action cannot be asked for; "" when it can. `has`: what the provider offers."""
    if action not in has:
        return f"This provider has no way to {action} a job."
    if job.archived_at or job.connection.archived_at:
        return "It is archived here. Restore it first."
    state = State(job.state)
    return "" if action.suits(state) else f"The job is {state.value}: there is nothing to {action}."


def stage_of(job: Job) -> int:
    """Which state of its life the job is known in: rises with every change that was recorded."""
    newest = Transition.objects.filter(job=job, kind=Transition.Kind.STATE).order_by("-pk")
    return newest.values_list("pk", flat=True).first() or 0


def ask(job: Job, action: Action, note: Note, stage: int | None = None) -> Outcome:
    """Sends the one request and says what came of it. Raises NotAsked.

    `stage`: what `stage_of` said when the person decided; the job must not have moved on since.
    However many forms, tabs, people and commands ask at once: one counter, taken by one UPDATE,
    lets the first of them through. It is given back only when surely nothing was done.
    """
    if reason := why_not(job, action, can_do(job.connection)):
        raise NotAsked(reason)
    current = stage_of(job)
    if stage not in (None, current):
        raise NotAsked("The job has changed since this was offered. Look at it again.")
    once = f"{job.pk}|{action}|{current}"
    if not limits.take(ONCE, once):
        raise NotAsked(f"To {action} this job was asked for a moment ago. It is not sent twice.")
    note(f"job {action} asked", subject_of(job))
    outcome = _send(job, action)
    if outcome.verdict in {Verdict.REFUSED, Verdict.NOT_SENT}:
        limits.give_back(ONCE, once)
    with transaction.atomic():
        note(f"job {action} {outcome.verdict}", f"{subject_of(job)}: {outcome.words}")
        if outcome.verdict is not Verdict.NOT_SENT:
            _look_at_once(job)
    _note_permission(job.connection, action, outcome)
    return outcome


def sentence(job: Job, action: Action, outcome: Outcome) -> str:
    """What came of it, for people."""
    if outcome.verdict is Verdict.ACCEPTED:
        now = f" and says the job is now {outcome.raw_status}" if outcome.raw_status else ""
        return f"The provider accepted to {action} {job.name}{now}."
    if outcome.verdict is Verdict.REFUSED:
        return f"The provider refused to {action} {job.name}. {outcome.words}"
    if outcome.verdict is Verdict.NOT_SENT:
        return f"Nothing was sent to the provider. {outcome.words}"
    return (
        f"Nobody knows whether {job.name} was {action.done}: the request was sent, and no clear "
        "answer came back. It is not sent again by itself; the next look at the job shows it. "
        f"{outcome.words}"
    )


def subject_of(job: Job) -> str:
    """How the log names the job."""
    return f"{job.provider_id} ({job.connection.slug})"


def _send(job: Job, action: Action) -> Outcome:
    try:
        with counting(job.connection_id) as on_reply:
            provider = connect(job.connection.account(), on_reply)
            element = provider.act(job.provider_id, action)
    except errors.OutcomeUnknown as error:
        return Outcome(Verdict.UNKNOWN, error.message, error.status)
    except errors.Forbidden as error:
        said = f"The key of this connection may not {action} jobs. {error.message}"
        return Outcome(Verdict.REFUSED, said, error.status, is_forbidden=True)
    except errors.ProviderError as error:
        never_left = error.status is None and isinstance(error, NEVER_LEFT)
        verdict = Verdict.NOT_SENT if never_left else Verdict.REFUSED
        return Outcome(verdict, error.message, error.status)
    except (CannotOpen, ValueError) as error:
        return Outcome(Verdict.NOT_SENT, f"{error}.")
    read = provider.read_job(element)
    raw_status = read.raw_status if isinstance(read, wire.Job) else ""
    return Outcome(Verdict.ACCEPTED, raw_status=raw_status)


def _note_permission(connection: Connection, action: Action, outcome: Outcome) -> None:
    """The page of the connection says what its key may not do."""
    if outcome.is_forbidden:
        trouble.record_refusals(connection.pk, {action.value: outcome.words}, database_now())
    elif outcome.verdict is Verdict.ACCEPTED and action in connection.refused:
        trouble.forget_refusals(connection.pk, [action.value])


def _look_at_once(job: Job) -> None:
    looks.look_at_once(Job.objects.filter(pk=job.pk), database_now())
    touch_team(job.team_id)
