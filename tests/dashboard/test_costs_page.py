"""/costs/: the sums, what is not in them and why, and what its address can ask for."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role
from jobs import costing, repricing
from jobs.costs import Estimate, Why
from jobs.models import Job, Price
from providers.states import State
from tests.builders import NOON, a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
COSTS = "/costs/"
MINI, RFT = "gpt-4o-mini-2024-07-18", "o4-mini-2025-04-16"


@pytest.fixture
def lab():
    return a_connection(a_team(), slug="lab", name="Lab")


def as_role(lab, role: Role) -> Client:
    client = Client()
    client.force_login(a_member(lab.team, role))
    return client


@pytest.fixture
def viewer(lab):
    return as_role(lab, Role.VIEWER)


def done(lab, millions: float | None = 1, ended_at=NOON, **facts) -> Job:
    """A job that ended, estimated as a poll would have."""
    tokens = None if millions is None else int(millions * 1_000_000)
    said = {"state": "succeeded", "trained_tokens": tokens, "ended_at": ended_at, **facts}
    job = a_job(lab, **said)
    costing.price([job], costing.prices_of(lab.team), timezone.now())
    job.save(update_fields=["cost_usd"])
    return job


def costs(client, query: str = ""):
    return client.get(f"{COSTS}{query}").context["page"]


def groups(client, query: str = "") -> dict[str, tuple]:
    return {
        one.label: (one.sum.jobs, one.sum.unknown, one.sum.usd)
        for one in costs(client, query).groups
    }


def text(answer) -> str:
    return " ".join(answer.content.decode().replace("\u2009", " ").split())


def test_the_sum_names_what_it_is_of_and_what_is_not_in_it(viewer, lab):
    done(lab, 1), done(lab, 2), done(lab, None), done(lab, base_model="my-own")
    page = text(viewer.get(COSTS))
    # 1 M and 2 M tokens at $3 each
    assert "Estimate of training: $9.00 for 2 of 4 finished jobs; 2 have no estimate." in page
    assert "; those used here date from 2024-07-18." in page
    assert '1 job</b> <span>no price is known of <bdi class="mono">my-own</bdi>' in page
    assert f"1 job</b> <span>{Why.NO_TOKENS.value}" in page


def test_nothing_known_is_a_dash_and_free_is_nothing(viewer, lab):
    done(lab, None)
    page = costs(viewer)
    assert (page.total.usd, page.chart) == (None, None)
    assert "<dd>–</dd>" in text(viewer.get(COSTS))
    Price.objects.create(
        team=lab.team, base_model="*", usd=0, valid_from=date(2020, 1, 1), source="x"
    )
    done(lab, None)
    assert costs(viewer).total.usd == 0
    assert "$0.00" in text(viewer.get(COSTS))


def test_reasons_count_every_job_without_an_estimate(viewer, lab):
    done(lab, None), done(lab, 0), done(lab, base_model="")
    done(lab, created_at=None, ended_at=None)
    done(lab, base_model=RFT, method="reinforcement")
    done(lab, ended_at=datetime(2020, 1, 1, tzinfo=UTC))  # before any price
    for number in range(12):
        done(lab, base_model=f"model-{number}")
    page = costs(viewer)
    said = {one.words: one.count for one in page.reasons if not one.model}
    assert said[Why.NO_TOKENS.value] == 2
    assert sum(one.count for one in page.reasons) == page.total.unknown == 18
    assert len(page.reasons) <= 9


def test_a_missing_price_leads_editors_to_the_form(lab):
    done(lab, base_model="my/own & model")
    asked = f"dialect=openai&amp;base_model=my%2Fown+%26+model&amp;valid_from={NOON:%Y-%m-%d}"
    link = f'href="/costs/prices/?{asked}#add"'
    seen = [link in text(as_role(lab, role).get(COSTS)) for role in (Role.VIEWER, Role.EDITOR)]
    assert seen == [False, True]


@pytest.mark.parametrize("method", ["supervised", "reinforcement"])
def test_a_price_added_from_the_reason_makes_the_estimate(lab, method):
    editor = as_role(lab, Role.EDITOR)
    job = done(lab, base_model="own", method=method, ended_at=NOON - timedelta(days=40))
    a_transition(job, from_state="running", to_state="succeeded", stayed_s=3600)
    done(lab, base_model="own", method=method)
    [reason] = [one for one in costs(editor).reasons if one.model]
    form = editor.get(reason.url).context["form"]
    named = {name: form[name].value() or "" for name in form.fields}
    named["unit"] = named["unit"] or "tokens"  # as a browser takes the first of a list
    answer = editor.post("/costs/prices/add/", {**named, "usd": "5", "source": "contract"})
    assert answer.status_code == 302
    assert not [one for one in costs(editor).reasons if one.model]


def test_the_day_of_a_missing_price_is_said_where_one_counts_from_later_on(viewer, lab):
    done(lab, ended_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert "at OpenAI as of 2020-01-01" in text(viewer.get(COSTS))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("connection", {"Lab": (3, 1, 15.0), "Other": (1, 0, 25.0)}),
        ("model", {MINI: (3, 1, 15.0), "gpt-4o-2024-08-06": (1, 0, 25.0)}),
        ("month", {"2025-11": (2, 0, 28.0), "2025-10": (1, 0, 12.0), "2025-09": (1, 1, None)}),
        ("method", {"supervised": (2, 0, 28.0), "dpo": (1, 0, 12.0), "Not said": (1, 1, None)}),
        ("tag", {"prod": (2, 0, 15.0), "eu": (1, 0, 12.0), "Without a tag": (2, 1, 25.0)}),
        ("nonsense", {"Lab": (3, 1, 15.0), "Other": (1, 0, 25.0)}),
    ],
)
def test_sums_by_what_is_asked_for(viewer, lab, by, expected):
    other = a_connection(lab.team, name="Other")
    done(lab, 1, tags=" prod ")  # $3
    done(lab, 4, NOON - timedelta(days=31), method="dpo", tags=" eu prod ")  # $12
    done(lab, None, NOON - timedelta(days=61), method=None)
    done(other, 1, base_model="gpt-4o-2024-08-06")  # $25
    assert groups(viewer, f"?by={by}") == expected


@pytest.mark.parametrize(
    ("query", "usd"),
    [
        ("?from=2025-11-20", 9),
        ("?to=2025-11-19", 3),
        ("?from=2025-11-19&to=2025-11-20", 12),
        ("?connection=lab&model=" + MINI, 12),
        ("?connection=nowhere", None),
        ("?model=none", None),
        ("?from=2025-02-31&to=x&by=&connection=&model=", 12),
        ("?from=0001-01-01&to=9999-12-31", 12),
        ("?connection=" + "x" * 5000, None),
    ],
)
def test_the_address_filters(viewer, lab, query, usd):
    done(lab, 1, datetime(2025, 11, 19, 23, 59, tzinfo=UTC))
    done(lab, 3, datetime(2025, 11, 20, 0, 0, tzinfo=UTC))
    assert costs(viewer, query).total.usd == usd


def test_a_filter_that_hides_everything_says_so(viewer, lab):
    done(lab)
    page = text(viewer.get(f"{COSTS}?model=none"))
    assert "No job like this" in page
    assert 'href="/costs/">Show all costs' in page


def active(lab, **facts) -> Job:
    return a_job(lab, **{"state": "running", **facts})


def some_active_jobs(lab) -> None:
    """Of each kind that jobs.costs tells apart."""
    half = {"step": 50, "total_steps": 100}
    active(lab, trained_tokens=500_000, **half)  # 1 M in the end: $3
    active(lab, trained_tokens=500_000, step=300, total_steps=100)  # at its end: $1.50
    active(lab, trained_tokens=500_000, state="paused", step=1, total_steps=1000)  # too early
    active(lab, trained_tokens=500_000)
    active(lab, trained_tokens=0, **half), active(lab, **half)
    active(lab, state="queued"), active(lab, base_model=""), active(lab, base_model="my-own")
    active(lab, state="unknown", trained_tokens=9, total_steps=5)
    for came in ("queued", ""):
        hourly = active(lab, base_model=RFT, method="reinforcement", **half)
        a_transition(hourly, from_state=came, to_state="running")
    Job.objects.filter(base_model=RFT).update(progressed_at=NOON)


def test_active_jobs_are_projected_as_each_alone_would_be(viewer, lab):
    some_active_jobs(lab)
    page, jobs = costs(viewer), Job.objects.select_related("connection")
    alone = [costing.estimate_of(job, timezone.now()) for job in jobs]
    sums = [one for one in alone if isinstance(one, Estimate)]
    projected = [one.usd for one in sums if one.is_projection]
    assert (page.active.jobs, page.active.projected) == (len(alone), len(projected)) == (12, 3)
    assert page.active.projected_usd == pytest.approx(sum(projected), abs=0.01)
    assert page.active.so_far == len(sums) - len(projected) == 3
    assert page.active.so_far_usd == pytest.approx(3.000027)
    whys = {one.words: one.count for one in page.active_reasons}
    for why in (Why.AT_END, Why.NOT_YET, Why.NO_PRICE, Why.NO_MODEL, Why.NO_TIME):
        found = [one for one in alone if getattr(one, "why", None) is why]
        shown = "no price is known" if why is Why.NO_PRICE else why.value
        assert sum(count for word, count in whys.items() if word.startswith(shown)) == len(found)


def test_days_that_are_over_have_no_active_job(viewer, lab):
    a_job(lab, trained_tokens=1_000_000, step=10, total_steps=20)
    today = timezone.now().date()
    assert costs(viewer, f"?to={today}").active.jobs == 1
    assert "No job like this" in text(viewer.get(f"{COSTS}?to={today - timedelta(days=1)}"))


def test_a_month_leads_to_what_it_was_spent_on(viewer, lab):
    done(lab), done(lab, ended_at=NOON - timedelta(days=90))
    page = text(viewer.get(f"{COSTS}?by=month&from={NOON:%Y}-11-05"))
    link = f"{COSTS}?by=model&from={NOON:%Y}-11-05&to={NOON:%Y}-11-30"
    assert f'<a href="{link.removeprefix(COSTS).replace("&", "&amp;")}">{NOON:%Y-%m}</a>' in page
    assert costs(viewer, link.removeprefix(COSTS)).total.jobs == 1


def test_a_group_of_jobs_keeps_connection_and_model(viewer, lab):
    done(lab, tags="eu")
    [group] = costs(viewer, f"?by=tag&connection=lab&model={MINI}").groups
    assert group.url == f"/jobs/?tag=eu&connection=lab&model={MINI}"


def test_a_projection_is_not_in_the_sum(viewer, lab):
    done(lab, 1), active(lab, trained_tokens=500_000, step=1, total_steps=2)
    page = costs(viewer)
    assert (page.total.usd, page.active.projected_usd) == (3, 3)


def test_absurd_numbers_are_added_up_all_the_same(viewer, lab):
    for _ in range(3):
        active(lab, trained_tokens=2**63 - 1, step=1e-300, total_steps=1)
        active(lab, trained_tokens=2**63 - 1, step=1, total_steps=2**31 - 1)
        done(lab, (2**63 - 1) / 1e6 / 2)
    assert viewer.get(COSTS).status_code == 200
    assert viewer.get(f"{COSTS}?format=csv").status_code == 200


def test_months_between_two_with_costs_are_there_too(viewer, lab):
    done(lab, 1, datetime(2025, 8, 31, 23, 59, tzinfo=UTC)), done(lab, 2)
    chart = costs(viewer).chart
    assert [bar.month for bar in chart.bars] == ["2025-08", "2025-09", "2025-10", "2025-11"]
    assert [bar.height for bar in chart.bars] == [50, 0, 0, 100]
    assert ">$6.00</text>" in text(viewer.get(COSTS))  # at the top of the drawing
    assert chart.sentence == (
        "$9.00 for 2 jobs from 2025-08 to 2025-11, most in 2025-11: $6.00. Estimate."
    )


def test_the_dearest_jobs_come_first_and_lead_to_their_pages(viewer, lab):
    for millions in range(12):
        done(lab, millions, suffix=f"bot-{millions}")
    top = costs(viewer).top
    assert [job.name for job in top] == [f"bot-{n}" for n in range(11, 1, -1)]
    assert all(viewer.get(job.url).status_code == 200 for job in top)


def lines(client, query: str) -> list[list[str]]:
    answer = client.get(COSTS + query)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))


def test_the_csv_has_every_row_and_runs_no_formula(viewer, lab):
    done(lab, 1, base_model="=HYPERLINK(1)"), done(lab, 2)
    head, *rows = lines(viewer, "?by=model&format=csv")
    assert head == [
        "model",
        "jobs",
        "jobs_with_estimate",
        "jobs_without_estimate",
        "cost_usd_estimate",
    ]
    assert rows == [[MINI, "1", "1", "0", "6"], ["'=HYPERLINK(1)", "1", "0", "1", ""]]


def test_more_groups_than_fit_are_in_the_csv(viewer, lab):
    for number in range(55):
        done(lab, base_model=f"model-{number}")
    page = costs(viewer, "?by=model")
    assert (len(page.groups), page.hidden) == (50, 5)
    assert len(lines(viewer, "?by=model&format=csv")) == 56


def test_others_jobs_and_prices_are_in_no_sum_and_no_list(viewer, lab):
    theirs = a_connection(name="theirs")
    Price.objects.create(
        team=theirs.team, base_model="*", usd=9, valid_from=NOON.date(), source="x"
    )
    done(theirs, base_model="secret-model")
    for query in ("", "?by=model", "?by=tag&format=csv", f"?connection={theirs.slug}"):
        assert "secret-model" not in text(viewer.get(COSTS + query))
        assert "theirs" not in text(viewer.get(COSTS + query))


def test_put_away_jobs_were_paid_all_the_same(viewer, lab):
    done(lab, 1, archived_at=NOON)
    assert costs(viewer).total.usd == 3


def test_a_round_under_way_is_said(viewer, lab):
    done(lab)
    repricing.begin(lab.team)
    assert "0 of 1 job done" in text(viewer.get(COSTS))
    repricing.reprice_now(lab.team)
    assert "being made anew" not in text(viewer.get(COSTS))


@pytest.mark.parametrize("by", ["connection", "model", "month", "method", "tag"])
def test_the_number_of_statements_does_not_grow(viewer, lab, by):
    counts = []
    for _ in range(2):
        some_active_jobs(lab), done(lab, tags=f" tag-{len(counts)} ")
        done(a_connection(lab.team), base_model=f"model-{len(counts)}", ended_at=NOON)
        with CaptureQueriesContext(database) as captured:
            viewer.get(f"{COSTS}?by={by}")
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 18


@pytest.mark.parametrize("state", [state for state in State if state.is_over])
def test_what_an_ended_job_used_counts_however_it_ended(viewer, lab, state):
    done(lab, 1, state=state)
    assert costs(viewer).total.usd == 3
