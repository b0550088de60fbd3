"""/jobs/: what it shows first, and what its address can ask for."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role, Team
from alerts.models import Silence
from dashboard.templatetags import bell
from tests.builders import (
    NOON,
    a_channel,
    a_connection,
    a_job,
    a_member,
    a_rule,
    a_team,
)
from tests.dashboard.job_lists import a_failure, names

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(viewer) -> Client:
    return viewer


def test_the_newest_job_comes_first(client, lab) -> None:
    now = timezone.now()
    for age, name in ((3, "old"), (1, "new"), (2, "middle")):
        a_job(lab, suffix=name, created_at=now - timedelta(hours=age))
    a_job(lab, suffix="undated", created_at=None)
    assert names(client.get("/jobs/")) == ["new", "middle", "old", "undated"]


def test_a_row_shows_state_name_model_and_progress(client, lab) -> None:
    a_job(lab, suffix="bot", step=50, total_steps=200, curve=[3, 2, 1], headline_value=1.0)
    html = client.get("/jobs/").content.decode()
    for shown in ("Running", "bot", "gpt-4o-mini-2024-07-18 · Lab", "25 %", 'class="sparkline"'):
        assert shown in html


def test_a_failed_row_shows_its_code_and_the_first_line(client, lab) -> None:
    a_job(lab, state="failed", error_code="invalid_training_file", error_message="Line 7\nmore")
    html = client.get("/jobs/").content.decode()
    assert "<b>invalid_training_file</b><span>Line 7</span>" in html


def test_text_of_the_provider_is_escaped(client, lab) -> None:
    a_job(lab, state="failed", suffix="<b>bold</b>", error_message="<script>x()</script>")
    html = client.get("/jobs/").content.decode()
    assert "&lt;b&gt;bold" in html
    assert "<script>x()" not in html


def test_an_unknown_status_shows_its_own_word(client, lab) -> None:
    a_job(lab, state="unknown", raw_status="awaiting_review")
    assert "awaiting_review" in client.get("/jobs/").content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=failed", {"b"}),
        ("state=failed&state=queued", {"b", "c"}),
        ("state=nonsense", {"a", "b", "c"}),
        ("connection=lab", {"a", "b", "c"}),
        ("connection=elsewhere", set()),
        ("model=qwen", {"c"}),
        ("method=dpo", {"b"}),
        ("q=ftjob-find-me", {"a"}),
        ("q=FILE-XYZ", {"c"}),
        ("q=%25", set()),
        ("limit=7&sort=hack&after=nowhere", {"a", "b", "c"}),
    ],
)
def test_the_address_filters(client, lab, query, expected) -> None:
    a_job(lab, suffix="a", provider_id="ftjob-find-me-1")
    a_job(lab, suffix="b", state="failed", method="dpo")
    a_job(lab, suffix="c", state="queued", base_model="Qwen3-32B", training_file="file-xyz")
    assert set(names(client.get(f"/jobs/?{query}"))) == expected


def test_one_exact_id_opens_the_job(client, lab) -> None:
    a_job(lab, provider_id="ftjob-exact")
    assert client.get("/jobs/?q=ftjob-exact").headers["Location"] == "/jobs/lab/ftjob-exact/"


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "sort",
    ["created", "-created", "tokens", "-tokens", "loss", "-loss", "changed", "name", "-ended"],
)
def test_show_more_reaches_every_row_once(client, lab, sort) -> None:
    now = timezone.now()
    for number in range(45):
        facts = {"trained_tokens": number % 7 or None, "valid_loss": (number % 5) or None}
        created = now - timedelta(minutes=number // 2) if number % 9 else None
        a_job(lab, suffix=f"n{number}", created_at=created, changed_at=created, **facts)
    seen: list[str] = []
    after = ""
    for _ in range(3):
        response = client.get("/jobs/", {"limit": "20", "sort": sort, "after": after})
        seen += names(response)
        after = response.context["page"].next_after
    assert (len(seen), len(set(seen)), after) == (45, 45, "")


def test_the_sorted_column_says_so(client, lab) -> None:
    a_job(lab)
    html = client.get("/jobs/?sort=-tokens").content.decode()
    assert html.count('aria-sort="descending"') == 1
    assert "?sort=tokens" in html


def test_counts_show_what_the_state_filter_hides(client, lab) -> None:
    a_job(lab, state="failed")
    a_job(lab, state="running")
    page = client.get("/jobs/?state=failed").context["page"]
    assert {one.state: one.count for one in page.counts} == {"running": 1, "failed": 1}
    assert page.total == "2"


def test_a_filter_without_hits_says_what_was_asked(client, lab) -> None:
    a_job(lab, state="running")
    html = client.get("/jobs/?state=failed").content.decode()
    assert "Asked for: failed. 1 job in other states. 1 job without the filter." in html
    assert "Clear filter" in html


@pytest.mark.parametrize("role", list(Role))
def test_an_empty_site_offers_the_first_step_to_who_may_take_it(client, team, role) -> None:
    client.force_login(a_member(team, role))
    html = client.get("/jobs/").content.decode()
    has_door = "/connections/add/" in html
    assert (has_door, "DEMO=1" in html) == (role == Role.ADMIN,) * 2
    assert has_door or "An admin of your team can add" in html
    assert "No rule yet" not in html


def test_a_narrow_list_beyond_its_end_is_not_said_to_match_nothing(client, lab) -> None:
    job = a_job(lab, state="failed")
    html = client.get(f"/jobs/?state=failed&after={job.pk}.0").content.decode()
    assert "No more jobs" in html
    assert "No job matches" not in html


def test_without_a_rule_nobody_will_be_told(client, lab, team) -> None:
    a_job(lab)
    assert "No rule yet" in client.get("/jobs/").content.decode()
    a_rule(a_channel(team))
    assert "No rule yet" not in client.get("/jobs/").content.decode()


def test_a_failing_connection_keeps_its_rows(client, team) -> None:
    connection = a_connection(
        team, name="Prod", health="rejected", health_reason="401: no such key"
    )
    a_job(connection, suffix="still-here")
    html = client.get("/jobs/").content.decode()
    assert "Prod: key rejected." in html
    assert "401: no such key" in html
    assert "still-here" in html


@pytest.mark.parametrize(
    ("reason", "shown"), [("no such key", "no such key."), ("Wait!", "Wait!"), ("", "")]
)
def test_a_reason_ends_before_the_next_sentence_begins(reason, shown) -> None:
    assert bell.full_stop(reason) == shown


def test_a_new_failure_is_pinned_until_the_visit_is_over(client, lab) -> None:
    a_failure(lab, timedelta(hours=2), suffix="fresh")
    a_failure(lab, timedelta(days=3), suffix="stale")
    page = client.get("/jobs/").context["page"]
    assert [row.name for row in page.strip] == ["fresh"]
    ago = int(timezone.now().timestamp() - 3600) * 1000
    client.cookies["visit"] = f"{ago}.{ago}.{ago}"
    assert client.get("/jobs/").context["page"].strip == ()


@pytest.mark.parametrize(
    "cookie", ["", "x", "9.1.1", "1.2", "99999999999.99999999999.1", "-1.5.5", "1" * 50, "1.2.3"]
)
def test_a_broken_visit_cookie_is_a_first_visit(client, lab, cookie) -> None:
    a_failure(lab, timedelta(hours=2))
    client.cookies["visit"] = cookie
    assert len(client.get("/jobs/").context["page"].strip) == 1


def test_jobs_of_another_team_and_archived_ones_are_absent(client, lab, team) -> None:
    a_job(a_connection(a_team()), suffix="theirs")
    a_job(lab, suffix="archived", archived_at=timezone.now())
    a_job(a_connection(team, archived_at=timezone.now()), suffix="of-archived")
    a_job(lab, suffix="mine")
    assert names(client.get("/jobs/")) == ["mine"]


def test_a_stranger_is_sent_to_sign_in(lab) -> None:
    assert Client().get("/jobs/").headers["Location"] == "/sign-in/?next=/jobs/"


def test_a_poll_gets_the_region_alone(client, lab) -> None:
    a_job(lab)
    response = client.get("/jobs/", headers={"HX-Request": "true"})
    assert response.content.strip().startswith(b'<div id="jobs"')
    assert "HX-Request" in response.headers["Vary"]


def test_a_quiet_poll_is_a_304_of_two_queries(client, lab, team) -> None:
    a_job(lab)
    tag = client.get("/jobs/").headers["HX-PTag"]
    with CaptureQueriesContext(database) as queries:
        quiet = client.get("/jobs/", headers={"HX-Request": "true", "HX-PTag": tag})
    assert (quiet.status_code, quiet.content, len(queries)) == (304, b"", 2)
    Team.objects.filter(pk=team.pk).update(version=team.version + 1)
    moved = client.get("/jobs/", headers={"HX-Request": "true", "HX-PTag": tag})
    assert moved.status_code == 200


def test_another_filter_has_another_tag(client, lab) -> None:
    a_job(lab)
    assert client.get("/jobs/").headers["HX-PTag"] != client.get("/jobs/?q=x").headers["HX-PTag"]


def test_a_quiet_list_polls_less_often(client, lab) -> None:
    a_job(lab, state="succeeded")
    assert 'hx-trigger="every 30s"' in client.get("/jobs/").content.decode()
    a_job(lab, state="running")
    assert 'hx-trigger="every 5s"' in client.get("/jobs/").content.decode()


def test_the_verdict_of_a_quiet_list_says_when_it_last_moved(client, lab) -> None:
    a_job(lab, state="succeeded", ended_at=timezone.now() - timedelta(hours=3))
    html = client.get("/jobs/").content.decode()
    assert "Nothing running. Last finished" in html
    assert "3 h ago" in html


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "1 running, 1 queued."),
        ("state=queued", "1 running, 1 queued."),
        ("q=ftjob-run", "Among the filtered jobs: 1 running."),
        ("q=ftjob-end", "None of the filtered jobs is running."),
        ("q=nothing-has-this-word", ""),
    ],
)
def test_the_verdict_under_a_filter_is_of_its_jobs_alone(client, lab, query, said) -> None:
    for state, name in (("running", "run-1"), ("queued", "wait-1"), ("succeeded", "end-1")):
        a_job(lab, state=state, provider_id=f"ftjob-{name}", ended_at=NOON)
    page = client.get(f"/jobs/?{query}").context["page"]
    assert (page.verdict, page.verdict_at) == (said, None)


def test_who_was_here_before_reads_that_no_failure_came_since(client, lab) -> None:
    a_failure(lab, timedelta(days=3))
    assert client.get("/jobs/").context["page"].verdict == "Nothing running."
    assert client.get("/jobs/").context["page"].verdict == "Nothing running."
    ago = int(timezone.now().timestamp() - 3600) * 1000
    client.cookies["visit"] = f"{ago}.{ago}.{ago}"
    page = client.get("/jobs/").context["page"]
    assert page.verdict == "No new failure since your last visit. Nothing running."
    client.cookies["visit"] = f"{ago}.{ago}.{ago}"
    a_failure(lab, timedelta(minutes=9))
    page = client.get("/jobs/").context["page"]
    assert (page.failures, page.verdict) == (
        "1 job failed since your last visit.",
        "Nothing running.",
    )


def test_a_nul_in_the_address_breaks_nothing(client, lab) -> None:
    a_job(lab)
    assert client.get("/jobs/?q=%00").status_code in {200, 400}


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "-1",
        "7",
        "7.",
        "7.nan",
        "7.inf",
        "7.1e999",
        f"7.{'9' * 18}",
        "9" * 40,
        "7.x'--",
        "1.2.3",
    ],
)
@pytest.mark.parametrize("sort", ["-created", "loss", "tokens", "name", "changed"])
@pytest.mark.both_databases
def test_a_made_up_cursor_is_an_answer_and_no_fault(client, lab, after, sort) -> None:
    a_job(lab, suffix="here")
    response = client.get("/jobs/", {"sort": sort, "after": after})
    assert response.status_code == 200
    assert "Back to the first" in response.content.decode()


def test_the_next_page_follows_the_one_seen_although_its_last_row_has_moved(client, lab) -> None:
    jobs = [a_job(lab, suffix=f"n{n:02}", trained_tokens=n) for n in range(25)]
    page = client.get("/jobs/?sort=tokens&limit=20").context["page"]
    jobs[19].trained_tokens = 99
    jobs[19].save()
    more = client.get("/jobs/", {"sort": "tokens", "limit": "20", "after": page.next_after})
    assert names(more) == ["n20", "n21", "n22", "n23", "n24", "n19"]


def test_a_muted_job_says_so(client, lab) -> None:
    Silence.objects.create(job=a_job(lab, suffix="quiet"), until=None)
    over = timezone.now() - timedelta(minutes=1)
    Silence.objects.create(job=a_job(lab, suffix="loud"), until=over)
    muted = {row.name: row.is_muted for row in client.get("/jobs/").context["page"].rows}
    assert muted == {"quiet": True, "loud": False}
