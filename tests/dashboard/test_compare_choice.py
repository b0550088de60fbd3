"""Which jobs are offered beside one that is to be compared."""

from datetime import timedelta

import pytest
from django.test import Client

from dashboard.queries.compare import ref_of
from jobs.refs import compare_path
from tests.builders import NOON, a_connection, a_job, a_member

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def lab():
    return a_connection(slug="lab")


@pytest.fixture
def client(lab):
    client = Client()
    client.force_login(a_member(lab.team))
    return client


def offered(client, *jobs, **asked: str) -> list[str]:
    answer = client.get(compare_path(map(ref_of, jobs)), asked)
    return [one.name for one in answer.context["page"].found]


def bot(lab, name: str, minute: int, **facts):
    return a_job(lab, suffix=name, created_at=NOON + timedelta(minutes=minute), **facts)


def test_jobs_of_the_same_base_model_come_before_newer_ones_that_do_not_compare(client, lab):
    drawn = {"headline_metric": "valid_loss"}
    chosen = bot(lab, "chosen", 0, base_model="m", **drawn)
    bot(lab, "same, no curve", 2, base_model="m")
    bot(lab, "same", 1, base_model="m", **drawn)
    for number in range(30):
        bot(lab, f"other {number}", 10 + number, base_model="n", **drawn)
    names = offered(client, chosen)
    assert names[:3] == ["same", "same, no curve", "other 29"]
    assert len(names) == 20
    html = client.get(compare_path([ref_of(chosen)])).content.decode()
    assert "Newest jobs, those of the same base model first" in html


def test_without_a_chosen_one_and_in_a_search_the_newest_come_first(client, lab):
    bot(lab, "bot 1", 1, base_model="m")
    bot(lab, "bot 2", 2, base_model="n")
    assert offered(client) == ["bot 2", "bot 1"]
    chosen = bot(lab, "mine", 0, base_model="m")
    asked = {"jobs": str(ref_of(chosen)), "q": "bot", "choose": "1"}
    found = client.get("/compare/", asked).context["page"].found
    assert [one.name for one in found] == ["bot 2", "bot 1"]
