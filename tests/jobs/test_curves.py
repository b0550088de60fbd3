"""The latest figures of a job's curves, as lists and its page show them."""

import pytest

from jobs import curves
from jobs.models import Point
from tests.builders import NOON, a_job

pytestmark = pytest.mark.django_db

TRAINED, SAMPLED, WHOLE = "train_mean_reward", "valid_mean_reward", "full_valid_mean_reward"


@pytest.mark.parametrize(
    ("last", "reward", "headline"),
    [
        ({TRAINED: 0.7}, 0.7, TRAINED),
        ({TRAINED: 0.7, SAMPLED: 0.0}, 0.0, SAMPLED),  # 0 is a reward, and not a good one
        ({TRAINED: 0.7, SAMPLED: 0.4, WHOLE: 0.0}, 0.0, WHOLE),
        ({}, None, ""),
    ],
)
def test_the_reward_of_a_job_is_that_of_validation_also_when_it_is_zero(last, reward, headline):
    job = a_job(method="reinforcement")
    Point.objects.bulk_create(
        Point(job=job, metric=metric, step=9, value=value, source=1, seen_at=NOON)
        for metric, value in last.items()
    )
    curves.refresh(job)
    assert (job.reward, job.headline_metric) == (reward, headline)
