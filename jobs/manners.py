"""Pure: how fast one connection may be asked, what is not asked of it, and who tries after a trouble.

A connection has a gate: a time before which nothing is sent. Every request moves it on by one step
of the cap; how far it may lie in the past bounds what goes out at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import health
from providers.ratelimits import RateLimits

WINDOW = timedelta(minutes=1)
BURST_SHARE = 6  # one part of so many of a cap goes out at once: ten seconds' worth

# A provider's own count is used up to the last few: others work with the same key.
SPARE_SHARE = 20
SPARE_AT_MOST = 10
RESET_UNSAID_S = 60.0
LONGEST_REST_S = 3600.0

FAILURES_TO_OPEN = 3  # bad answers in a row, of any kind
ASK_AGAIN = timedelta(days=1)  # what a key may not do; permissions are mended by people
LIST = "list"  # the name under which a missing list is remembered beside refused capabilities


@dataclass(frozen=True, slots=True)
class Rate:
    """`step`: between two requests in the long run. `burst`: so many may go out at once."""

    step: timedelta
    burst: int

    @property
    def slack(self) -> timedelta:
        """How far the gate may lie behind: a burst's worth of steps."""
        return self.step * (self.burst - 1)


def rate_of(per_minute: int) -> Rate:
    """A cap as a rate: never more than `per_minute` (>= 1) requests in any minute.

    >>> rate_of(60)
    Rate(step=datetime.timedelta(seconds=1, microseconds=176471), burst=10)
    """
    burst = max(per_minute // BURST_SHARE, 1)
    step_us = -(-WINDOW // timedelta(microseconds=1) // (per_minute - burst + 1))
    return Rate(timedelta(microseconds=step_us), burst)


def is_open(gate: datetime | None, now: datetime) -> bool:
    return gate is None or gate <= now


def free_requests(gate: datetime | None, now: datetime, rate: Rate) -> int:
    """How many requests may go out at once now."""
    if not is_open(gate, now):
        return 0
    return 1 + min(now - gate, rate.slack) // rate.step if gate else rate.burst


def free_questions(gate: datetime | None, now: datetime, rate: Rate, cost: int) -> int:
    """How many questions of `cost` requests each may begin now.

    Under a cap whose burst is smaller than that a question begins all the same, and the pause
    after it is longer.
    """
    return free_requests(gate, now, rate) // min(cost, rate.burst)


def after_requests(gate: datetime | None, now: datetime, rate: Rate, number: int) -> datetime:
    """The gate after so many requests more; fewer than 0 were paid for and not made."""
    earliest = now - rate.slack
    return max(gate or earliest, earliest) + rate.step * number


def rest_s(said: RateLimits) -> float:
    """Seconds to send nothing because the provider's own count is nearly used up; mostly 0.

    A limit that is missing or 0, or less than what is said to be left, is no statement: Azure sends
    -1 and 0 where it does not count.
    """
    limit, left = said.limit_requests, said.remaining_requests
    if not limit or left is None or left > limit or left > spare(limit):
        return 0.0
    reset_s = said.reset_requests_s
    return RESET_UNSAID_S if reset_s is None else min(reset_s, LONGEST_REST_S)


def spare(limit: int) -> int:
    """Requests of a provider's limit that are left to others."""
    return min(-(-limit // SPARE_SHARE), SPARE_AT_MOST)


def is_on_trial(state: str, trouble_count: int) -> bool:
    """Whether the breaker is half open once the wait is over: one question goes out, and no second.

    It is closed again when the state is: after two good answers in a row.
    """
    return state not in {health.OK, health.NEW} or trouble_count >= FAILURES_TO_OPEN


@dataclass(frozen=True, slots=True)
class Refusal:
    """A capability this key does not have. None for times that an older release did not note."""

    capability: str
    said: str
    since: datetime | None = None
    again_at: datetime | None = None

    def as_stored(self) -> dict[str, str | None]:
        times = {"since": self.since, "again_at": self.again_at}
        return {"said": self.said} | {k: v.isoformat() if v else None for k, v in times.items()}


def read_refusals(stored: Mapping[str, object]) -> tuple[Refusal, ...]:
    """Sorted by capability; also as issued before times were kept: a plain sentence."""
    return tuple(_read_refusal(name, stored[name]) for name in sorted(stored))


def _read_refusal(name: str, value: object) -> Refusal:
    if not isinstance(value, Mapping):
        return Refusal(name, str(value))
    since, again_at = _time(value.get("since")), _time(value.get("again_at"))
    return Refusal(name, str(value.get("said", "")), since, again_at)


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def refused_now(stored: Mapping[str, object], now: datetime) -> frozenset[str]:
    """What is not asked for at `now`; the rest of what is stored is due for another try."""
    found = read_refusals(stored)
    return frozenset(one.capability for one in found if one.again_at and one.again_at > now)


def with_refusals(
    stored: Mapping[str, object], came: Mapping[str, str], now: datetime
) -> dict[str, object]:
    """What to store after these were refused: asked again in a day, since the first refusal."""
    known = {one.capability: one for one in read_refusals(stored)}
    fresh = {name: Refusal(name, said, now, now + ASK_AGAIN) for name, said in came.items()}
    for name in fresh.keys() & known.keys():
        since = known[name].since or now
        fresh[name] = Refusal(name, came[name], since, now + ASK_AGAIN)
    return {**stored, **{name: one.as_stored() for name, one in fresh.items()}}


def asked_again(stored: Mapping[str, object]) -> dict[str, object]:
    """The same refusals, all due for another try now."""
    found = read_refusals(stored)
    return {
        one.capability: Refusal(one.capability, one.said, one.since).as_stored() for one in found
    }


def without(stored: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    gone = set(names)
    return {name: value for name, value in stored.items() if name not in gone}
