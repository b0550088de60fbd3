"""Connections are tested before they are saved, the key write-only and bound to its address."""

from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone
from django.utils.html import escape

from accounts import limits
from accounts.models import AuditEntry, RequestCount
from jobs.models import Connection
from providers.base import dialects
from tests.builders import a_connection
from tests.dashboard.connections.form import KEY, LIST_OF_NONE, fields, text

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("origin", ["environment", "demo"])
def test_what_the_environment_decides_cannot_be_edited(admin, team, origin):
    row = a_connection(team, key=KEY, origin=origin)
    assert admin.get(f"/connections/{row.slug}/edit/").status_code == 403
    assert (
        admin.post(f"/connections/{row.slug}/edit/", fields("http://127.0.0.1:10/v1")).status_code
        == 403
    )


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


def test_a_test_of_the_connection_counts_as_requests(admin, team, provider):
    row = a_connection(team, key=KEY, base_url=provider.url_for("/v1"))
    admin.post(f"/connections/{row.slug}/test/")
    assert row.tallies.aggregate(n=Sum("number"))["n"] == len(provider.log)


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
