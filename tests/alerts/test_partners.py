"""The job that an alert is best compared with."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from alerts.announcing import announce
from alerts.message import Message
from alerts.partners import Candidate, partner_of, partners_of
from jobs.refs import Ref
from providers.states import State
from tests.alerts.house import the_delivery
from tests.builders import NOON, a_connection, a_job, a_team, a_transition

HOUR = timedelta(hours=1)
JOB = Candidate(1, Ref("lab", "ftjob-1"), "gpt-4o-mini", "support-bot", "file-a", NOON)
BEFORE = replace(JOB, pk=2, ref=Ref("lab", "ftjob-2"), created_at=NOON - HOUR)


@pytest.mark.parametrize(
    ("change", "is_partner"),
    [
        ({}, True),
        ({"training_file": "file-b"}, True),  # the same name is enough
        ({"suffix": "other"}, True),  # and so is the same data
        ({"suffix": "other", "training_file": "file-b"}, False),
        ({"suffix": "", "training_file": ""}, False),
        (
            {"suffix": "other", "ref": Ref("eu", "ftjob-2")},
            False,
        ),  # a file's id means nothing there
        ({"ref": Ref("eu", "ftjob-2")}, True),
        ({"base_model": "gpt-4o"}, False),
        ({"created_at": NOON + HOUR}, False),
        ({"created_at": None}, False),
        ({"pk": 1}, False),
    ],
)
def test_a_partner_is_an_earlier_success_of_the_same_model_and_name_or_data(change, is_partner):
    one = replace(BEFORE, **change)
    assert partner_of(JOB, [one]) == (one.ref if is_partner else None)


def test_jobs_without_name_and_data_have_no_partner():
    nameless = replace(JOB, suffix="", training_file="")
    assert partner_of(nameless, [replace(nameless, pk=2, created_at=NOON - HOUR)]) is None


def test_the_newest_of_several_is_taken():
    older = replace(BEFORE, pk=3, ref=Ref("lab", "ftjob-3"), created_at=NOON - 2 * HOUR)
    assert partner_of(JOB, [BEFORE, older]) == BEFORE.ref


@pytest.mark.django_db
@pytest.mark.both_databases
class TestRecorded:
    def test_an_alert_leads_to_the_comparison(self, house, receiver, settings):
        settings.SITE_URL = "https://bell.example.com"
        house.hook(receiver)
        like = {"suffix": "support-bot", "connection": house.connection}
        before = a_job(state=State.SUCCEEDED, created_at=NOON - HOUR, **like)
        failed = a_job(state=State.FAILED, created_at=NOON, **like)
        a_transition(failed)
        announce()
        slug = house.connection.slug
        url = (
            f"https://bell.example.com/compare/"
            f"?jobs={slug}/{failed.provider_id},{slug}/{before.provider_id}"
        )
        message = Message.from_json(the_delivery().message)
        assert message.links == (("Compare", url),)
        assert message.data["links"]["compare"] == url

    def test_without_a_partner_nothing_is_offered(self, house, receiver):
        house.hook(receiver)
        a_transition(a_job(house.connection, state=State.FAILED))
        announce()
        message = Message.from_json(the_delivery().message)
        assert message.links == ()
        assert "compare" not in message.data["links"]

    def test_failures_archived_jobs_and_other_teams_are_no_partners(self):
        lab, like = a_connection(), {"suffix": "support-bot", "created_at": NOON - HOUR}
        a_job(lab, state=State.FAILED, **like)
        a_job(lab, state=State.SUCCEEDED, archived_at=NOON, **like)
        a_job(a_connection(a_team()), state=State.SUCCEEDED, **like)
        job = a_job(lab, state=State.FAILED, suffix="support-bot", created_at=NOON)
        assert partners_of([a_transition(job)]) == {}

    def test_many_jobs_cost_one_query_a_team(self):
        lab = a_connection()
        moves = [a_transition(a_job(lab, state=State.FAILED)) for _ in range(20)]
        with CaptureQueriesContext(database) as captured:
            partners_of(moves)
        assert len(captured) == 1
