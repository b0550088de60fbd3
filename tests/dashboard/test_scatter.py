"""Results against settings: who is drawn, who is named best, and what is said of it."""

from itertools import count

from dashboard.scatter import OTHERS, Measured, Result, Subject, scatter

LOSS = Result("Best validation loss", "Lowest validation loss", is_lower_better=True)
REWARD = Result("Reward", "Highest reward", is_lower_better=False)
_serial = count(1)


def measured(x, y, group="gpt-x"):
    return Measured(x, y, group, f"job-{next(_serial)}", ("lab", f"ftjob-{x}-{y}"))


def plot(found, result=LOSS, most=100):
    subject = Subject("loss-1", "n_epochs", result, "/".join)
    return scatter(subject, found, most)


def test_the_best_is_the_lowest_loss_or_the_highest_reward():
    jobs = [measured(1, 0.9), measured(3, 0.4), measured(5, 0.7)]
    assert (
        plot(jobs).sentence == "Lowest validation loss seen on gpt-x: 0.4 at n_epochs 3 (3 jobs)."
    )
    assert (
        plot(jobs, REWARD).sentence == "Highest reward seen on gpt-x: 0.9 at n_epochs 1 (3 jobs)."
    )
    assert [dot.of.y for dot in plot(jobs).dots if dot.is_best] == [0.4]


def test_a_lower_loss_is_drawn_lower():
    high, low = plot([measured(1, 0.9), measured(2, 0.1)]).dots
    assert (high.of.y, low.of.y) == (0.9, 0.1)
    assert high.y < low.y


def test_base_models_keep_apart_and_the_small_ones_share_a_mark():
    names = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"] * 2 + ["e"]
    found = plot([measured(n, n, name) for n, name in enumerate(names)])
    assert [(one.label, one.n) for one in found.groups] == [
        ("a", 5),
        ("b", 4),
        ("c", 3),
        (OTHERS, 3),
    ]
    assert {dot.series for dot in found.dots if dot.of.group in "de"} == {4}
    assert len({one.mark for one in found.groups}) == 4
    assert found.sentence.endswith("The others are ringed.")


def test_four_base_models_all_keep_their_names():
    found = plot([measured(n, n, name) for n, name in enumerate("abcd")])
    assert [one.label for one in found.groups] == ["a", "b", "c", "d"]


def test_the_newest_are_drawn_and_the_best_whatever_its_age():
    found = plot([*(measured(n, 1 + n) for n in range(6)), measured(9, 0.1)], most=3)
    assert [dot.of.y for dot in found.rows] == [0.1, 1, 2, 3]
    assert found.left_out == 3
    assert "0.1 at n_epochs 9 (7 jobs)" in found.sentence


def test_the_table_has_the_same_jobs_as_the_drawing():
    found = plot([measured(n, n % 4) for n in range(20)])
    assert {dot.url for dot in found.dots} == {row.url for row in found.rows}
    assert [row.of.y for row in found.rows] == sorted(row.of.y for row in found.rows)


def test_a_widely_spread_setting_is_laid_out_by_powers():
    found = plot([measured(0.01, 1), measured(0.1, 2), measured(1, 3)])
    places = [dot.x for dot in sorted(found.dots, key=lambda dot: dot.of.x)]
    assert found.is_log
    assert places[1] - places[0] == places[2] - places[1]
