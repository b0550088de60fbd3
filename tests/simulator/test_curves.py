from __future__ import annotations

import math

import pytest

from simulator import curves

RUN = range(1, 401)


def losses(name, read=curves.train_loss):
    return [read(curves.SHAPES[name], 11, step, step / 400) for step in RUN]


def mean(values):
    return sum(values) / len(values)


@pytest.mark.parametrize("name", sorted(set(curves.SHAPES) - {"diverge"}))
def test_training_loss_falls(name):
    run = losses(name)
    assert mean(run[-40:]) < 0.75 * mean(run[:10])


def test_validation_of_an_overfitting_run_rises_again():
    run = losses("overfit", curves.full_valid_loss)
    assert min(run[150:200]) < mean(run[:20])
    assert mean(run[-20:]) > min(run) + 0.8


def test_a_diverging_run_ends_worse_than_it_began_and_stays_finite():
    run = losses("diverge")
    assert mean(run[-20:]) > mean(run[:5])
    assert all(math.isfinite(loss) and loss < 50 for loss in run)


def test_neighbouring_steps_differ_by_noise():
    run = losses("steady")
    assert len(set(run)) > 390


def test_accuracy_stays_between_nothing_and_all():
    run = [curves.accuracy(loss, 1, loss) for loss in (0.0, 0.2, 1.0, 4.0, 14.0)]
    assert all(0 <= value <= 1 for value in run)
    assert run[0] > run[2] > run[4]


def test_reward_rises_within_its_bounds():
    run = [curves.reward(5, step, step / 400) for step in RUN]
    assert mean(run[-40:]) > mean(run[:20]) + 0.2
    assert all(0 <= value <= 1 for value in run)


def test_the_same_seed_gives_the_same_curve_and_another_another():
    first = [curves.reward(5, step, 0.5) for step in RUN]
    assert first == [curves.reward(5, step, 0.5) for step in RUN]
    assert first != [curves.reward(6, step, 0.5) for step in RUN]
