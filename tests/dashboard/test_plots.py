"""Bars of many spans of time: which dates stand below them, so that a phone has room for each."""

import itertools

import pytest

from dashboard import plots

DATE = 22.0  # percent of the plot of a phone: 70 of 320 px


def place_of(bar: plots.Bar) -> tuple[float, float]:
    """From where to where the date of a bar reaches, in percent."""
    begins = {"start": bar.middle, "middle": bar.middle - DATE / 2, "end": bar.middle - DATE}
    return begins[bar.anchor], begins[bar.anchor] + DATE


@pytest.mark.parametrize("number", range(1, 55))
def test_no_date_runs_into_another_or_out_of_the_plot(number):
    bars = plots.bars_of([(f"day {at}", 1, 2) for at in range(number)])
    places = [place_of(bar) for bar in bars if bar.is_labelled]
    assert places[0][0] >= 0
    assert places[-1][1] <= 100
    assert all(one[1] < next_one[0] for one, next_one in itertools.pairwise(places))


@pytest.mark.parametrize("number", range(1, 55))
def test_the_newest_bar_has_its_date(number):
    assert plots.bars_of([("day", 0, 1)] * number)[-1].is_labelled
