"""What the page of a job and its export say of cost."""

import csv
import io
import json
from datetime import date

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from dashboard import words
from dashboard.queries.figures import figures
from dashboard.queries.history import history
from jobs.costs import Why
from jobs.export import FORMATS
from jobs.models import Job, Price
from tests.builders import NOON, a_connection, a_job, a_member, a_transition

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
RFT = {"base_model": "o4-mini-2025-04-16", "method": "reinforcement"}


@pytest.fixture
def lab():
    return a_connection(slug="lab")


def shown(lab, **facts):
    """The figure on the page of a job."""
    job = a_job(lab, **facts)
    for came, went, stayed_s in (("queued", "running", 60.0), ("running", job.state, 5400.0)):
        a_transition(job, from_state=came, to_state=went, stayed_s=stayed_s)
    client = Client()
    client.force_login(a_member(lab.team, Role.VIEWER))
    page = client.get(f"/jobs/lab/{job.provider_id}/").context["page"]
    return next(one for one in page.figures if one.label.startswith("Cost estimate"))


OVER = {"state": "succeeded", "ended_at": NOON}
RUNNING = {"state": "running", "trained_tokens": 500_000}


@pytest.mark.parametrize(
    ("state", "note"),
    [
        ("running", "so far"),
        ("succeeded", "billable, all epochs"),
        ("failed", "until it failed"),
        ("cancelled", "until it was cancelled"),
    ],
)
def test_tokens_of_a_run_that_broke_off_are_not_said_to_be_of_all_epochs(lab, state, note):
    job = a_job(lab, state=state, trained_tokens=500, created_at=NOON, ended_at=NOON)
    found = figures(job, history(job, NOON), NOON)
    assert [one.note for one in found if one.label == "Trained tokens"] == [note]


@pytest.mark.parametrize(
    ("facts", "value", "note"),
    [
        ({**OVER, "trained_tokens": 2_000_000}, "$6.00", "2 000 000 tokens × $3.00 per 1 M tokens"),
        ({**OVER, **RFT}, "$150.00", "1 h 30 min of training × $100.00 per hour; graders that are models are billed besides"),
        ({**OVER, "state": "failed", "trained_tokens": 1}, "<$0.01", "1 token × $3.00 per 1 M tokens; what it used until then may be billed"),
        (OVER, words.ABSENT, Why.NO_TOKENS.value),
        ({**OVER, "base_model": "my-own"}, words.ABSENT, Why.NO_PRICE.value),
        ({"state": "running"}, words.ABSENT, "trained tokens are reported at the end"),
        ({**RUNNING, "step": 25, "total_steps": 100}, "$6.00", "projected from 25 %: 2 000 000 tokens × $3.00 per 1 M tokens"),
        (RUNNING, "$1.50", "so far 500 000 tokens × $3.00 per 1 M tokens"),
    ],
)  # fmt: skip
def test_the_figure_says_how_it_is_made_or_why_there_is_none(lab, facts, value, note):
    found = shown(lab, **facts)
    assert (found.value, found.note.replace(words.THIN_SPACE, " ")) == (value, note)


def test_a_projection_is_called_one(lab):
    found = shown(lab, **RUNNING, step=25, total_steps=100)
    assert found.label == "Cost estimate, in the end"


def test_the_figure_leads_to_its_price(lab):
    found = shown(lab, **OVER, trained_tokens=5)
    assert (found.link, found.url) == (
        "price of 2024-07-18",
        "/costs/prices/#openai-gpt-4o-mini-2024-07-18",
    )
    price = Price.objects.create(
        team=lab.team, base_model="*", usd=1, valid_from=date(2025, 1, 2), source="x"
    )
    found = shown(lab, **OVER, trained_tokens=5)
    assert (found.link, found.url) == (
        "price of 2025-01-02",
        f"/costs/prices/#price-{price.pk}",
    )


def test_where_no_price_is_known_the_figure_leads_to_one_of_the_job_s_day(lab):
    found = shown(lab, **{**OVER, "base_model": "my-own/x"}, trained_tokens=5)
    assert found.link == "price list"
    assert (
        found.url == "/costs/prices/?dialect=openai&base_model=my-own%2Fx&valid_from=2025-11-20#add"
    )
    assert shown(lab, **OVER).url == ""


def exported(name: str) -> str:
    return b"".join(FORMATS[name].stream(Job.objects.all(), timezone.now())).decode()


def test_an_export_has_the_estimate_and_nothing_for_what_nobody_knows(lab):
    a_job(lab, cost_usd=3.5), a_job(lab)
    rows = csv.DictReader(io.StringIO(exported("csv"), newline=""))
    assert [row["cost_usd_estimate"] for row in rows] == ["3.5", ""]
    jobs = [json.loads(line)["job"] for line in exported("jsonl").splitlines()]
    assert [job["cost_usd_estimate"] for job in jobs] == [3.5, None]
