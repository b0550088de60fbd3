"""Connections: tested before they are saved, the key write-only and bound to its address."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role
from jobs.models import Connection, Health, Job
from tests.builders import a_connection, a_job, a_member, a_team

pytestmark = pytest.mark.django_db
KEY = "sk-CANARY-4711-aaaabbbb"
LIST = {"object": "list", "data": [], "has_more": False}


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
        httpserver.expect_request(f"/v1/{path}", headers=headers).respond_with_json(LIST)
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


def test_a_refused_capability_and_a_notice_are_told(admin, team):
    row = a_connection(
        team, refused={"files": "The key may not read files."}, notice="Training is not available."
    )
    page = text(admin.get(f"/connections/{row.slug}/"))
    assert "Files refused" in page
    assert "Training is not available." in page


def test_viewers_see_no_buttons_that_would_refuse_them(team):
    row, client = a_connection(team), Client()
    client.force_login(a_member(team, Role.VIEWER))
    for path in ("/connections/", f"/connections/{row.slug}/"):
        page = text(client.get(path)).split("<main")[1].split("</main")[0]
        assert "<form" not in page
        assert "Add a connection" not in page


def test_jobs_are_paused_archived_polled_and_removed_from_their_page(editor, team):
    job = a_job(a_connection(team))
    path = f"/jobs/{job.connection.slug}/{job.provider_id}/"
    for action, column in (
        ("pause", "is_paused"),
        ("archive", "archived_at"),
        ("poll", "next_poll_at"),
    ):
        editor.post(f"{path}{action}/")
        job.refresh_from_db()
        assert getattr(job, column)
    assert editor.post(f"{path}remove/", {"name": "other"}).status_code == 400
    editor.post(f"{path}remove/", {"name": job.name})
    assert not Job.objects.exists()


def test_polling_now_has_a_limit(editor, team):
    row = a_connection(team)
    answers = [editor.post(f"/connections/{row.slug}/poll/") for _ in range(31)]
    assert answers[-2].status_code == 302
    assert (answers[-1].status_code, answers[-1].headers["Retry-After"]) == (429, "60")


def test_requests_of_a_test_only_read(admin, provider):
    admin.post("/connections/add/", fields(provider.url_for("/v1")))
    assert {request.method for request, _ in provider.log} == {"GET"}
