"""Pure: whether a job waits too long: in its state, without a sign of life, beyond its finish time."""

from datetime import datetime

from jobs.conditions.facts import Facts, Finding, Kind, Open, Usual, seconds
from jobs.conditions.words import counted, moment, span
from providers.states import State

MINUTE_S, HOUR_S = 60.0, 3600.0

# Below these nobody calls a job stuck, however quick the earlier ones were: queues breathe.
STUCK_FLOOR_S = {
    State.VALIDATING: 30 * MINUTE_S,
    State.QUEUED: HOUR_S,
    State.RUNNING: 2 * HOUR_S,
    State.UNKNOWN: 2 * HOUR_S,
}
# With nothing to compare with: providers promise nothing, people begin to ask in forums after about
# a day of running and half a day of waiting.
STUCK_BLIND_S = {
    State.VALIDATING: 2 * HOUR_S,
    State.QUEUED: 6 * HOUR_S,
    State.RUNNING: 48 * HOUR_S,
    State.UNKNOWN: 24 * HOUR_S,
}
# Against own history: four times the middle one and half as much again as nine in ten took. The
# first alone would ring one job in ten where waits differ much, the second alone follows one outlier.
MEDIANS, P90S = 4.0, 1.5
WAIT_WORD = {State.QUEUED: "usual wait", State.VALIDATING: "usual"}

# Steps come every few seconds to some minutes, and with sparse looks every ten polls.
QUIET_FLOOR_S = HOUR_S
# Before the first steps (loading, a first epoch) and after the last (safety checks, copying the
# model) the providers say nothing for hours.
QUIET_BLIND_S = 6 * HOUR_S
QUIET_GAPS = 4.0  # times the longest silence it came back from
FEWEST_STEPS = 3

SLIP_FLOOR_S = 30 * MINUTE_S  # estimates drift by minutes all the time
SLIP_SHARE = 0.5  # of the time it was to run
SLIP_BACK = 0.5  # of the threshold: it must win back so much to be well again


def stuck_after_s(state: State, usual: Usual | None) -> float | None:
    """After how many seconds in the state a job is stuck; None: never, for somebody paused it."""
    if state not in STUCK_FLOOR_S:
        return None
    if usual is None:
        return STUCK_BLIND_S[state]
    return max(STUCK_FLOOR_S[state], MEDIANS * usual.median_s, P90S * usual.p90_s)


def wants_usual(facts: Facts) -> bool:
    """Whether it has waited long enough for its history to matter."""
    floor_s, since = STUCK_FLOOR_S.get(facts.state), facts.state_since
    return floor_s is not None and since is not None and seconds(facts.seen_at, since) >= floor_s


def find_stuck(facts: Facts) -> Finding | None:
    after_s, since = stuck_after_s(facts.state, facts.usual), facts.state_since
    if after_s is None or since is None:
        return None
    after_s *= facts.factor(Kind.STUCK)
    stayed_s = seconds(facts.seen_at, since)
    if stayed_s < after_s:
        return None
    told = {
        "state": facts.state.value,
        "stayed_s": round(stayed_s),
        "threshold_s": round(after_s),
        **_usual_numbers(facts.usual),
    }
    watched_s = seconds(facts.seen_at, max(since, facts.first_seen_at))
    reason = f"{facts.state.value} for {span(stayed_s)}; {_usual_words(facts)}"
    return Finding(since, reason, told, is_news=watched_s >= after_s)


def _usual_numbers(usual: Usual | None) -> dict[str, object]:
    if usual is None:
        return {"usual_count": 0}
    numbers = {"usual_median_s": round(usual.median_s), "usual_p90_s": round(usual.p90_s)}
    return {**numbers, "usual_count": usual.count, "is_usual_of_model": usual.is_of_model}


def _usual_words(facts: Facts) -> str:
    if facts.usual is None:
        return "there is no history of your own to compare with yet"
    word = WAIT_WORD.get(facts.state, "usual")
    among = "" if facts.usual.is_of_model else " of all base models"
    return f"{word} is {span(facts.usual.median_s)} ({counted(facts.usual.count, 'job')}{among})"


def end_stuck(facts: Facts, known: Open) -> str | None:
    """Why it is over; None while it lasts. Only leaving the state ends it."""
    state = known.facts.get("state")
    is_new_stay = bool(known.since and facts.state_since and facts.state_since > known.since)
    if facts.state.value == state and not is_new_stay:
        return None
    before = (
        f", after {span(seconds(facts.seen_at, known.since))} in {state}" if known.since else ""
    )
    return f"{facts.state.value} now{before}"


def quiet_after_s(facts: Facts) -> float:
    """How long a running job may give no sign."""
    is_stepping = facts.step is not None and facts.step >= FEWEST_STEPS
    is_done = bool(facts.total_steps and facts.step and facts.step >= facts.total_steps)
    floor_s = QUIET_FLOOR_S if is_stepping and not is_done else QUIET_BLIND_S
    return max(floor_s, QUIET_GAPS * (facts.longest_gap_s or 0.0))


def _quiet_since(facts: Facts) -> datetime | None:
    """None for a job that never gave a sign: its provider may have none to give."""
    if facts.state is not State.RUNNING or facts.progressed_at is None:
        return None
    return max(facts.progressed_at, facts.state_since or facts.progressed_at)


def find_no_progress(facts: Facts) -> Finding | None:
    since = _quiet_since(facts)
    if since is None:
        return None
    quiet_s = seconds(facts.read_at, since)
    after_s = quiet_after_s(facts) * facts.factor(Kind.NO_PROGRESS)
    if quiet_s < after_s:
        return None
    told = {
        "quiet_s": round(quiet_s),
        "threshold_s": round(after_s),
        "longest_gap_s": None if facts.longest_gap_s is None else round(facts.longest_gap_s),
        "step": facts.step,
        "total_steps": facts.total_steps,
    }
    reason = f"no step, point or event for {span(quiet_s)}{_place(facts)}{_gap_words(facts)}"
    return Finding(since, reason, told)


def _place(facts: Facts) -> str:
    if facts.step is None:
        return ""
    total = f" of {facts.total_steps}" if facts.total_steps else ""
    return f", at step {facts.step:g}{total}"


def _gap_words(facts: Facts) -> str:
    gap_s = facts.longest_gap_s
    return f"; the longest silence before was {span(gap_s)}" if gap_s and gap_s >= 1 else ""


def end_no_progress(facts: Facts, known: Open) -> str | None:
    if facts.state is not State.RUNNING:
        return f"{facts.state.value} now"
    if facts.progressed_at and known.since and facts.progressed_at > known.since:
        return f"it goes on{_place(facts)}"
    return None


def _slip(facts: Facts) -> tuple[float, float] | None:
    """(how much later than first said, how long it was to run), in seconds."""
    planned, came, since = facts.planned_finish, facts.estimated_finish, facts.state_since
    if facts.state is not State.RUNNING or planned is None or came is None or since is None:
        return None
    expected = max(came, facts.seen_at)  # an estimate that has passed slips with the clock
    return seconds(expected, planned), max(seconds(planned, since), 0.0)


def find_eta_slipped(facts: Facts) -> Finding | None:
    slip = _slip(facts)
    if slip is None or facts.estimated_finish is None or facts.planned_finish is None:
        return None
    slipped_s, planned_s = slip
    after_s = max(SLIP_FLOOR_S, SLIP_SHARE * planned_s) * facts.factor(Kind.ETA_SLIPPED)
    if slipped_s < after_s:
        return None
    expected = max(facts.estimated_finish, facts.seen_at)
    told = {
        "slipped_s": round(slipped_s),
        "planned_s": round(planned_s),
        "threshold_s": round(after_s),
        "first_estimate": facts.planned_finish.isoformat(),
        "estimate": facts.estimated_finish.isoformat(),
    }
    reason = (
        f"finish expected at {moment(expected)}, {span(slipped_s)} later than "
        f"first said ({moment(facts.planned_finish)})"
    )
    return Finding(facts.seen_at, reason, told)


def end_eta_slipped(facts: Facts, known: Open) -> str | None:
    """An estimate that is withdrawn for a while is neither good news nor bad."""
    if facts.state is not State.RUNNING:
        return f"{facts.state.value} now"
    slip = _slip(facts)
    if slip is None or slip[0] > SLIP_BACK * known.number("threshold_s", SLIP_FLOOR_S):
        return None
    return "the finish time is back near the first one"
