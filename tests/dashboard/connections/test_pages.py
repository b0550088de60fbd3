"""What list and page of connections tell: trouble, pace, requests, and never a key."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Count
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from jobs.manners import LIST, with_refusals
from jobs.models import Connection, File, Health, RequestTally
from providers.states import State
from tests.builders import NOON, a_connection, a_job, a_member
from tests.dashboard.connections.form import KEY, text

pytestmark = pytest.mark.django_db


def test_no_page_ever_shows_the_key(admin, team):
    row = a_connection(team, key=KEY)
    for path in ("", "edit/", "remove/"):
        assert KEY not in text(admin.get(f"/connections/{row.slug}/{path}"))
    assert "…bbbb" in text(admin.get("/connections/"))


def test_a_key_named_by_the_environment_is_shown_by_name_only(admin, team):
    row = a_connection(team, key_env="OPENAI_API_KEY", origin="environment")
    assert "OPENAI_API_KEY" in text(admin.get(f"/connections/{row.slug}/"))
    assert "is not set in the environment" in text(admin.post(f"/connections/{row.slug}/test/"))


def test_the_list_says_what_is_wrong_and_when_it_tries_next(admin, team):
    a_connection(team, health=Health.REJECTED, health_reason="Incorrect <b>key</b>")
    page = text(admin.get("/connections/"))
    assert "Key rejected" in page
    assert "Incorrect &lt;b&gt;key&lt;/b&gt;" in page
    assert "1 of 1 cannot be read" in page


def test_the_verdicts_say_how_much_is_kept(admin, team):
    row = a_connection(team, health=Health.OK, last_good_at=timezone.now())
    assert "Every connection answers." in text(admin.get("/connections/"))
    for settled_at in (NOON, None):
        a_job(row, state=State.FAILED, settled_at=settled_at)
    a_job(row, state=State.RUNNING)
    listed = text(admin.get("/connections/"))
    assert "Every connection answers; 1 of 2 finished jobs is kept in full." in listed
    assert "50 % kept" in listed
    assert "1 of 2 finished jobs kept in full" in text(admin.get(f"/connections/{row.slug}/"))


def test_what_is_kept_lacks_the_files_that_could_not_be_had(admin, team):
    row = a_connection(team, health=Health.OK, last_good_at=timezone.now())
    a_job(row, state=State.SUCCEEDED, settled_at=NOON)
    for fetch in (File.Fetch.STORED, File.Fetch.METADATA, File.Fetch.GONE, File.Fetch.TOO_LARGE):
        File.objects.create(connection=row, provider_id=f"file-{fetch}", fetch=fetch)
    File.objects.create(connection=a_connection(), provider_id="theirs", fetch=File.Fetch.GONE)
    told = "1 of 1 finished job is kept but for 2 result files."
    assert f"Every connection answers; {told}" in text(admin.get("/connections/"))
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "1 of 1 finished job kept but for 2 result files" in page
    assert "1 of 1 finished job kept but for 2 result files" in text(admin.get("/welcome/"))


def test_what_became_of_files_is_counted_without_reading_their_contents(team):
    counted = File.objects.filter(connection=a_connection(team)).values_list("fetch")
    assert "COVERING INDEX file_fate" in counted.order_by().annotate(Count("pk")).explain()


def test_a_connection_that_needs_no_key_says_so(admin, team):
    row = a_connection(team, auth_header="")
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "<dt>Key</dt><dd>none</dd>" in page
    assert "Header of the key" not in page


def test_a_refused_capability_and_a_notice_are_told(admin, team):
    row = a_connection(
        team, refused={"files": "The key may not read files."}, notice="Training is not available."
    )
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "Files refused" in page
    assert "Training is not available." in page


def tally(row, outcome="ok", number=1, hours_ago=0, **facts):
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours_ago)
    RequestTally.objects.create(
        **{
            "connection": row,
            "hour": hour,
            "capability": "jobs",
            "outcome": outcome,
            "number": number,
            **facts,
        }
    )


def test_the_page_shows_requests_and_how_much_of_the_error_budget_is_used(admin, team):
    row = a_connection(team)
    tally(row, "ok", 990, elapsed_ms=90_000)
    tally(row, "missing", 5)
    tally(row, "broken", 5)
    tally(row, "unanswered", 95, hours_ago=30)
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "1\u2009000 requests in the last 24 hours, 5 with trouble." in page
    assert "99.5 %" in page
    assert "50 % of the error budget used" in page
    assert "below the goal of 99 %" in page  # the week
    assert "90 ms" in page


def test_old_and_rolled_up_requests_and_those_of_others_are_left_out(admin, team):
    row = a_connection(team)
    tally(row, "broken", 7, hours_ago=24 * 9)
    tally(row, "broken", 7, hour=datetime(1970, 1, 1, tzinfo=UTC))
    tally(a_connection(team), "broken", 7)
    assert "No request in the last 24 hours." in text(admin.get(f"/connections/{row.slug}/"))


def test_one_trouble_in_very_many_is_not_called_none(admin, team):
    row = a_connection(team)
    tally(row, "ok", 10_000_000)
    tally(row, "limited", 1)
    assert "99.99 %" in text(admin.get(f"/connections/{row.slug}/"))


def test_a_connection_that_paces_itself_says_why_and_until_when(admin, team):
    soon = timezone.now() + timedelta(minutes=4)
    row = a_connection(
        team, limit_requests=100, remaining_requests=2, limits_said_at=timezone.now(),
        paced_until=soon, next_sweep_at=timezone.now(), health=Health.OK,
    )  # fmt: skip
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "Pacing itself: 2 of 100 requests left." in page
    assert "2 of 100 requests left <" in page
    assert soon.isoformat()[:16] in page
    assert "pacing itself" in text(admin.get("/connections/"))


def test_a_connection_at_our_own_cap_says_so(admin, team):
    soon = timezone.now() + timedelta(seconds=40)
    row = a_connection(team, requests_per_minute=6, paced_until=soon, health=Health.OK)
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "Pacing itself: at most 6 requests a minute." in page


def test_waiting_a_moment_is_not_worth_a_word(admin, team):
    soon = timezone.now() + timedelta(seconds=4)
    row = a_connection(team, requests_per_minute=60, health=Health.OK, paced_until=soon)
    assert "Pacing itself" not in text(admin.get(f"/connections/{row.slug}/"))


def test_a_refusal_tells_since_when_and_when_it_is_asked_again(admin, team):
    refused = with_refusals({}, {"files": "The key may not read files."}, timezone.now())
    row = a_connection(team, refused=refused)
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "Files refused" in page
    assert "asked again <time" in page


def test_a_server_without_a_list_is_not_shown_as_a_refusal(admin, team):
    row = a_connection(team, dialect="generic", refused=with_refusals({}, {LIST: "-"}, NOON))
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "This server has none." in page
    assert "List refused" not in page


def test_viewers_see_no_buttons_that_would_refuse_them(team):
    row, client = a_connection(team), Client()
    client.force_login(a_member(team, Role.VIEWER))
    for path in ("/connections/", f"/connections/{row.slug}/"):
        page = text(client.get(path)).split("<main")[1].split("</main")[0]
        assert page.count("<form") == page.count("/export/")  # viewers may take copies
        assert "Add a connection" not in page


def test_a_server_without_a_list_is_not_called_stale_within_its_hour(admin, team):
    facts = {"dialect": "generic", "health": Health.OK}
    facts["last_good_at"] = timezone.now() - timedelta(minutes=30)
    a_connection(team, name="With a list", **facts)
    assert "Stale</span>" in text(admin.get("/status/"))
    Connection.objects.update(refused=with_refusals({}, {LIST: "-"}, facts["last_good_at"]))
    assert "Stale</span>" not in text(admin.get("/status/"))
