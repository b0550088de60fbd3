"""The runs that TuneBell and its peers hold alike."""

from bench import runs
from bench.runs import Run


def test_a_run_is_the_same_each_time_it_is_asked_for():
    assert list(Run(7).history()) == list(Run(7).history())
    assert (Run(7).key, Run(7).parameters) == (Run(7).key, Run(7).parameters)


def test_ids_do_not_repeat():
    assert len({Run(serial).key[:24] for serial in range(5000)}) == 5000


def test_a_run_has_five_parameters_and_ten_points():
    assert (len(Run(7).parameters), len(list(Run(7).history()))) == (5, 10)


def test_the_long_runs_are_as_long_as_the_targets_say():
    lengths = [sum(1 for _ in Run(serial).history()) for serial in (runs.LONG, runs.LONGEST)]
    assert lengths == [10_000, 100_000]


def test_the_long_runs_and_the_compared_ones_succeeded_and_are_not_on_the_first_page():
    assert {Run(serial).fate for serial in runs.LENGTHS} == {"succeeded"}
    assert min(runs.LENGTHS) >= 50


def test_runs_end_in_each_way():
    assert {Run(serial).fate for serial in range(100)} == set(runs.FATES)
