"""What is usual for a team, by the newest stays of a state and model."""

import pytest

from jobs.conditions import Usual
from jobs.history import Stay, usual_stays, usual_training
from providers.states import State
from tests.builders import a_connection
from tests.jobs.waiting import some_stays

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MODEL, OTHER = "gpt-4o-mini-2024-07-18", "Qwen/Qwen3-14B"


@pytest.fixture
def lab():
    return a_connection()


def usual_wait(lab) -> Usual | None:
    asked = Stay(lab.team_id, State.QUEUED.value, MODEL)
    return usual_stays([asked]).get(asked)


def test_the_usual_stay_is_the_middle_one_and_what_nine_in_ten_took(lab):
    some_stays(lab, *range(100, 1100, 100))
    assert usual_wait(lab) == Usual(550.0, 1000.0, 10)


def test_fewer_than_five_stays_are_no_history(lab):
    some_stays(lab, 1, 2, 3, 4)
    assert usual_wait(lab) is None


def test_a_model_with_few_stays_is_compared_with_all_of_the_team(lab):
    some_stays(lab, 10, 20, 30, base_model=OTHER)
    some_stays(a_connection(lab.team), 40, 50)
    assert usual_wait(lab) == Usual(30.0, 50.0, 5, is_of_model=False)


def test_the_same_state_and_team_count_and_nothing_else(lab):
    some_stays(lab, *[9] * 5)
    some_stays(lab, *[5000] * 9, state="running")
    some_stays(a_connection(), *[7000] * 9)
    some_stays(lab, *[8000] * 9, base_model=OTHER)
    assert usual_wait(lab) == Usual(9.0, 9.0, 5)


def test_only_the_newest_stays_count(lab, monkeypatch):
    monkeypatch.setattr("jobs.history.LATEST", 5)
    some_stays(lab, *[9000] * 5)
    some_stays(a_connection(lab.team), *[1, 2, 3, 4, 5])
    assert usual_wait(lab) == Usual(3.0, 5.0, 5)


def test_many_are_looked_up_in_a_fixed_number_of_queries(lab, django_assert_num_queries):
    some_stays(lab, *[9] * 5)
    states = [state.value for state in State]
    asked = {Stay(lab.team_id, state, f"model-{n}") for state in states for n in range(4)}
    with django_assert_num_queries(4):  # the connections and the stays, of the model and of all
        found = usual_stays(asked)
    assert {stay.state for stay in found} == {"queued"}
    assert usual_stays([]) == {}


def test_the_usual_training_is_of_jobs_that_succeeded(lab):
    some_stays(lab, *[2880] * 5, state="running", to_state="succeeded")
    some_stays(lab, *[60] * 9, state="running", to_state="failed")
    assert usual_training(lab.team, MODEL) == Usual(2880.0, 2880.0, 5)
    assert usual_training(lab.team, OTHER) is None
