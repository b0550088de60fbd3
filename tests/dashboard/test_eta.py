"""How the provider moved the finish time it announced."""

import re
from datetime import timedelta

import pytest

from dashboard.eta import MOST_ROWS, drift
from tests.builders import NOON


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def told(*finishes: float | None, until: float = 100, **facts):
    """Estimates ten minutes apart, as minutes after noon; None withdraws it."""
    said = [
        (NOON + minutes(10 * place), None if one is None else NOON + minutes(one))
        for place, one in enumerate(finishes)
    ]
    return drift(said, NOON + minutes(until), **facts)


def test_nothing_said_is_no_drift():
    assert told() is None
    assert told(None) is None


def test_one_estimate_never_moved():
    found = told(140)
    assert found.sentence == "ETA 14:20 UTC; it never moved."
    assert found.path == ""


def test_a_finish_that_moved_is_told_with_the_one_before_and_the_sum():
    assert (
        told(110, 100, 130, 140).sentence
        == "ETA 14:20 UTC, was 14:10; moved 3 times, +30 min in all."
    )


def test_moves_back_are_told_too():
    assert told(200, 80).sentence == "ETA 13:20 UTC, was 15:20; moved 1 time, −2 h in all."


def test_a_move_by_seconds_is_none_but_many_of_them_are():
    assert told(100, 100.4, 100.8).sentence == "ETA 13:40 UTC; it never moved."
    creeping = told(100, 100.6, 101.2, 101.8, 102.4)
    assert "moved 2 times, +2 min in all." in creeping.sentence


def test_another_day_is_named():
    assert told(60, 60 * 20).sentence.startswith("ETA 2025-11-21 08:00 UTC, was 2025-11-20 13:00")


def test_a_withdrawn_estimate_is_told_and_is_a_gap():
    found = told(100, None)
    assert found.sentence.startswith("The provider withdrew its estimate; the last was 13:40 UTC")
    assert [move.by for move in found.moves] == ["", "withdrawn"]
    gap = told(100, None, 130)
    assert gap.path.count("M") == 2


@pytest.mark.parametrize(
    ("ended", "words"), [(155, "15 min later"), (130, "10 min earlier"), (140.5, "then")]
)
def test_the_end_is_compared_with_the_last_estimate(ended, words):
    found = told(110, 140, ended_at=NOON + minutes(ended))
    assert found.sentence == (
        f"The provider's last estimate was 14:20 UTC; the job ended {words}; "
        "moved 1 time, +30 min in all."
    )


def test_the_line_is_a_staircase_inside_of_its_box():
    found = told(100, 130, until=20)
    assert found.path == "M0.0 108.0H300.0V12.0H600.0"
    assert (found.bottom, found.top) == ("13:40", "14:10")


def test_the_table_has_the_points_of_the_line():
    found = told(100, 130, 120)
    assert [(move.finish - NOON, move.by) for move in found.moves] == [
        (minutes(100), ""),
        (minutes(130), "+30 min"),
        (minutes(120), "−10 min"),
    ]
    assert len(re.findall("[MV]", found.path)) == 3


@pytest.mark.parametrize(
    "finishes", [[60 + 3 * n for n in range(500)], [None if n % 2 else 60 + n for n in range(500)]]
)
def test_very_many_moves_are_thinned_and_the_sentence_counts_them_all(finishes):
    found = told(*finishes, until=6000)
    assert 2 < len(found.moves) <= MOST_ROWS
    assert re.search(r"moved (499|249) times", found.sentence)


def test_a_clock_that_runs_backwards_draws_no_line_outside():
    found = told(100, 130, until=-50)
    numbers = [float(one) for one in re.findall(r"[\d.]+", found.path)]
    assert all(0 <= one <= 600 for one in numbers)
