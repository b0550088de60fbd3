"""Whatever the retrieve endpoint can say about a job, its page shows."""

import html
import re

import pytest
from django.test import Client

from jobs.models import Job
from tests.builders import a_connection, a_member, a_team
from tests.contracts.schema_values import SPEC, Filler
from tests.provider_double import ProviderDouble

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = {"supervised": 4, "dpo": 4, "reinforcement": 150}


def test_every_leaf_of_the_schema_is_on_the_page_for_each_method(provider, poll):
    assert SPEC.exists() or not SPEC.parent.parent.exists(), "the description is not where it was"
    if not SPEC.exists():
        return
    team = a_team()
    connection = a_connection(team, base_url=provider.url)
    filler, expected = Filler(), {}
    for method, rounds in ROUNDS.items():
        for _ in range(rounds):
            known = len(filler.seen)
            job, leaves = filler.job(method)
            if len(filler.seen) > known or not expected:
                serve(provider, job)
                expected[job["id"]] = leaves
    poll(2)
    browser = Client()
    browser.force_login(a_member(team))
    missing = []
    for job_id, leaves in expected.items():
        assert Job.objects.get(provider_id=job_id).retrieved_at, job_id
        page = shown(browser, f"/jobs/{connection.slug}/{job_id}/")
        missing += [f"{path} = {text}" for path, text in leaves if not stands_in(text, page)]
    assert missing == []
    assert len(filler.seen) > 150
    print(f"\n{len(filler.seen)} leaf properties found on {len(expected)} job pages")


def serve(provider: ProviderDouble, job: dict) -> None:
    provider.control("jobs", {"raw": job})


def shown(browser: Client, url: str) -> str:
    """The page's text as a reader sees it, without its raw JSON, where everything stands anyway."""
    reply = browser.get(url)
    assert reply.status_code == 200
    page = re.sub(r'(?s)<section[^>]*id="raw".*?</section>', "", reply.content.decode())
    assert '"object":' not in html.unescape(page), "the raw section was not cut out"
    return re.sub(r"(?<=\d)[\u2009\u202f\u00a0](?=\d)", "", html.unescape(page))


def stands_in(text: str, page: str) -> bool:
    return bool(re.search(rf"(?<![\w.]){re.escape(text)}(?![\w.]*\w)", page))
