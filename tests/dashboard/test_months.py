"""Money by month as a chart: which months, how high, and what it says."""

import doctest

import pytest

from dashboard import days, months
from dashboard.months import Sum, month_chart


@pytest.mark.parametrize("module", [days, months])
def test_the_examples_in_the_words_of_the_modules_hold(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


def test_nothing_known_draws_nothing_and_neither_does_a_single_month():
    assert month_chart({}) is None
    assert month_chart({"2026-01": Sum(3, 2, 7.0)}) is None
    assert month_chart({"2026-01": Sum(3, 0, None)}) is None


def test_only_the_newest_two_years_are_drawn():
    chart = month_chart({"2020-01": Sum(1, 1, 500.0), "2026-11": Sum(1, 1, 5.0)})
    assert (len(chart.bars), chart.bars[0].month, chart.highest) == (24, "2024-12", 5.0)
    assert chart.sentence == "$5.00 for 1 job, all in 2026-11. Estimate."


def test_free_months_are_flat():
    chart = month_chart({"2026-10": Sum(1, 1, 0.0), "2026-11": Sum(2, 2, 0.0)})
    assert [bar.height for bar in chart.bars] == [0, 0]
    assert "$0.00 for 3 jobs from 2026-10 to 2026-11" in chart.sentence


def test_a_few_labels_stand_below_many_bars_the_newest_among_them():
    sums = {f"{year}-{month:02}": Sum(1, 1, 1.0) for year in (2025, 2026) for month in range(1, 13)}
    labels = [bar.label for bar in month_chart(sums).bars if bar.label]
    assert len(labels) <= months.LABELS
    assert labels[-1] == "2026-12"
