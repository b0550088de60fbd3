"""Requests that nobody thought of: the machine face answers them as its schema says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from dashboard.schema import openapi
from dashboard.wsgi import application
from tests.dashboard.graph import a_graph

schema = schemathesis.openapi.from_dict(openapi())
schema.app = application


@pytest.fixture
def headers(transactional_db):
    return {"Authorization": f"Bearer {a_graph('fuzzed').secret}", "Host": "localhost"}


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_the_answer_is_in_the_schema(case, headers):
    case.call_and_validate(headers=headers, base_url="http://localhost")
