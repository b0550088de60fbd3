"""Base models that retire: who is told, what is written, and by how many workers."""

from datetime import timedelta

import pytest

from jobs.claims import database_now
from jobs.models import BaseModel, Condition, Connection, Transition
from jobs.watch import watch
from providers.states import State
from tests.alerts.together import run_at_once
from tests.builders import NOON, a_job
from tests.jobs.waiting import a_well_connection

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MODEL = "gpt-4o-mini-2024-07-18"


def a_model(connection, days=20, name=MODEL, **facts):
    day = database_now().date() + timedelta(days=days)
    return BaseModel.objects.create(
        connection=connection, name=name, **{"shutdown_on": day, "first_seen_at": NOON, **facts}
    )


def rung():
    rows = Transition.objects.filter(kind="condition", rings=True).order_by("pk")
    return list(rows.values_list("from_state", "to_state", "subject"))


@pytest.fixture
def lab():
    return a_well_connection()


@pytest.mark.parametrize(
    ("facts", "is_told"),
    [
        ({"state": State.RUNNING, "next_poll_at": NOON}, True),
        ({"state": State.SUCCEEDED, "fine_tuned_model": "ft:gpt:acme::1"}, True),
        (
            {
                "state": State.SUCCEEDED,
                "fine_tuned_model": "ft:2",
                "base_model": f"ft:{MODEL}:acme::9",
            },
            True,
        ),
        ({"state": State.SUCCEEDED, "fine_tuned_model": None}, False),
        ({"state": State.FAILED}, False),
        ({"state": State.SUCCEEDED, "fine_tuned_model": "ft:1", "base_model": "other"}, False),
    ],
)
def test_a_model_is_told_of_if_the_team_uses_it(lab, facts, is_told):
    a_model(lab)
    a_job(lab, **facts)
    watch()
    assert rung() == ([("", "retiring", MODEL)] if is_told else [])


def test_a_model_that_comes_into_use_is_told_of_the_same_day(lab):
    a_model(lab)
    watch()
    assert rung() == []
    a_job(lab, next_poll_at=NOON)
    watch()
    watch()
    assert rung() == [("", "retiring", MODEL)]


def test_the_use_of_a_model_is_looked_up_once_a_day(lab, django_assert_num_queries):
    a_model(lab)
    watch()
    with django_assert_num_queries(6):
        watch()


def test_the_row_and_the_transition_say_day_and_level(lab):
    model = a_model(lab, 5)
    a_job(lab, next_poll_at=NOON)
    watch()
    condition, told = Condition.objects.get(), Transition.objects.get(kind="condition")
    assert (condition.level, condition.subject, condition.job) == (7, MODEL, None)
    assert told.reason == f"retires on {model.retires_on}, in 5 days"
    assert told.facts["retires_on"] == model.retires_on.isoformat()
    assert Connection.objects.get().team.version == 1


def test_levels_follow_each_other_and_the_date_people_set_counts(lab):
    model = a_model(lab, 80)
    a_job(lab, next_poll_at=NOON)
    for days in (80, 80, 25, 25, 3, -1, -1):
        by_hand = database_now().date() + timedelta(days=days)
        BaseModel.objects.filter(pk=model.pk).update(shutdown_on_by_hand=by_hand)
        watch()
    assert rung() == [("", "retiring", MODEL)] * 3
    assert not Condition.objects.filter(resolved_at=None).exists()


def test_a_date_that_is_withdrawn_recovers(lab):
    a_model(lab)
    a_job(lab, next_poll_at=NOON)
    watch()
    BaseModel.objects.update(shutdown_on=None)
    assert [watch().resolved for _ in range(2)] == [1, 0]
    assert rung()[1:] == [("retiring", "recovered", MODEL)]


def test_facts_that_cannot_be_read_do_not_end_the_run(lab):
    a_model(lab)
    a_job(lab, next_poll_at=NOON)
    Condition.objects.create(connection=lab, kind="retiring", subject=MODEL, facts=[1])
    assert (watch().failed, watch().looked) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_tell_once():
    lab = a_well_connection()
    for number in range(10):
        a_model(lab, name=f"model-{number}")
        a_job(lab, base_model=f"model-{number}", next_poll_at=NOON)
    run_at_once(watch, 4)
    assert len(rung()) == 10
    BaseModel.objects.update(shutdown_on=database_now().date() + timedelta(days=3))
    run_at_once(watch, 4)
    BaseModel.objects.update(shutdown_on=None)
    run_at_once(watch, 4)
    assert len(rung()) == 30
