"""What a page learns of what happened since: the count of failures, and endings for the desktop."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role, Team
from alerts.models import Silence
from dashboard.queries import news as queries
from dashboard.queries.news import Mark
from jobs.models import Transition
from tests.builders import a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PAGES = ("/alerts/", "/connections/", "/status/", "/team/", "/styleguide/")


@pytest.fixture
def lab():
    return a_connection(a_team(), slug="lab", name="Lab", health="ok")


@pytest.fixture
def client(lab):
    client = Client()
    client.force_login(a_member(lab.team))
    return client


def ends(lab, state="failed", **facts) -> Transition:
    """A job of which it is noticed now that it ended."""
    return a_transition(a_job(lab, state=state, **facts))


def title_of(client, path: str) -> str:
    page = client.get(path).content.decode()
    return page.split("<title>")[1].split("</title>")[0]


def ask(client, after: str = "", **extra):
    return client.get("/alerts/news/", {"after": after}, **extra)


def begin(client) -> str:
    return ask(client).json()["after"]


def titles(client, after: str) -> list[str]:
    return [notice["title"] for notice in ask(client, after).json()["notices"]]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_counts_the_failures_that_nobody_saw(client, lab, path):
    assert not title_of(client, path).startswith("(")
    for _ in range(2):
        ends(lab)
    ends(lab, "succeeded")
    assert title_of(client, path).startswith("(2) ")


def test_the_icon_is_marked_while_something_is_unseen(client, lab):
    assert 'rel="icon" href="/static/img/bell.svg"' in client.get("/team/").content.decode()
    ends(lab)
    assert 'rel="icon" href="/static/img/bell-alert.svg"' in client.get("/team/").content.decode()


def test_a_look_at_the_list_makes_the_count_zero_and_other_pages_do_not(client, lab):
    ends(lab)
    assert title_of(client, "/team/") == title_of(client, "/team/") == "(1) Team · TuneBell"
    assert title_of(client, "/jobs/") == "(1) Jobs · TuneBell"
    assert title_of(client, "/team/") == "Team · TuneBell"
    assert title_of(client, "/jobs/") == "Jobs · TuneBell"


def test_a_later_page_of_the_list_tells_of_no_failure_and_is_no_look(client, lab):
    ends(lab)
    assert "failed in the last" not in client.get("/jobs/?after=x").content.decode()
    assert title_of(client, "/team/").startswith("(1) ")


@pytest.mark.parametrize("query", ["state=running", "connection=lab", "q=nothing-has-this-word"])
def test_a_filtered_list_tells_how_many_failed_and_is_a_look(client, lab, query):
    ends(lab)
    html = client.get(f"/jobs/?{query}").content.decode()
    assert '<a href="/jobs/?view=all">1 job failed in the last 24 hours.</a>' in html
    assert title_of(client, "/team/") == "Team · TuneBell"
    assert 'data-unseen=""' in client.get(f"/jobs/?{query}").content.decode()


def test_more_failures_than_are_pinned_are_counted_and_led_to(client, lab):
    for _ in range(7):
        ends(lab)
    page = client.get("/jobs/").context["page"]
    assert (len(page.strip), page.failures) == (5, "7 jobs failed in the last 24 hours.")
    shown = client.get(page.more_url).context["page"]
    assert (len(shown.rows), shown.more_url, shown.hidden_url) == (7, "", "")


def test_a_refresh_of_the_list_is_no_look_and_brings_the_count(client, lab):
    client.get("/jobs/")
    later = timezone.now() + timedelta(seconds=2)
    Transition.objects.filter(pk=ends(lab).pk).update(recorded_at=later)
    for _ in range(2):
        region = client.get("/jobs/", headers={"HX-Request": "true"}).content.decode()
        assert 'data-unseen="1"' in region


def test_a_failure_noticed_after_the_look_counts_whenever_it_happened(client, lab):
    client.get("/jobs/")
    at = timezone.now() - timedelta(hours=3)
    late = ends(lab, ended_at=at)
    Transition.objects.filter(pk=late.pk).update(recorded_at=timezone.now() + timedelta(seconds=2))
    assert title_of(client, "/team/").startswith("(1) ")
    assert len(client.get("/jobs/").context["page"].strip) == 1


@pytest.mark.parametrize(("rings", "days"), [(False, 0), (True, 2)])
def test_history_and_what_is_long_past_is_not_counted(client, lab, rings, days):
    at = timezone.now() - timedelta(days=days)
    a_transition(a_job(lab, state="failed"), rings=rings, recorded_at=at)
    assert not title_of(client, "/team/").startswith("(")


def test_others_failures_and_archived_ones_are_not_counted(client, lab):
    ends(a_connection())
    ends(lab, archived_at=timezone.now())
    ends(a_connection(lab.team, archived_at=timezone.now()))
    assert not title_of(client, "/team/").startswith("(")


def test_more_than_a_title_holds_is_cut(client, lab, monkeypatch):
    monkeypatch.setattr(queries, "MOST_COUNTED", 2)
    for _ in range(3):
        ends(lab)
    assert title_of(client, "/team/").startswith("(2+) ")


def test_a_fragment_asks_for_no_count_it_does_not_show(client, lab):
    job = a_job(lab)
    path, fragment = f"/jobs/lab/{job.provider_id}/", {"headers": {"HX-Request": "true"}}
    with CaptureQueriesContext(database) as captured:
        client.get(path, **fragment)
    wheres = [one["sql"].split("WHERE")[-1] for one in captured.captured_queries]
    assert not [where for where in wheres if "rings" in where]


def test_nothing_is_told_that_happened_before_the_switch(client, lab):
    ends(lab)
    first = ask(client).json()
    assert (first["notices"], first["unseen"]) == ([], "1")
    assert titles(client, first["after"]) == []


@pytest.mark.parametrize("role", list(Role))
def test_every_member_is_told_of_an_ending_once(lab, role):
    client = Client()
    client.force_login(a_member(lab.team, role))
    after = begin(client)
    failed = ends(lab, suffix="bot", error_code="bad_file", error_message="Line 7 is not JSON.")
    answer = ask(client, after).json()
    assert answer["notices"] == [
        {
            "tag": str(failed.pk),
            "title": "FAILED bot",
            "body": "bad_file: Line 7 is not JSON.",
            "url": f"/jobs/lab/{failed.job.provider_id}/",
        }
    ]
    assert titles(client, answer["after"]) == []


def test_each_ending_is_told_and_nothing_else(client, lab):
    after = begin(client)
    for state in ("succeeded", "cancelled", "running"):
        ends(lab, state, suffix=state)
    a_transition(a_job(lab, suffix="history", state="failed"), rings=False)
    ends(a_connection(), suffix="theirs")
    told = ask(client, after).json()["notices"]
    assert [one["title"] for one in told] == ["SUCCEEDED succeeded", "CANCELLED cancelled"]
    assert told[0]["body"] == "gpt-4o-mini-2024-07-18 · Lab"


def test_a_silenced_job_is_not_told(client, lab):
    after = begin(client)
    past = timezone.now() - timedelta(hours=1)
    for name, until in (("muted", None), ("snoozed", timezone.now() + timedelta(hours=1)), ("awake", past)):  # fmt: skip
        Silence.objects.create(job=ends(lab, suffix=name).job, until=until)
    assert titles(client, after) == ["FAILED awake"]


def test_many_at_once_are_one_notice(client, lab):
    after = begin(client)
    for state in ("failed", "failed", "succeeded", "succeeded", "succeeded", "cancelled"):
        ends(lab, state)
    [summary] = ask(client, after).json()["notices"]
    assert (summary["title"], summary["url"]) == ("6 jobs ended", "/jobs/")
    assert sorted(summary["body"].split(", ")) == ["1 cancelled", "2 failed", "3 succeeded"]


def test_a_storm_is_told_once_too(client, lab, monkeypatch):
    monkeypatch.setattr(queries, "MOST_READ", 6)
    monkeypatch.setattr(queries, "MOST_TOLD", 3)
    after = begin(client)
    for _ in range(9):
        ends(lab)
    answer = ask(client, after).json()
    assert [one["title"] for one in answer["notices"]] == ["6+ jobs ended"]
    assert titles(client, answer["after"]) == []


def test_an_ending_that_commits_after_a_younger_one_is_told(client, lab):
    after = begin(client)
    late, young = ends(lab, suffix="late"), ends(lab, suffix="young")
    Transition.objects.filter(pk=late.pk).update(rings=False)  # not to be seen yet
    first = ask(client, after).json()
    Transition.objects.filter(pk=late.pk).update(rings=True)
    assert [one["tag"] for one in first["notices"]] == [str(young.pk)]
    assert titles(client, first["after"]) == ["FAILED late"]


def test_what_was_told_is_forgotten_when_it_has_settled(client, lab):
    after = begin(client)
    row = ends(lab)
    answer = ask(client, after).json()
    Transition.objects.update(recorded_at=timezone.now() - timedelta(hours=1))
    assert answer["after"] == f"{after}.{row.pk}"
    assert ask(client, answer["after"]).json()["after"] == str(row.pk)


def test_hostile_names_are_one_line_of_plain_text_without_secrets(client, lab):
    after = begin(client)
    name = "<b>x</b>\n\u202egnp.exe \x07" + "y" * 300
    ends(lab, suffix=name[:200], error_message="key sk-abcdefghijklmnop was rejected\r\nBcc: x")
    [notice] = ask(client, after).json()["notices"]
    assert notice["title"].startswith("FAILED <b>x</b> gnp.exe yyy")
    assert len(notice["title"]) <= 90
    assert notice["body"] == "key [redacted] was rejected Bcc: x"


@pytest.mark.parametrize("after", ["", "x", "-1", "1.x", "9" * 30, "1.2.", "%00x", "٣"])
def test_a_mark_that_is_none_begins_now(client, lab, after):
    ends(lab)
    assert ask(client, after).json()["notices"] == []


def test_a_mark_reads_as_it_is_written():
    mark = Mark(7, frozenset({12, 9}))
    assert (str(mark), Mark.read(str(mark))) == ("7.9.12", mark)


def test_a_quiet_answer_is_a_304_that_reads_no_job(client, lab):
    client.get("/jobs/")
    after = begin(client)
    tag = ask(client, after).headers["HX-PTag"]
    with CaptureQueriesContext(database) as captured:
        quiet = ask(client, after, headers={"HX-PTag": tag})
    assert (quiet.status_code, quiet.content, len(captured)) == (304, b"", 2)
    Team.objects.filter(pk=lab.team_id).update(version=lab.team.version + 1)
    assert ask(client, after, headers={"HX-PTag": tag}).status_code == 200


def test_a_look_at_the_list_reaches_the_pages_that_are_open(client, lab):
    client.get("/jobs/?state=running")
    after = begin(client)
    ends(lab)
    noted = ask(client, after)
    client.get("/jobs/")
    again = ask(client, after, headers={"HX-PTag": noted.headers["HX-PTag"]})
    assert (noted.json()["unseen"], again.status_code) == ("1", 200)


def test_the_answer_is_private(client):
    assert "private" in ask(client).headers["Cache-Control"]
