"""How long a job stayed in each state, to scale."""

import doctest
from datetime import timedelta

import pytest

from dashboard import changes, eta, highlight, markdown, state_bar
from dashboard.state_bar import LEAST
from jobs.conditions import Usual
from tests.builders import NOON


def bar(*minutes: float, usual=None, **facts):
    stays, at = [], NOON
    for number, length in enumerate(minutes):
        until = at + timedelta(minutes=length)
        stays.append((("queued", "running", "paused")[number % 3], at, until))
        at = until
    return state_bar.state_bar(stays, usual, **facts)


def test_widths_are_to_scale_and_fill_the_bar():
    assert [(one.x, one.width) for one in bar(10, 30)] == [(0, 25), (25, 75)]


@pytest.mark.parametrize("minutes", [(1, 5000), (5000, 1), (0.01, 0.01, 5000), (1,) * 200])
def test_the_shortest_stay_can_be_seen_and_the_bar_is_full(minutes):
    segments = bar(*minutes)
    assert min(one.width for one in segments) >= min(LEAST, 100 / len(minutes)) - 0.01
    assert sum(one.width for one in segments) == pytest.approx(100, abs=0.01 * len(minutes))
    ends = [one.x + one.width for one in segments[:-1]]
    assert ends == pytest.approx([one.x for one in segments[1:]], abs=0.02)


def test_no_time_is_no_bar():
    assert bar() == bar(0) == ()


def test_the_mark_stands_where_the_usual_ends():
    queued, running = bar(20, 20, usual={"queued": Usual(600, 900, 14)})
    assert queued.mark == 25
    assert queued.usual == "usual 10 min over 14 jobs"
    assert (running.mark, running.usual) == (None, "")


def test_a_stay_that_ended_before_the_usual_has_no_mark():
    (queued,) = bar(5, usual={"queued": Usual(600, 900, 14)})
    assert queued.mark is None


def test_what_the_usual_leaves_of_a_stay_that_lasts_is_ahead():
    queued, ahead = bar(5, usual={"queued": Usual(600, 900, 14)}, is_open=True)
    assert (queued.width, ahead.width) == (50, 50)
    assert (ahead.word, ahead.elapsed) == ("Usually left", "5 min")


def test_nothing_is_ahead_of_a_stay_beyond_the_usual():
    assert len(bar(15, usual={"queued": Usual(600, 900, 14)}, is_open=True)) == 1


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (20, ""),  # twice the median and no more
        (21, "2.1 times the usual"),
        (200, "20 times the usual"),
    ],
)
def test_far_beyond_the_usual_is_said(minutes, words):
    assert bar(minutes, usual={"queued": Usual(600, 900, 14)})[0].excess == words


def test_where_nine_in_ten_vary_much_it_takes_more():
    assert bar(30, usual={"queued": Usual(600, 3600, 14)})[0].excess == ""


def test_a_usual_of_no_time_is_no_measure():
    (queued,) = bar(30, usual={"queued": Usual(0, 0, 5)}, is_open=True)
    assert (queued.mark, queued.excess) == (None, "")


@pytest.mark.parametrize("module", [changes, eta, highlight, markdown, state_bar])
def test_the_examples_in_the_docstrings_hold(module):
    failed, tried = doctest.testmod(module)
    assert failed == 0
    assert tried > 0
