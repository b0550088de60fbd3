"""How a line of the benchmark's table is made of what was measured."""

import pytest

from bench.compared import OURS, Goal, Limits, Measured, compared
from bench.table import figures

GOAL = Goal(ms=12, ratio=0.4, than="MLflow")


def row(ours, goal=GOAL, limits=None, **peers):
    sides = {OURS: Measured(ours)} | {name: Measured(ms, "9 KB") for name, ms in peers.items()}
    return compared("b1", "50 of 10,000", sides, goal, limits)


def test_a_figure_is_the_median_with_the_largest_and_their_number():
    assert figures([3.0, 1.0, 20.0], " ms") == "3.0 ms (max 20.0; n=3)"


def test_large_figures_are_told_without_decimals():
    assert figures([5300.4, 5300.4], " ms") == "5,300 ms (max 5,300; n=2)"


def test_the_ratio_is_that_of_the_medians():
    assert row([2.0, 10.0, 11.0], MLflow=[20.0, 40.0, 90.0]).ratio == "0.25 x"


def test_a_peer_is_known_by_the_beginning_of_its_name():
    sides = {OURS: Measured([10.0]), "MLflow 3.17.2": Measured([40.0])}
    assert compared("b1", "", sides, GOAL).ratio == "0.25 x"


def test_other_peers_are_told_and_decide_nothing():
    found = row([10.0], MLflow=[40.0], Trackio=[1.0])
    assert found.holds
    assert found.peer == "MLflow 40.0 ms (max 40.0; n=1); 9 KB; Trackio 1.0 ms (max 1.0; n=1); 9 KB"


def test_without_the_peer_the_figure_alone_decides():
    found = row([10.0])
    assert (found.ratio, found.peer, found.holds) == ("", "", True)


@pytest.mark.parametrize(
    ("ours", "theirs", "holds"),
    [
        (12.0, 30.0, True),  # 0.4
        (12.1, 40.0, False),  # too slow by the clock
        (12.0, 29.0, False),  # too slow beside the peer
    ],
)
def test_figure_and_ratio_must_both_hold(ours, theirs, holds):
    assert row([ours], MLflow=[theirs]).holds is holds


@pytest.mark.parametrize(("sql", "holds"), [(10, True), (11, False)])
def test_what_is_counted_must_hold_too(sql, holds):
    found = row([1.0], limits=Limits({"SQL": (sql, 10)}))
    assert (found.ours, found.holds) == (f"1.0 ms (max 1.0; n=1); {sql} SQL", holds)


def test_the_target_names_all_that_has_to_hold():
    found = row([1.0], limits=Limits({"SQL": (9, 10), "KB": (51.7, 60)}))
    assert found.target == "<= 12 ms, <= 0.4 x MLflow, <= 10 SQL, <= 60 KB"


def test_a_small_size_keeps_its_decimals():
    assert Limits({"KB": (0.43, 1)}).found == "0.43 KB"


def test_a_size_just_over_its_most_is_not_told_as_its_most():
    assert Limits({"KB": (60.2, 60)}).found == "60.2 KB"


def test_what_has_no_limit_is_told_and_decides_nothing():
    found = row([1.0], limits=Limits({"SQL": (9, 10), "KB": (500, None)}))
    assert (found.holds, found.target) == (True, "<= 12 ms, <= 0.4 x MLflow, <= 10 SQL")
