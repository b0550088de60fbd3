"""Pure: when a failed delivery is tried again, and when it is given up. reliability.md, section 7."""

from dataclasses import dataclass

# Seconds before attempt 1 to 9.
SCHEDULE_S = (0.0, 5.0, 30.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)
JITTER = 0.2
LONGEST_CHANNEL_WAIT_S = 300.0  # a receiver that is back is noticed within this time
MAX_CLAIMS = 20  # claims without a result: whoever works on this row dies
OUTAGE_FAILURES = 3  # in a row, before a success counts as the end of an outage
DISABLE_AFTER_S = 5 * 24 * 3600.0  # of nothing but failures


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a failed send says about the next one. `retry_after`: seconds the receiver asked for."""

    is_permanent: bool = False
    is_gone: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """`delay_s` None: given up. `channel_wait_s`: nothing goes to this channel before."""

    delay_s: float | None
    channel_wait_s: float
    disables_channel: bool = False


def after_failure(
    refusal: Refusal, failures: int, channel_failures: int, jitter: float = 0.0
) -> Next:
    """What follows a failed attempt.

    `failures`, `channel_failures`: in a row, this one included, of the delivery and of its channel.
    `jitter`: -1 to 1, scaled to ±20 %. `Retry-After` counts within [delay, 2 x delay].
    """
    factor = 1 + JITTER * jitter
    channel_wait_s = min(delay_before(channel_failures + 1), LONGEST_CHANNEL_WAIT_S) * factor
    if refusal.is_gone:
        return Next(None, 0.0, disables_channel=True)
    if refusal.is_permanent:
        return Next(None, 0.0)
    if failures >= len(SCHEDULE_S):
        return Next(None, channel_wait_s)
    delay_s = delay_before(failures + 1) * factor
    asked_s = refusal.retry_after or 0.0
    return Next(_clamped(asked_s, delay_s), _clamped(asked_s, channel_wait_s))


def delay_before(attempt: int) -> float:
    """Seconds before attempt 1, 2, ...; the last delay again beyond the ninth."""
    return SCHEDULE_S[min(max(attempt, 1), len(SCHEDULE_S)) - 1]


def _clamped(asked_s: float, delay_s: float) -> float:
    return min(max(asked_s, delay_s), 2 * delay_s)
