"""Pure: what one answer says about a connection. A network problem never touches a job."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from providers import errors

HOUR = timedelta(hours=1)
QUOTA_PAUSE = timedelta(minutes=15)
LONGEST_PAUSE = timedelta(minutes=5)

OK, NEW, LIMITED = "ok", "new", "limited"
OUT_OF_QUOTA, REJECTED = "out_of_quota", "rejected"
UNREADABLE, UNREACHABLE = "unreadable", "unreachable"
PAUSING = frozenset({LIMITED, OUT_OF_QUOTA, REJECTED})
TROUBLES = frozenset({OUT_OF_QUOTA, REJECTED, UNREADABLE, UNREACHABLE})

GOOD_TO_RECOVER = 2  # hysteresis: one good answer amid bad ones is no recovery


@dataclass(frozen=True, slots=True)
class Condition:
    """How a connection does. `wait_until`: nothing is sent before."""

    health: str
    reason: str = ""
    trouble_count: int = 0
    good_count: int = 0
    wait_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one kind of error means: the health it leads to, after how many in a row."""

    health: str
    after: int
    pause: timedelta | None = None


_VERDICTS: tuple[tuple[type[errors.ProviderError], Verdict], ...] = (
    (errors.KeyRejected, Verdict(REJECTED, 2, HOUR)),
    (errors.Forbidden, Verdict(REJECTED, 2, HOUR)),
    (errors.QuotaExhausted, Verdict(OUT_OF_QUOTA, 1, QUOTA_PAUSE)),
    (errors.RateLimited, Verdict(LIMITED, 1)),
    (errors.NotReadable, Verdict(UNREADABLE, 3)),
    (errors.Redirected, Verdict(UNREACHABLE, 1)),
    (errors.Blocked, Verdict(UNREACHABLE, 1)),
    (errors.ServerTrouble, Verdict(UNREACHABLE, 3)),
    (errors.Unreachable, Verdict(UNREACHABLE, 3)),
    (errors.BadRequest, Verdict(UNREADABLE, 3)),
)


def after_good(known: Condition, asked_at: datetime) -> Condition:
    """After an answer that could be used. A trouble ends with the second one in a row.

    An answer to a question from before the provider's request to wait does not lift the wait.
    """
    if known.health in PAUSING and known.wait_until and asked_at < known.wait_until:
        return known
    good_count = min(known.good_count + 1, GOOD_TO_RECOVER)
    if known.health in TROUBLES and good_count < GOOD_TO_RECOVER:
        return Condition(known.health, known.reason, 0, good_count)
    return Condition(OK, good_count=good_count)


def after_error(
    known: Condition,
    error: errors.ProviderError,
    now: datetime,
    interval_s: float,
    longer: float = 0.0,
) -> Condition:
    """After an answer that could not be used, or none. `now`: when it was asked.

    Many jobs are asked at once: what was asked before the pause began is the same incident, and
    counts once. `longer`: the share by which the wait is drawn out. A wait the provider asked for
    is never cut short, so jitter only ever adds.
    """
    if known.wait_until and now < known.wait_until and known.trouble_count:
        return replace(known, reason=_reason(error))
    verdict = verdict_on(error)
    count = known.trouble_count + 1
    health = _after_verdict(known, verdict, count)
    pause = verdict.pause if verdict.pause and health == verdict.health else None
    wait = pause or _pause(error, count, interval_s)
    return Condition(health, _reason(error), count, 0, now + wait * (1 + longer))


def _reason(error: errors.ProviderError) -> str:
    """The provider's words, with the status where they do not name it."""
    status = str(error.status or "")
    return error.message if status in error.message else f"{status}: {error.message}"


def _after_verdict(known: Condition, verdict: Verdict, count: int) -> str:
    """Being asked to wait is no recovery: a trouble ends with good answers only."""
    is_milder = verdict.health == LIMITED and known.health in TROUBLES
    return known.health if is_milder or count < verdict.after else verdict.health


def verdict_on(error: errors.ProviderError) -> Verdict:
    found = (verdict for kind, verdict in _VERDICTS if isinstance(error, kind))
    return next(found, Verdict(UNREACHABLE, 3))


def rings(before: str, after: str) -> bool:
    """People are told when they cannot see the provider any more, and when they can again."""
    return before != after and (after in TROUBLES or (before in TROUBLES and after == OK))


def _pause(error: errors.ProviderError, count: int, interval_s: float) -> timedelta:
    """What the provider asked for, else doubling from one interval up to five minutes."""
    backoff = timedelta(seconds=interval_s * 2 ** min(count - 1, 10))
    asked = timedelta(seconds=error.retry_after or 0)
    return max(asked, min(backoff, LONGEST_PAUSE))
