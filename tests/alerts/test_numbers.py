"""The figures of a message against the team's own history, from what was really recorded."""

from datetime import timedelta

import pytest

from alerts.announcing import announce
from alerts.message import Message
from jobs.models import Point, PointSource, Transition
from providers.states import State
from tests.alerts.house import the_delivery
from tests.builders import NOON, a_job, a_transition

MINUTE = 60.0


def a_stay(job, state: State, minutes: float, to: State) -> None:
    Transition.objects.create(
        connection=job.connection,
        job=job,
        from_state=state.value,
        to_state=to.value,
        stayed_s=minutes * MINUTE,
        base_model=job.base_model,
        announced_at=NOON,
    )


def facts() -> dict[str, str]:
    announce()
    return dict(Message.from_json(the_delivery().message).facts)


@pytest.fixture
def done(house, receiver):
    house.hook(receiver)
    return a_job(
        house.connection,
        state=State.SUCCEEDED,
        created_at=NOON,
        ended_at=NOON + timedelta(minutes=72),
        valid_loss=0.5,
        best_valid_loss=0.4,
    )


def test_an_end_tells_how_long_the_job_waited_and_trained(house, done):
    a_stay(done, State.VALIDATING, 2, State.QUEUED)
    a_stay(done, State.QUEUED, 20, State.RUNNING)
    a_transition(done, stayed_s=50 * MINUTE, base_model=done.base_model)

    assert facts()["Took"] == "1 h 12 min (22 min waiting, 50 min training)"


def test_an_end_is_compared_with_the_teams_own_jobs_of_the_model(house, done):
    for minutes in (40, 44, 48, 52, 56):
        other = a_job(house.connection, state=State.SUCCEEDED)
        a_stay(other, State.RUNNING, minutes, State.SUCCEEDED)
    a_transition(done)

    assert facts()["Took"] == "1 h 12 min (usual 48 min)"


def test_an_end_names_the_step_of_the_best_point(house, done):
    for step, value in ((100, 0.6), (200, 0.4), (300, 0.5)):
        Point.objects.create(
            job=done, metric="valid_loss", step=step, value=value, source=PointSource.EVENT, seen_at=NOON
        )  # fmt: skip
    a_transition(done)

    assert facts()["Best"] == "valid loss 0.4 at step 200; it rose to 0.5 at the end"


def test_what_was_not_seen_is_left_out(house, done):
    a_transition(done)

    assert facts()["Took"] == "1 h 12 min"


def test_a_hundred_ends_cost_the_queries_of_one(house, receiver, django_assert_max_num_queries):
    house.hook(receiver)
    for _ in range(100):
        house.ends(State.SUCCEEDED)
    with django_assert_max_num_queries(25):
        announce()
