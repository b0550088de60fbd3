"""Connections: tested before they are saved, the key write-only and bound to its address."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Sum
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts import limits
from accounts.models import AuditEntry, RequestCount, Role
from jobs.manners import LIST, refused_now, with_refusals
from jobs.models import Connection, Health, Job, RequestTally
from providers.base import dialects
from providers.states import State
from tests.builders import NOON, a_connection, a_job, a_member, a_team

pytestmark = pytest.mark.django_db
KEY = "sk-CANARY-4711-aaaabbbb"
LIST_OF_NONE = {"object": "list", "data": [], "has_more": False}


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def admin(team, client):
    client.force_login(a_member(team))
    return client


@pytest.fixture
def editor(team):
    client = Client()
    client.force_login(a_member(team, Role.EDITOR))
    return client


@pytest.fixture
def provider(httpserver):
    """A server that lists no job, no file and no model, to whoever has the key."""
    for path in ("fine_tuning/jobs", "files", "models"):
        headers = {"Authorization": f"Bearer {KEY}"}
        httpserver.expect_request(f"/v1/{path}", headers=headers).respond_with_json(LIST_OF_NONE)
    wrong = {
        "error": {
            "message": "Incorrect API key provided",
            "code": "invalid_api_key",
            "type": "x",
            "param": None,
        }
    }
    httpserver.expect_request("/v1/fine_tuning/jobs").respond_with_json(wrong, status=401)
    httpserver.expect_request("/html/fine_tuning/jobs").respond_with_data(
        "<html>Portal</html>", content_type="text/html"
    )
    return httpserver


def fields(url: str, **other: object) -> dict[str, object]:
    return {"name": "Prod EU", "dialect": "openai", "base_url": url, "api_key": KEY, **other}


def text(answer) -> str:
    return answer.content.decode()


def test_a_connection_that_answers_is_saved_at_once(admin, team, provider):
    answer = admin.post("/connections/add/", fields(provider.url_for("/v1/")))
    saved = Connection.objects.get(team=team)
    assert (answer.status_code, answer.url) == (302, "/connections/prod-eu/")
    assert (saved.base_url, saved.key_last4) == (provider.url_for("/v1"), "bbbb")
    assert saved.key().reveal() == KEY
    assert KEY not in saved.sealed_key


def test_testing_alone_shows_what_the_key_may_see_and_saves_nothing(admin, provider):
    answer = admin.post("/connections/add/", fields(provider.url_for("/v1"), wish="test"))
    for capability in ("Jobs", "Events", "Files", "Models"):
        assert f"<strong>{capability}</strong>" in text(answer)
    assert not Connection.objects.exists()


def test_a_wrong_key_a_wrong_url_and_a_web_page_are_told_apart(admin, provider):
    tries = [
        fields(provider.url_for("/v1"), api_key="sk-wrong"),
        fields(provider.url_for("/nowhere")),
        fields(provider.url_for("/html")),
        fields("http://127.0.0.1:9/v1"),
    ]
    told = [admin.post("/connections/add/", facts) for facts in tries]
    sentences = [
        text(answer).split('<span class="line">')[1].split("</span>")[0] for answer in told
    ]
    assert len(set(sentences)) == len(tries)
    assert "does not accept this key" in sentences[0]
    assert not Connection.objects.exists()


def test_what_cannot_be_reached_can_be_saved_anyway_with_the_key_entered_before(admin, team):
    url = "http://127.0.0.1:9/v1"
    first = admin.post("/connections/add/", fields(url))
    admin.post("/connections/add/", fields(url, api_key="", wish="save anyway"))
    assert "Save anyway" in text(first)
    assert KEY not in text(first)
    assert Connection.objects.get(team=team).key().reveal() == KEY


def test_a_key_kept_from_a_test_does_not_go_to_another_address(admin, team):
    admin.post("/connections/add/", fields("http://127.0.0.1:9/v1"))
    admin.post(
        "/connections/add/", fields("http://127.0.0.1:10/v1", api_key="", wish="save anyway")
    )
    assert Connection.objects.get(team=team).sealed_key == ""


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/v1", "https://user@example.com/v1", "ftp://example.com", "https://exa mple.com",
     "https://example.com/v1?x=1"],
)  # fmt: skip
def test_addresses_that_are_not_allowed_are_refused_in_the_form(admin, url):
    answer = admin.post("/connections/add/", fields(url, wish="save anyway"))
    assert answer.status_code == 400
    assert 'id="id_base_url_error"' in text(answer)
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    "bad",
    [{"api_key": "sk with space"}, {"api_key": "sk\r\nX: y"}, {"organization": "a\nb"}, {"auth_header": "Host"},
     {"auth_header": "X\r\nY"}, {"extra_query": "nonsense"}, {"poll_interval_s": "0"}, {"name": "two\nlines"},
     {"dialect": "none"}],
)  # fmt: skip
def test_values_that_would_break_a_request_are_refused(admin, bad):
    answer = admin.post(
        "/connections/add/", fields("http://127.0.0.1:9/v1", wish="save anyway", **bad)
    )
    assert answer.status_code == 400
    assert not Connection.objects.exists()


def test_two_of_one_name_get_two_addresses(admin, team):
    for _ in range(2):
        admin.post(
            "/connections/add/", fields("http://127.0.0.1:9/v1", wish="save anyway", name="add")
        )
    assert sorted(Connection.objects.filter(team=team).values_list("slug", flat=True)) == [
        "add-2",
        "add-3",
    ]


def test_a_new_address_asks_for_the_key_again(admin, team):
    row = a_connection(team, key=KEY)
    path = f"/connections/{row.slug}/edit/"
    refused = admin.post(path, fields("http://127.0.0.1:10/v1", api_key="", wish="save anyway"))
    assert "enter the key again" in text(refused)
    row.refresh_from_db()
    assert row.base_url == "http://127.0.0.1:9/v1"
    admin.post(path, fields("http://127.0.0.1:10/v1", api_key="sk-new-key", wish="save anyway"))
    row.refresh_from_db()
    assert (row.base_url, row.key().reveal()) == ("http://127.0.0.1:10/v1", "sk-new-key")


def test_other_changes_keep_the_key(admin, team):
    row = a_connection(team, key=KEY)
    admin.post(
        f"/connections/{row.slug}/edit/",
        fields(row.base_url, api_key="", name="New name", wish="save anyway"),
    )
    row.refresh_from_db()
    assert (row.name, row.key().reveal()) == ("New name", KEY)
    assert AuditEntry.objects.get(action="connection changed").fields == ["name"]


def test_no_page_ever_shows_the_key(admin, team):
    row = a_connection(team, key=KEY)
    for path in ("", "edit/", "remove/"):
        assert KEY not in text(admin.get(f"/connections/{row.slug}/{path}"))
    assert "…bbbb" in text(admin.get("/connections/"))


@pytest.mark.parametrize("origin", ["environment", "demo"])
def test_what_the_environment_decides_cannot_be_edited(admin, team, origin):
    row = a_connection(team, key=KEY, origin=origin)
    assert admin.get(f"/connections/{row.slug}/edit/").status_code == 403
    assert (
        admin.post(f"/connections/{row.slug}/edit/", fields("http://127.0.0.1:10/v1")).status_code
        == 403
    )


def test_a_key_named_by_the_environment_is_shown_by_name_only(admin, team):
    row = a_connection(team, key_env="OPENAI_API_KEY", origin="environment")
    assert "OPENAI_API_KEY" in text(admin.get(f"/connections/{row.slug}/"))
    assert "is not set in the environment" in text(admin.post(f"/connections/{row.slug}/test/"))


def test_the_test_button_shows_real_answers(admin, team, provider):
    row = a_connection(team, key=KEY, base_url=provider.url_for("/v1"))
    answer = admin.post(f"/connections/{row.slug}/test/")
    assert "The test went well" in text(answer)
    assert "Jobs can be read" in text(answer)


@pytest.mark.parametrize(
    ("action", "column", "truth"),
    [("pause", "is_paused", True), ("resume", "is_paused", False), ("archive", "archived_at", True),
     ("restore", "archived_at", False)],
)  # fmt: skip
def test_pausing_and_archiving(admin, team, action, column, truth):
    row = a_connection(team, is_paused=action == "resume")
    admin.post(f"/connections/{row.slug}/{action}/")
    row.refresh_from_db()
    assert bool(getattr(row, column)) is truth
    assert AuditEntry.objects.filter(team=team, subject=row.name).count() == 1


def test_removing_asks_for_the_name_and_says_what_goes(admin, team):
    job = a_job(a_connection(team, name="Prod"))
    path = f"/connections/{job.connection.slug}/remove/"
    asked, wrong = admin.get(path), admin.post(path, {"name": "prod"})
    assert "1 job" in text(asked)
    assert (wrong.status_code, Job.objects.count()) == (400, 1)
    admin.post(path, {"name": "Prod"})
    assert (Connection.objects.count(), Job.objects.count()) == (0, 0)


def test_a_connection_of_the_environment_cannot_be_removed(admin, team):
    row = a_connection(team, origin="environment")
    assert admin.post(f"/connections/{row.slug}/remove/", {"name": row.name}).status_code == 403
    assert Connection.objects.exists()


def test_an_editor_adds_a_job_by_its_id(editor, team):
    row = a_connection(team)
    answer = editor.post(f"/connections/{row.slug}/jobs/", {"job_id": " ftjob-abc "})
    assert answer.url == f"/jobs/{row.slug}/ftjob-abc/"
    assert Job.objects.get(connection=row).is_tracked_by_id


@pytest.mark.parametrize("bad", ["", "a b", "../../x", "ftjob-é", "x" * 129])
def test_what_is_no_job_id_is_refused(editor, team, bad):
    row = a_connection(team)
    answer = editor.post(f"/connections/{row.slug}/jobs/", {"job_id": bad})
    assert answer.status_code == 400
    assert not Job.objects.exists()


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


HEADERS = "x-portkey-provider: @openai-prod\r\n\r\n X-Team :  a: b "


def test_headers_a_cap_and_an_interval_are_saved_shown_and_sent(admin, team, httpserver):
    wanted = {"x-portkey-provider": "@openai-prod", "X-Team": "a: b"}
    httpserver.expect_request("/v1/fine_tuning/jobs", headers=wanted).respond_with_json(
        LIST_OF_NONE
    )
    facts = {"extra_headers": HEADERS, "requests_per_minute": "30", "poll_interval_s": "60"}
    admin.post("/connections/add/", fields(httpserver.url_for("/v1"), **facts))
    row = Connection.objects.get(team=team)
    assert (row.extra_headers, row.requests_per_minute, row.poll_interval_s) == (wanted, 30, 60)
    page, form = (text(admin.get(f"/connections/{row.slug}/{part}")) for part in ("", "edit/"))
    assert "x-portkey-provider: @openai-prod" in page
    assert "30 requests a minute" in page
    assert "X-Team: a: b</textarea>" in form


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("no colon", "Not a header"),
        ("x y: z", "Not a header"),
        (": empty", "Not a header"),
        ("x-empty:", "Not a header"),
        ("x-umlaut: ü", "Not a header"),
        ("Host: evil", "cannot be replaced"),
        ("Transfer-Encoding: chunked", "cannot be replaced"),
        ("Authorization: Bearer abc", "looks like a secret"),
        ("x-portkey-api-key: abc", "looks like a secret"),
        ("x-note: sk-proj-aaaabbbbccccdddd1234", "looks like a secret"),
        ("Cookie: a=b", "looks like a secret"),
        ("X-APIKEY: a", "looks like a secret"),
        ("\n".join(f"x-{n}: 1" for n in range(21)), "At most 20"),
    ],
)
def test_headers_that_would_break_or_leak_are_refused_with_a_reason(admin, line, sentence):
    facts = fields("http://127.0.0.1:9/v1", wish="save anyway", extra_headers=line)
    answer = admin.post("/connections/add/", facts)
    assert answer.status_code == 400
    assert sentence in text(answer)
    assert not Connection.objects.exists()


def test_the_header_of_the_key_is_not_sent_twice(admin):
    facts = {"auth_header": "x-api", "extra_headers": "X-API: 1", "wish": "save anyway"}
    answer = admin.post("/connections/add/", fields("http://127.0.0.1:9/v1", **facts))
    assert "The header of the key is sent already." in text(answer)


def test_a_secret_in_a_header_of_an_older_connection_is_not_shown(admin, team):
    row = a_connection(team, extra_headers={"x-portkey-api-key": KEY, "x-team": "ml"})
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert KEY not in page
    assert "x-portkey-api-key: hidden" in page
    assert "x-team: ml" in page


@pytest.mark.parametrize(
    ("cap", "is_good"), [("0", False), ("-1", False), ("x", False), ("7000", False), ("1", True)]
)
def test_a_cap_is_a_number_that_can_be_kept(admin, cap, is_good):
    facts = fields("http://127.0.0.1:9/v1", wish="save anyway", requests_per_minute=cap)
    assert (admin.post("/connections/add/", facts).status_code == 302) is is_good


def test_an_empty_address_is_the_usual_one_of_the_provider(admin, team):
    admin.post("/connections/add/", fields("", dialect="nebius", wish="save anyway"))
    assert Connection.objects.get().base_url == dialects()["nebius"].default_base_url


@pytest.mark.parametrize(
    ("dialect", "url", "sentence"),
    [
        ("generic", "", "Enter the address of the server."),
        ("azure", "", "Enter the address, as https://your-"),
        ("together", "https://api.openai.com/v1", "This is the address of OpenAI."),
    ],
)
def test_an_address_that_does_not_fit_the_provider_is_told(admin, dialect, url, sentence):
    answer = admin.post("/connections/add/", fields(url, dialect=dialect, wish="save anyway"))
    assert sentence in text(answer)
    assert not Connection.objects.exists()


def test_the_form_says_what_each_provider_needs_and_which_are_experimental(admin):
    page = text(admin.get("/connections/add/"))
    assert "Mistral (experimental)</option>" in page
    for provider in dialects().values():
        assert escape(provider.help) in page


def test_another_key_or_cap_forgets_what_was_said_to_the_one_before(admin, team):
    row = a_connection(
        team, key=KEY, refused={"files": "no"}, limit_requests=9, remaining_requests=0,
        paced_until=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    path = f"/connections/{row.slug}/edit/"
    admin.post(path, fields(row.base_url, api_key="sk-new-key", wish="save anyway"))
    row.refresh_from_db()
    assert (row.refused, row.limit_requests, row.paced_until) == ({}, None, None)


def test_polling_now_asks_for_what_was_refused_but_keeps_the_pace(editor, team):
    later = timezone.now() + timedelta(minutes=1)
    refused = with_refusals({}, {"files": "no"}, timezone.now())
    row = a_connection(team, refused=refused, paced_until=later)
    answer = editor.post(f"/connections/{row.slug}/poll/", follow=True)
    row.refresh_from_db()
    assert refused_now(row.refused, timezone.now()) == frozenset()
    assert row.paced_until == later
    assert "as soon as its pace allows" in text(answer)


def test_a_test_of_the_connection_counts_as_requests(admin, team, provider):
    row = a_connection(team, key=KEY, base_url=provider.url_for("/v1"))
    admin.post(f"/connections/{row.slug}/test/")
    assert row.tallies.aggregate(n=Sum("number"))["n"] == len(provider.log)


def test_putting_away_does_not_share_its_name_with_the_archive(admin, team):
    row = a_connection(team)
    assert ">Put away</button>" in text(admin.get(f"/connections/{row.slug}/"))
    answer = admin.post(f"/connections/{row.slug}/archive/", follow=True)
    assert f"{row.name} is put away." in text(answer)
    assert "1 connection put away" in text(admin.get("/connections/"))


def test_what_was_not_watched_is_due_from_its_return_on(admin, team):
    row = a_connection(team, is_paused=True, next_sweep_at=NOON)
    job = a_job(row, next_poll_at=NOON)
    began = timezone.now() - timedelta(seconds=1)
    admin.post(f"/connections/{row.slug}/resume/")
    row.refresh_from_db()
    job.refresh_from_db()
    assert min(row.next_sweep_at, job.next_poll_at) > began


def test_viewers_see_no_buttons_that_would_refuse_them(team):
    row, client = a_connection(team), Client()
    client.force_login(a_member(team, Role.VIEWER))
    for path in ("/connections/", f"/connections/{row.slug}/"):
        page = text(client.get(path)).split("<main")[1].split("</main")[0]
        assert page.count("<form") == page.count("/export/")  # viewers may take copies
        assert "Add a connection" not in page


def test_jobs_are_paused_archived_polled_and_removed_from_their_page(editor, team):
    job = a_job(a_connection(team))
    path = f"/jobs/{job.connection.slug}/{job.provider_id}/"
    for action, column in (
        ("poll", "next_poll_at"),
        ("pause", "is_paused"),
        ("archive", "archived_at"),
    ):
        editor.post(f"{path}{action}/")
        job.refresh_from_db()
        assert getattr(job, column)
    assert editor.post(f"{path}remove/", {"name": "other"}).status_code == 400
    editor.post(f"{path}remove/", {"name": job.name})
    assert not Job.objects.exists()


def test_a_job_whose_name_no_line_of_a_form_can_hold_is_removed_all_the_same(editor, team):
    job = a_job(a_connection(team), suffix="two\nlines ")
    path = f"/jobs/{job.connection.slug}/{job.provider_id}/remove/"
    assert "(optional)" not in text(editor.get(path))
    assert "Type two lines." in text(editor.post(path, {"name": ""}))
    assert editor.post(path, {"name": "two lines"}).status_code == 302
    assert not Job.objects.exists()


def test_polling_now_has_a_limit(editor, team):
    row = a_connection(team)
    answers = [editor.post(f"/connections/{row.slug}/poll/") for _ in range(31)]
    assert answers[-2].status_code == 302
    assert (answers[-1].status_code, answers[-1].headers["Retry-After"]) == (429, "60")


def test_a_form_over_the_limit_of_tests_loses_nothing(admin, team, provider):
    for _ in range(limits.PROVIDER_TEST.most):
        limits.take(limits.PROVIDER_TEST, team.pk)
    asked = fields(provider.url_for("/v1"), name="night lab")
    refused = admin.post("/connections/add/", asked)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert "Too many tests" in text(refused)
    assert 'value="night lab"' in text(refused)
    assert "The key you entered is kept" in text(refused)
    assert KEY not in text(refused)
    assert not provider.log
    RequestCount.objects.all().delete()
    admin.post("/connections/add/", {**asked, "api_key": ""})
    assert Connection.objects.get().key().reveal() == KEY


def test_requests_of_a_test_only_read(admin, provider):
    admin.post("/connections/add/", fields(provider.url_for("/v1")))
    assert {request.method for request, _ in provider.log} == {"GET"}


def test_a_server_without_a_list_is_not_called_stale_within_its_hour(admin, team):
    facts = {"dialect": "generic", "health": Health.OK}
    facts["last_good_at"] = timezone.now() - timedelta(minutes=30)
    a_connection(team, name="With a list", **facts)
    assert "Stale</span>" in text(admin.get("/status/"))
    Connection.objects.update(refused=with_refusals({}, {LIST: "-"}, facts["last_good_at"]))
    assert "Stale</span>" not in text(admin.get("/status/"))
