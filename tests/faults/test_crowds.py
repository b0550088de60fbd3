"""F12, F19, F20: a broker that forgets everything, and many who do the same work at once."""

import pytest

from alerts import hints
from alerts.outbox import deliver
from dashboard.standby import sweep_once
from tests.alerts.together import run_at_once
from tests.faults.scene import make_all_due

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
JOBS = 10


def test_f12_an_alert_whose_every_hint_was_dropped_is_sent_by_the_sweep(scene):
    scene.over(scene.runs(3))
    scene.poll()
    assert hints.bell.published == 0
    sweep_once()
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def test_f19_eight_workers_on_the_same_ten_jobs_tell_each_end_once(scene):
    scene.over(scene.runs(JOBS))
    make_all_due()
    run_at_once(sweep_once, 8)
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def test_f20_five_beats_at_once_cost_no_second_alert(scene):
    scene.over(scene.runs(JOBS))
    scene.poll()
    run_at_once(deliver, 5)
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def test_f20_a_beat_that_is_repeated_asks_no_provider_twice(scene):
    scene.runs(3)
    make_all_due()
    before = len(scene.provider.requests())
    sweep_once()
    asked = len(scene.provider.requests()) - before
    for _ in range(4):
        sweep_once()
    assert len(scene.provider.requests()) - before == asked
