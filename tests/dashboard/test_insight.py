"""/insight/: failures in groups, times by base model, results by setting."""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.models import Role, User
from dashboard.queries import insight_failures, insight_settings
from dashboard.queries.insight import InsightFilter, insight
from tests.builders import a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOSTILE = '<script>alert("1")</script>\u202e\U0001f514 ' + "unbreakable" * 900


@pytest.fixture
def lab():
    return a_connection(a_team(), slug="lab", name="Lab")


@pytest.fixture
def client(lab):
    client = Client()
    client.force_login(a_member(lab.team, Role.VIEWER))
    return client


def ago(days: float):
    return timezone.now() - timedelta(days=days)


def ended(lab, state="succeeded", days=1.0, **facts):
    return a_job(lab, state=state, created_at=ago(days), ended_at=ago(days), **facts)


def failed(lab, code="invalid_training_file", **facts):
    return ended(lab, "failed", error_code=code, **facts)


def page_of(lab, query=""):
    return insight(lab.team, InsightFilter.read(QueryDict(query)), timezone.now())


def text_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def stayed(lab, seconds, model="gpt-x", state="queued", to="running", **facts):
    job = a_job(lab, base_model=model, created_at=ago(1))
    return a_transition(
        job, from_state=state, to_state=to, stayed_s=seconds, base_model=model, **facts
    )


def scored(lab, loss, model="gpt-x", reward=None, **settings):
    return ended(
        lab, base_model=model, best_valid_loss=loss, reward=reward, hyperparameters=settings
    )


# Failures


def test_failures_are_grouped_by_code_and_parameter_the_most_frequent_first(lab):
    for param in ("training_file", "training_file", "validation_file"):
        failed(lab, error_param=param, error_message="Line 3 is bad.")
    for _ in range(3):
        failed(lab, "insufficient_quota", days=9)
    ended(lab)
    found = page_of(lab).failures
    assert [(one.code, one.param, one.count, one.share) for one in found.causes] == [
        ("insufficient_quota", "", 3, "50\u00a0%"),
        ("invalid_training_file", "training_file", 2, "33\u00a0%"),
        ("invalid_training_file", "validation_file", 1, "17\u00a0%"),
    ]
    assert found.sentence == "3 causes, the most frequent first."


def test_a_group_tells_when_where_an_example_and_the_next_step(lab):
    other = a_connection(lab.team, slug="eu", name="EU")
    failed(lab, days=8, base_model="gpt-x", error_message="Example 1 is bad.")
    newest = failed(other, days=1, base_model="gpt-y", error_message="Example 6174 is bad.")
    (cause,) = page_of(lab).failures.causes
    assert (cause.models, cause.connections) == ("gpt-x, gpt-y", "EU, Lab")
    assert cause.last_at == newest.ended_at
    assert cause.example == "Example 6174 is bad."
    assert cause.newest_url == f"/jobs/eu/{newest.provider_id}/"


def test_the_step_of_a_group_names_no_line_of_one_of_its_jobs(lab):
    failed(lab, error_message="Example 6174 is bad.")
    (cause,) = page_of(lab).failures.causes
    assert "line 6174" in cause.advice.steps[0]
    failed(lab, error_message="Example 12 is bad.")
    (cause,) = page_of(lab).failures.causes
    assert cause.advice.steps[0].startswith("Fix the example that the message names")
    assert cause.advice.line == 0


def test_a_group_leads_to_the_same_jobs_in_the_list(lab):
    failed(lab, base_model="gpt-x")
    (cause,) = page_of(lab, "connection=lab&model=gpt-x&days=30").failures.causes
    asked = parse_qs(urlsplit(cause.list_url).query)
    assert asked.pop("from") == [f"{ago(30):%Y-%m-%d}"]
    assert asked == {
        "state": ["failed"],
        "error": ["invalid_training_file"],
        "connection": ["lab"],
        "model": ["gpt-x"],
    }


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
def test_the_time_begins_where_that_of_the_list_begins(lab, zone):
    client, today = Client(), timezone.localtime(timezone=ZoneInfo(zone))
    member = a_member(lab.team)
    User.objects.filter(pk=member.pk).update(time_zone=zone)
    client.force_login(member)
    first = today.replace(hour=0, minute=0, second=0) - timedelta(days=30)
    for minutes in (-10, 10):
        a_job(lab, state="failed", error_code="x", created_at=first + timedelta(minutes=minutes))
    page = client.get("/insight/?days=30").context["page"]
    [cause] = page.failures.causes
    assert len(client.get(cause.list_url).context["page"].rows) == page.total == 1


def test_without_a_code_messages_that_differ_in_numbers_are_one_group(lab):
    for message in ("File 12 broke.\nTrace", "File 345 broke.", "Disk full.", None, ""):
        failed(lab, None, error_message=message)
    found = page_of(lab).failures.causes
    assert [(one.name, one.count) for one in found] == [("No code given", n) for n in (2, 2, 1)]
    assert {one.example for one in found} == {"File 345 broke.", "", "Disk full."}
    links = {one.example: parse_qs(urlsplit(one.list_url).query).get("q") for one in found}
    assert links == {"File 345 broke.": ["File"], "": None, "Disk full.": ["Disk full."]}


def test_a_group_without_words_leads_to_its_newest_job_and_to_no_list(lab, client):
    failed(lab, code="", error_message=None)
    failed(lab, code="", error_message="404 of them.")
    found = page_of(lab).failures.causes
    assert [cause.list_url for cause in found] == ["", ""]
    page = client.get("/insight/").content.decode()
    assert "Failed jobs with these words" not in page
    assert all(f'href="{cause.newest_url}"' in page for cause in found)


def test_very_many_failures_are_read_up_to_a_number_and_that_is_said(lab, client, monkeypatch):
    monkeypatch.setattr(insight_failures, "MOST", 2)
    for _ in range(3):
        failed(lab)
    failed(lab, "old_news", days=60)
    found = page_of(lab).failures
    assert (found.total, found.read, found.causes[0].count) == (4, 2, 2)
    assert "The groups are of the newest 2." in text_of(client.get("/insight/"))


def test_rare_causes_stand_in_a_table(lab, client):
    for number in range(insight_failures.SHOWN + 2):
        failed(lab, f"code_{number}")
    found = page_of(lab).failures
    assert (len(found.causes), len(found.rare)) == (insight_failures.SHOWN, 2)
    assert "2 rarer causes" in text_of(client.get("/insight/"))


@pytest.mark.parametrize("days", ["30", "90", "365", "all"])
def test_the_bars_hold_every_job_once(lab, days):
    for age in (0.1, 6, 8, 29, 100, 1000):
        failed(lab, days=age)
        ended(lab, days=age)
    page = page_of(lab, f"days={days}")
    bars = page.failures.trend.bars
    assert sum(bar.part for bar in bars) == page.failures.total
    assert sum(bar.whole for bar in bars) == page.total
    assert len(bars) <= 54


def test_a_bar_is_a_week_from_monday_on(lab):
    failed(lab, days=0.01)
    last = page_of(lab).failures.trend.bars[-1]
    monday = ago(0) - timedelta(days=ago(0).weekday())
    assert last.label == f"{monday:%Y-%m-%d}"


# Times


def test_times_are_told_by_base_model(lab):
    for seconds in (60, 120, 180, 240, 3600):
        stayed(lab, seconds)
        stayed(lab, seconds * 10, state="running", to="succeeded")
        stayed(lab, 9e6, state="running", to="failed")
    stayed(lab, 30, model="gpt-y")
    found = page_of(lab).times
    assert [(row.label, row.spread.n) for row in found.queue.rows] == [("gpt-x", 5), ("gpt-y", 1)]
    assert found.queue.rows[0].figures[2] == "3 min"
    assert found.queue.rows[1].words == "1 job: too few for a median"
    assert [row.figures[2] for row in found.run.rows] == ["30 min"]


def test_times_of_two_connections_count_together(lab):
    other = a_connection(lab.team)
    for connection in (lab, other):
        for seconds in (60, 120, 180):
            stayed(connection, seconds)
    (row,) = page_of(lab).times.queue.rows
    assert (row.spread.n, row.spread.median) == (6, 120)
    assert page_of(lab, "connection=lab").times.queue.rows[0].spread.n == 3


def test_stays_that_ended_before_the_time_asked_for_do_not_count(lab):
    stayed(lab, 60, recorded_at=ago(40))
    stayed(lab, 90)
    assert page_of(lab, "days=30").times.queue.rows[0].spread.n == 1
    assert page_of(lab, "days=all").times.queue.rows[0].spread.n == 2


# Settings


def test_a_setting_that_varies_is_plotted_with_the_best_value_seen(lab):
    for epochs, loss in ((1, 0.9), (3, 0.4), (4, 0.6)):
        scored(lab, loss, n_epochs=epochs, batch_size=8)
    (plot,) = page_of(lab).outcomes.plots
    assert plot.sentence == "Lowest validation loss seen on gpt-x: 0.4 at n_epochs 3 (3 jobs)."


def test_only_numbers_are_plotted_and_auto_is_none(lab):
    values = ("auto", -1, None, True, "3", [3], {"a": 1}, 10**30, float(1), 2, 3)
    for value in values:
        scored(lab, 0.5, n_epochs=value)
    (plot,) = page_of(lab).outcomes.plots
    assert sorted(dot.of.x for dot in plot.dots) == [1, 2, 3, 1e30]


def test_too_few_jobs_make_no_plot(lab, client):
    for epochs in (1, 2):
        scored(lab, 0.5, n_epochs=epochs)
    assert page_of(lab).outcomes.plots == ()
    assert "2 jobs with a validation loss or a reward, but no setting" in text_of(
        client.get("/insight/")
    )


def test_rewards_have_plots_of_their_own(lab):
    for epochs in (1, 2, 3):
        scored(lab, 0.5, n_epochs=epochs)
        scored(lab, None, reward=epochs / 4, n_epochs=epochs)
    loss, reward = page_of(lab).outcomes.plots
    assert "Highest reward seen on gpt-x: 0.75 at n_epochs 3" in reward.sentence
    assert loss.direction == "Lower is better"


def test_only_so_many_jobs_are_read_and_that_is_said(lab, client, monkeypatch):
    monkeypatch.setattr(insight_settings, "MOST", 3)
    for epochs in (1, 2, 3):
        scored(lab, 0.5, n_epochs=epochs)
    assert page_of(lab).outcomes.is_capped is False
    scored(lab, 0.5, n_epochs=9)
    found = page_of(lab).outcomes
    assert (found.is_capped, found.read) == (True, 3)


# The page


def test_the_verdict_says_all_three_in_one_sentence(lab):
    failed(lab)
    for epochs in (1, 2, 3):
        scored(lab, 0.4, n_epochs=epochs)
    for _ in range(5):
        stayed(lab, 600, state="running", to="succeeded")
    assert page_of(lab).verdict == (
        "In the last 90 days 1 of 4 jobs failed (25\u00a0%): invalid_training_file; "
        "gpt-x trains 10 min (median); lowest validation loss seen on gpt-x 0.4."
    )


@pytest.mark.parametrize(
    ("codes", "why"),
    [
        ("aab", ", most often a (2)."),
        ("abc", ", for 3 different reasons."),
        ("aabbc", ", for 3 different reasons."),
        ("aa", ": a."),
    ],
)
def test_the_verdict_names_the_most_frequent_cause_only_where_one_is(lab, codes, why):
    for code in codes:
        failed(lab, code)
    assert page_of(lab).verdict.endswith(f"(100\u00a0%){why}")


def test_the_verdict_tells_no_best_loss_across_base_models(lab):
    for model, loss in (("gpt-x", 0.4), ("gpt-y", 0.1)):
        for epochs in (1, 2, 3):
            scored(lab, loss, model=model, n_epochs=epochs)
    assert "loss" not in page_of(lab).verdict
    assert page_of(lab, "model=gpt-x").verdict.endswith("lowest validation loss seen on gpt-x 0.4.")


def test_the_filter_narrows_and_says_what_it_hides(lab, client):
    failed(lab, base_model="gpt-x")
    ended(a_connection(lab.team, slug="eu"), base_model="gpt-y")
    page = page_of(lab, "model=gpt-y")
    assert (page.total, page.others, page.failures.total) == (1, 1, 0)
    assert "Shown: base model gpt-y, 1 job; 1 other" in text_of(client.get("/insight/?model=gpt-y"))


def test_a_filter_that_hides_all_offers_the_way_back(lab, client):
    failed(lab)
    shown = text_of(client.get("/insight/?connection=nowhere"))
    assert "The filter hides all jobs of this time." in shown
    assert "Clear filter" in shown


def test_what_a_filter_hides_is_not_said_not_to_have_ended(lab):
    failed(lab)
    assert page_of(lab, "model=other").verdict == "No job like this has ended in the last 90 days."


def test_an_empty_page_says_what_it_will_show_and_when(client):
    shown = text_of(client.get("/insight/"))
    assert "No job has ended in the last 90 days." in shown
    assert "Failures are grouped here once a job fails." in shown


def test_one_running_job_is_no_failure_and_no_time(lab, client):
    a_job(lab, created_at=ago(1))
    shown = text_of(client.get("/insight/"))
    assert "No job has ended in this time." in shown
    assert "Times appear once a job passes through a state" in shown


def test_archived_jobs_and_those_of_others_do_not_count(lab):
    failed(lab, archived_at=timezone.now())
    failed(a_connection(lab.team, archived_at=timezone.now()))
    failed(a_connection())
    assert page_of(lab, "days=all").failures.total == 0


def test_jobs_without_a_date_are_in_all_time_only(lab):
    a_job(lab, state="failed", created_at=None, error_code="x")
    assert page_of(lab).total == 0
    page = page_of(lab, "days=all")
    assert (page.failures.total, page.failures.causes[0].last_at) == (1, None)


@pytest.mark.parametrize(
    "query",
    ["days=0", "days=-1", "days=ninety", "days=" + "9" * 400, "days=30&days=x", "connection=" + "x" * 9000,
     "model=%F0%9F%94%94%E2%80%AE", "model=' OR 1=1 --", "model=%25_", "nonsense=1"],
)  # fmt: skip
def test_whatever_the_address_says_there_is_a_page(lab, client, query):
    failed(lab)
    assert client.get(f"/insight/?{query}").status_code == 200


def test_hostile_texts_harm_nothing_and_stay_readable(lab, client):
    for number in (1, 2, 3):
        settings = {HOSTILE[:60]: number, "n_epochs": 10**400, "": number}
        scored(lab, 0.1 * number, model=HOSTILE[:200], **settings)
    failed(lab, HOSTILE[:200], error_param=HOSTILE[:200], error_message=HOSTILE)
    stayed(lab, 1, model=HOSTILE[:200])
    body = client.get("/insight/").content.decode()
    assert "<script>alert" not in body
    assert '<script>alert("1")</script>' in html.unescape(body)


@pytest.mark.parametrize("created", ["1970-01-01T00:00:00Z", "2999-12-31T00:00:00Z"])
def test_a_date_from_another_age_does_not_stretch_the_page(lab, client, created):
    a_job(lab, state="failed", created_at=created)
    failed(lab)
    assert client.get("/insight/?days=all").status_code == 200
    assert len(page_of(lab, "days=all").failures.trend.bars) <= 54
