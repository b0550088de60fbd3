"""What is said of the axis of several runs."""

from datetime import UTC, datetime, timedelta

from dashboard.shared_axis import told_together
from dashboard.traces import Trace
from dashboard.x_axes import BY_STEP, by_time, by_tokens

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TIMES = {1.0: NOON, 2.0: NOON + timedelta(minutes=1)}
COUNTED = by_tokens(Trace.of([(1.0, 10.0), (2.0, 20.0)]), None, 2)
SHARED_OUT = by_tokens(None, 20, 2)


def test_steps_and_counted_tokens_need_no_word():
    assert told_together([("v7", BY_STEP), ("v8", BY_STEP)]).note == ""
    told = told_together([("v7", COUNTED), ("v8", COUNTED)])
    assert (told.label, told.note) == ("Tokens", "")


def test_an_estimate_of_one_makes_the_axis_an_estimate_and_names_it():
    told = told_together([("v7", COUNTED), ("v8", SHARED_OUT), ("v9", SHARED_OUT)])
    assert told.label == "Tokens (estimate)"
    assert told.note.startswith("v8, v9: Tokens are an estimate")


def test_what_holds_for_all_names_nobody():
    told = told_together([("v7", SHARED_OUT), ("v8", SHARED_OUT)])
    assert told.note.startswith("Tokens are an estimate")


def test_who_counts_from_its_first_point_is_named():
    seen = by_time(TIMES, begun=NOON - timedelta(minutes=3))
    told = told_together([("v7", seen), ("v8", by_time(TIMES))])
    assert told.label == "Minutes since it began running"
    assert told.note.startswith("v8: Minutes count from the first point")


def test_where_no_beginning_is_known_the_label_says_so():
    told = told_together([("v7", by_time(TIMES)), ("v8", by_time(TIMES))])
    assert (told.label, told.note) == ("Minutes since the first point", "")


def test_without_runs_nothing_is_said():
    assert told_together([]).label == told_together([]).note == ""
