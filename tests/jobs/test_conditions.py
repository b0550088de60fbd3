"""Which conditions hold, without a database: a table for each, and what no history may bring about."""

import doctest
from dataclasses import replace
from datetime import timedelta
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import catalog
from jobs.conditions import Facts, Kind, Open, Step, Usual, decide, retirement, words
from jobs.conditions.losses import find_diverging, find_overfitting
from jobs.conditions.waits import stuck_after_s
from providers.states import State
from tests.builders import NOON

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = timedelta(days=1)
USUAL = Usual(median_s=22 * 60, p90_s=40 * 60, count=14)
FALLING = [2.0, 1.6, 1.3, 1.1, 1.0, 0.9, 0.85, 0.8, 0.78, 0.76]
BROKEN = [*FALLING[:6], 1.2, 1.8, 2.6, 3.9]
OVERFIT = [1.2, 0.9, 0.7, 0.6, 0.62, 0.66, 0.7, 0.75, 0.8]


def a_job(state=State.QUEUED, **facts):
    """One that was created a day ago, is watched since and was looked at just now."""
    known = {
        "seen_at": NOON,
        "read_at": NOON,
        "first_seen_at": NOON - DAY,
        "created_at": NOON - DAY,
        "state_since": NOON - MINUTE,
        "usual": USUAL,
    }
    return Facts(state=state, **{**known, **facts})


def running(**facts):
    return a_job(State.RUNNING, **{"usual": None, **facts})


def begun(facts):
    return {one.kind: one for one in decide(facts) if one.step is Step.RAISE}


def opened(facts, kind, **numbers):
    """The same job with what it would raise open."""
    raised = begun(facts)[kind]
    known = Open(raised.since, {**raised.facts, **numbers}, is_told=raised.rings)
    return replace(facts, open={kind: known})


# The floor of queued is 1 h, four usual waits are 88 min, half as much again as nine in ten 60 min.
@pytest.mark.parametrize(
    ("state", "usual", "after"),
    [
        (State.QUEUED, USUAL, 88 * MINUTE),
        (State.QUEUED, Usual(60, 90, 30), HOUR),
        (State.QUEUED, Usual(600, 7200, 30), 3 * HOUR),
        (State.QUEUED, None, 6 * HOUR),
        (State.VALIDATING, Usual(60, 90, 30), 30 * MINUTE),
        (State.RUNNING, Usual(3600, 5400, 30), 4 * HOUR),
        (State.RUNNING, None, 48 * HOUR),
        (State.UNKNOWN, None, 24 * HOUR),
    ],
)
def test_a_job_is_stuck_after_what_its_history_and_the_floor_say(state, usual, after):
    assert stuck_after_s(state, usual) == after.total_seconds()
    since = {"usual": usual, "state_since": NOON - after, "first_seen_at": NOON - 3 * DAY}
    assert Kind.STUCK in begun(a_job(state, **since))
    since["state_since"] += timedelta(seconds=1)
    assert Kind.STUCK not in begun(a_job(state, **since))


@pytest.mark.parametrize("state", [State.PAUSED, State.SUCCEEDED, State.FAILED, State.CANCELLED])
def test_what_somebody_paused_or_what_is_over_is_never_stuck(state):
    assert decide(a_job(state, state_since=NOON - 30 * DAY)) == ()


def test_the_reason_names_the_wait_and_the_usual_one():
    raised = begun(a_job(state_since=NOON - 5 * HOUR))[Kind.STUCK]
    assert raised.reason == "queued for 5 h; usual wait is 22 min (14 jobs)"
    assert raised.facts["stayed_s"] == 5 * 3600
    assert raised.facts["usual_median_s"] == 22 * 60


@pytest.mark.parametrize(
    ("usual", "compared"),
    [
        (replace(USUAL, is_of_model=False), "usual wait is 22 min (14 jobs of all base models)"),
        (None, "there is no history of your own to compare with yet"),
    ],
)
def test_the_reason_says_what_it_was_compared_with(usual, compared):
    reason = begun(a_job(state_since=NOON - 9 * HOUR, usual=usual))[Kind.STUCK].reason
    assert reason == f"queued for 9 h; {compared}"


def test_stuck_ends_when_the_state_is_left_and_not_before():
    stuck = opened(a_job(state_since=NOON - 5 * HOUR), Kind.STUCK)
    assert decide(replace(stuck, usual=Usual(9e9, 9e9, 200))) == ()
    (ended,) = decide(replace(stuck, state=State.RUNNING, state_since=NOON))
    assert (ended.kind, ended.step, ended.reason) == (
        Kind.STUCK,
        Step.RESOLVE,
        "running now, after 5 h in queued",
    )


def test_a_second_stay_in_the_same_state_is_another_one():
    stuck = opened(a_job(state_since=NOON - 5 * HOUR), Kind.STUCK)
    (ended,) = decide(replace(stuck, state_since=NOON - MINUTE))
    assert ended.step is Step.RESOLVE


def test_the_second_time_takes_twice_as_long():
    raised = {Kind.STUCK: 1}
    assert begun(a_job(state_since=NOON - 170 * MINUTE, raised=raised)) == {}
    assert Kind.STUCK in begun(a_job(state_since=NOON - 176 * MINUTE, raised=raised))


def test_what_was_stuck_when_first_seen_rings_once_we_saw_it_wait():
    long_queued = a_job(state_since=NOON - 9 * HOUR, first_seen_at=NOON - MINUTE)
    assert begun(long_queued)[Kind.STUCK].rings is False
    quiet = opened(long_queued, Kind.STUCK)
    assert decide(quiet) == ()
    (told,) = decide(replace(quiet, seen_at=NOON + 2 * HOUR))
    assert (told.step, told.rings, told.reason.split(";")[0]) == (
        Step.TELL,
        True,
        "queued for 11 h",
    )


def test_what_nobody_heard_of_ends_unheard():
    quiet = opened(a_job(state_since=NOON - 9 * HOUR, first_seen_at=NOON - MINUTE), Kind.STUCK)
    (ended,) = decide(replace(quiet, state=State.RUNNING))
    assert (ended.step, ended.rings) == (Step.RESOLVE, False)


def test_a_job_nobody_can_see_is_not_judged():
    unseen = a_job(state_since=NOON - 9 * DAY, is_seen=False)
    assert decide(unseen) == ()
    stuck = opened(replace(unseen, is_seen=True), Kind.STUCK)
    assert decide(replace(stuck, is_seen=False, state=State.RUNNING)) == ()


def test_silence_is_no_wait():
    """Only what lies before our last look counts: TuneBell may have been off for days."""
    assert decide(a_job(state_since=NOON - HOUR, seen_at=NOON - 50 * MINUTE)) == ()


def test_what_somebody_archived_ends_without_a_sound():
    stuck = opened(a_job(state_since=NOON - 5 * HOUR), Kind.STUCK)
    (ended,) = decide(replace(stuck, is_watched=False))
    assert (ended.step, ended.rings) == (Step.RESOLVE, False)


def test_everything_open_ends_with_the_job_even_where_nobody_looks():
    known = {kind: Open(NOON - HOUR) for kind in Kind}
    ended = decide(a_job(State.FAILED, open=known, is_seen=False))
    assert {one.kind for one in ended} == set(Kind)
    assert {(one.step, one.rings, one.reason) for one in ended} == {
        (Step.RESOLVE, True, "the job is over: failed")
    }


# Steps come: an hour, or four times the longest silence. Before three steps and after the last: 6 h.
@pytest.mark.parametrize(
    ("step", "gap", "after"),
    [
        (480, MINUTE, HOUR),
        (480, 40 * MINUTE, 160 * MINUTE),
        (480, None, HOUR),
        (2, MINUTE, 6 * HOUR),
        (None, MINUTE, 6 * HOUR),
        (1200, MINUTE, 6 * HOUR),
    ],
)
def test_a_running_job_may_be_silent_for_so_long(step, gap, after):
    facts = {
        "step": step,
        "total_steps": 1200,
        "longest_gap_s": gap and gap.total_seconds(),
        "state_since": NOON - DAY,
    }
    assert Kind.NO_PROGRESS in begun(running(progressed_at=NOON - after, **facts))
    late = NOON - after + timedelta(seconds=1)
    assert Kind.NO_PROGRESS not in begun(running(progressed_at=late, **facts))


@pytest.mark.parametrize(
    "facts",
    [
        {"progressed_at": None},  # its provider may have no signs to give
        {"read_at": NOON - 3 * HOUR},  # nobody read its events since
        {"state_since": NOON - MINUTE},  # it ran on a minute ago
        {"state": State.PAUSED},
        {"state": State.QUEUED},
    ],
)
def test_these_are_never_without_progress(facts):
    quiet = {"progressed_at": NOON - 3 * HOUR - MINUTE, "step": 5, "state_since": NOON - DAY}
    assert Kind.NO_PROGRESS in begun(running(**quiet))
    assert Kind.NO_PROGRESS not in begun(replace(running(**quiet), usual=None, **facts))


def test_no_progress_says_where_it_stands_and_ends_with_a_sign():
    facts = {"step": 480, "total_steps": 1200, "longest_gap_s": 180, "state_since": NOON - DAY}
    quiet = opened(running(progressed_at=NOON - 2 * HOUR, **facts), Kind.NO_PROGRESS)
    assert begun(replace(quiet, open={}))[Kind.NO_PROGRESS].reason == (
        "no step, point or event for 2 h, at step 480 of 1200; the longest silence before was 3 min"
    )
    assert decide(quiet) == ()
    (ended,) = decide(replace(quiet, progressed_at=NOON, step=481))
    assert (ended.step, ended.reason) == (Step.RESOLVE, "it goes on, at step 481 of 1200")


@pytest.mark.parametrize(
    ("train", "holds"),
    [
        (FALLING, False),
        (BROKEN, True),
        ([*FALLING[:8], 3.9, 0.8], False),  # one spike
        (BROKEN[:7], False),  # too few to say
        ([0.01, 0.02, 0.01, 0.02, 0.01, 0.05, 0.06, 0.06, 0.06], False),  # near zero
        ([nan, inf, -inf, *BROKEN, nan], True),
        ([-1.0] * 9, False),
        ([], False),
    ],
)
def test_a_training_loss_that_climbs_back_diverges(train, holds):
    assert (find_diverging(running(train_losses=train)) is not None) is holds


@pytest.mark.parametrize(
    ("valid", "train", "holds"),
    [
        (OVERFIT, FALLING, True),
        (OVERFIT, [], True),
        (OVERFIT, BROKEN, False),  # both rise: it diverges
        (FALLING, FALLING, False),
        ([1.2, 0.9, 0.7, 0.6, 0.62, 0.6, 0.63, 0.61, 0.62], FALLING, False),  # noise
        ([*OVERFIT[:4], 0.9, 0.9], FALLING, False),  # the best is two points old
        ([nan, *OVERFIT, inf], FALLING, True),
    ],
)
def test_a_validation_loss_that_rises_while_training_falls_overfits(valid, train, holds):
    found = find_overfitting(running(valid_losses=valid, train_losses=train))
    assert (found is not None) is holds


def test_a_new_best_ends_overfitting():
    overfit = running(valid_losses=OVERFIT, train_losses=FALLING)
    assert begun(overfit)[Kind.OVERFITTING].reason == (
        "validation loss rose from 0.6 to 0.8 while training went on falling"
    )
    known = opened(overfit, Kind.OVERFITTING)
    assert decide(replace(known, valid_losses=[*OVERFIT, 0.7, 0.65, 0.64])) == ()
    (ended,) = decide(replace(known, valid_losses=[*OVERFIT, 0.5, 0.5, 0.5]))
    assert (ended.step, ended.reason) == (
        Step.RESOLVE,
        "validation loss fell to 0.5, a new best",
    )


def test_jobs_that_learn_by_reward_are_not_judged_by_loss():
    assert decide(running(valid_losses=OVERFIT, train_losses=BROKEN, is_rewarded=True)) == ()


def test_a_curve_that_was_there_when_the_job_was_first_seen_rings_nobody():
    past = running(valid_losses=OVERFIT, first_seen_at=NOON - MINUTE)
    assert begun(past)[Kind.OVERFITTING].rings is False
    known = opened(past, Kind.OVERFITTING)
    assert decide(replace(known, seen_at=NOON + DAY)) == ()
    assert begun(replace(past, created_at=NOON - 2 * MINUTE))[Kind.OVERFITTING].rings is True


# It was to run for 2 h, so it may slip by 1 h.
@pytest.mark.parametrize(
    ("slip", "holds"), [(59 * MINUTE, False), (60 * MINUTE, True), (-DAY, False)]
)
def test_a_finish_time_that_moves_by_half_of_the_run_has_slipped(slip, holds):
    since, planned = NOON - HOUR, NOON + HOUR
    facts = running(state_since=since, planned_finish=planned, estimated_finish=planned + slip)
    assert (Kind.ETA_SLIPPED in begun(facts)) is holds


def test_a_finish_time_that_has_passed_slips_with_the_clock():
    facts = {"planned_finish": NOON - HOUR, "estimated_finish": NOON - HOUR}
    assert Kind.ETA_SLIPPED in begun(running(state_since=NOON - 2 * HOUR, **facts))


def test_a_slipped_finish_time_must_win_back_half_to_be_well_again():
    planned = NOON + HOUR
    facts = {"state_since": NOON - HOUR, "planned_finish": planned}
    slipped = running(estimated_finish=planned + 90 * MINUTE, **facts)
    assert begun(slipped)[Kind.ETA_SLIPPED].reason == (
        "finish expected at 2025-11-20 14:30 UTC, 1 h 30 min later than first said"
        " (2025-11-20 13:00 UTC)"
    )
    known = opened(slipped, Kind.ETA_SLIPPED)
    assert decide(replace(known, estimated_finish=planned + 31 * MINUTE)) == ()
    assert decide(replace(known, estimated_finish=None)) == ()
    (ended,) = decide(replace(known, estimated_finish=planned + 30 * MINUTE))
    assert ended.step is Step.RESOLVE


def test_facts_of_a_condition_that_cannot_be_read_do_no_harm():
    known = {kind: Open(None, {"threshold_s": "x", "best_level": nan, "state": 7}) for kind in Kind}
    steps = {one.step for one in decide(running(open=known, valid_losses=OVERFIT))}
    assert steps <= {Step.RESOLVE}


@pytest.mark.parametrize("module", [catalog, retirement, words], ids=lambda one: one.__name__)
def test_the_examples_in_the_docstrings_hold(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


moments = st.one_of(
    st.none(), st.integers(-(10**7), 10**7).map(lambda s: NOON + timedelta(seconds=s))
)
numbers = st.one_of(st.none(), st.floats(), st.integers(-5, 5000))
losses = st.lists(st.floats() | st.floats(0, 5), max_size=30)
usual = st.none() | st.builds(Usual, st.floats(0, 1e6), st.floats(0, 1e6), st.integers(5, 200))
moved = st.fixed_dictionaries(
    {
        "state": st.sampled_from(State),
        "is_seen": st.booleans(),
        "is_watched": st.integers(0, 9).map(bool),
        "state_since": moments,
        "progressed_at": moments,
        "longest_gap_s": st.none() | st.floats(0, 1e6),
        "step": st.none() | st.floats(0, 1e6),
        "total_steps": st.none() | st.integers(-5, 5000),
        "is_rewarded": st.booleans(),
        "train_losses": losses,
        "valid_losses": losses,
        "planned_finish": moments,
        "estimated_finish": moments,
        "usual": usual,
    }
)


@given(st.lists(st.tuples(moved, st.integers(0, 10**6)), max_size=12))
def test_whatever_happens_each_kind_is_raised_and_resolved_in_turn(story):
    """Applies what is decided, and looks twice at each moment: the second look changes nothing."""
    known, raised, now = {}, {}, NOON
    for facts, passed_s in story:
        now += timedelta(seconds=passed_s)
        seen = {"seen_at": now, "read_at": now, "first_seen_at": NOON}
        for look in (1, 2):
            job = Facts(**{**facts, **seen}, open=dict(known), raised=dict(raised))
            verdicts = decide(job)
            assert verdicts == decide(job)
            assert not any(one.step is Step.RESOLVE for one in verdicts) or look == 1
            assert len({one.kind for one in verdicts}) == len(verdicts)
            for one in verdicts:
                _apply(one, known, raised)


def _apply(one, known, raised):
    if one.step is Step.RAISE:
        assert one.kind not in known
        known[one.kind] = Open(one.since, one.facts, is_told=one.rings)
    elif one.step is Step.TELL:
        assert known[one.kind].is_told is False
        known[one.kind] = Open(one.since, one.facts)
    else:
        assert one.rings is (known.pop(one.kind).is_told and one.reason != "not watched any more")
        raised[one.kind] = raised.get(one.kind, 0) + 1
