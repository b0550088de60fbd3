"""The way in: password, one-time link, limits."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import limits
from accounts.models import AuditEntry, RequestCount, SignInLink
from tests.builders import a_member, a_team

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.django_db


@pytest.fixture
def dana():
    return a_member(a_team(), email="dana@example.com", password=PASSWORD)


def sign_in(client, email="dana@example.com", password=PASSWORD, **extra):
    return client.post("/sign-in/", {"email": email, "password": password}, **extra)


def is_signed_in(client) -> bool:
    return client.get("/jobs/").status_code == 200


def test_the_right_password_opens_the_jobs(client, dana):
    answer = sign_in(client)
    assert (answer.status_code, answer.url) == (302, "/jobs/")
    assert is_signed_in(client)


def test_the_session_gets_a_new_id(client, dana):
    client.get("/sign-in/")
    before = client.session
    before["kept"] = 1
    before.save()
    sign_in(client)
    assert client.session.session_key != before.session_key


@pytest.mark.parametrize(
    ("email", "password"), [("dana@example.com", "wrong"), ("nobody@example.com", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_account_read_the_same(client, dana, email, password):
    answer = sign_in(client, email, password)
    assert answer.status_code == 403
    assert "E-mail and password do not belong together." in answer.content.decode()
    assert password not in answer.content.decode()


def test_an_account_without_a_password_cannot_be_entered_by_one(client):
    a_member(a_team(), email="link@example.com")
    assert sign_in(client, "link@example.com", "").status_code in {200, 403}
    assert sign_in(client, "link@example.com", "!").status_code == 403
    assert not is_signed_in(client)


def test_tries_on_one_account_run_out_and_say_when_to_come_back(client, dana):
    answers = [
        sign_in(client, password="wrong").status_code for _ in range(limits.SIGN_IN_TO_ACCOUNT.most)
    ]
    refused = sign_in(client)
    assert set(answers) == {403}
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
    assert not is_signed_in(client)


def test_a_forged_forwarding_header_resets_nothing(client, dana):
    for number in range(limits.SIGN_IN_FROM_IP.most):
        sign_in(
            client,
            email=f"x{number}@example.com",
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        )
    assert sign_in(client, headers={"X-Forwarded-For": "198.51.100.250"}).status_code == 429


def test_the_window_passes(client, dana):
    for _ in range(limits.SIGN_IN_TO_ACCOUNT.most):
        sign_in(client, password="wrong")
    RequestCount.objects.update(began_at=timezone.now() - timedelta(minutes=6))
    assert sign_in(client).status_code == 302


def test_good_sign_ins_do_not_use_up_the_tries(dana):
    statuses = [sign_in(Client()).status_code for _ in range(limits.SIGN_IN_TO_ACCOUNT.most + 2)]
    assert set(statuses) == {302}


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_never_get_more_than_the_limit():
    limit = limits.Limit("test", 5, timedelta(minutes=1))

    def ask(_: int) -> bool:
        try:
            return limits.take(limit, "one")
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(ask, range(40)))
    assert sum(granted) == 5


def test_a_link_signs_in_once(client, dana):
    path = reverse("sign-in-link", args=[SignInLink.create_token(dana)])
    first, second = client.get(path), Client().get(path)
    assert (first.status_code, first.url) == (302, "/jobs/")
    assert first.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in first.headers["Cache-Control"]
    assert is_signed_in(client)
    assert second.status_code == 410
    assert "manage.py sign_in_link" in second.content.decode()


def test_asking_for_the_head_of_a_link_does_not_use_it(client, dana):
    path = reverse("sign-in-link", args=[SignInLink.create_token(dana)])
    assert client.head(path).status_code == 405
    assert client.get(path).status_code == 302


def test_a_link_ends_after_15_minutes(client, dana):
    token = SignInLink.create_token(dana)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(reverse("sign-in-link", args=[token])).status_code == 410
    assert not is_signed_in(client)


def test_a_link_of_a_deactivated_user_opens_nothing(client, dana):
    token = SignInLink.create_token(dana)
    type(dana).objects.update(is_active=False)
    assert client.get(reverse("sign-in-link", args=[token])).status_code == 410


def test_signing_out_ends_the_session_for_good(client, dana):
    sign_in(client)
    old = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post("/sign-out/")
    client.cookies[settings.SESSION_COOKIE_NAME] = old
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "\thttps://evil.example",
     "/\t/evil.example", "\n//evil.example", "javascript:alert(1)"],
)  # fmt: skip
def test_a_foreign_page_is_never_the_next_one(client, dana, wanted):
    answer = client.post("/sign-in/", {"email": dana.email, "password": PASSWORD, "next": wanted})
    assert answer.url == "/jobs/"


def test_the_page_asked_for_is_the_next_one(client, dana):
    asked = client.get("/alerts/deliveries/?state=dead")
    answer = client.post(asked.url, {"email": dana.email, "password": PASSWORD})
    assert answer.url == "/alerts/deliveries/?state=dead"


@pytest.mark.parametrize(
    ("referer", "wanted"),
    [
        ("http://testserver/alerts/?x=1", "/alerts/?x=1"),
        ("https://evil.example/alerts/", "/jobs/"),
        ("http://testserver//evil.example/", "/jobs/"),
        ("", "/jobs/"),
    ],
)
@pytest.mark.parametrize("button", ["/alerts/deliveries/resend/", "/theme/"])
def test_a_button_of_an_ended_session_leads_back_to_its_page(client, dana, button, referer, wanted):
    asked = client.post(button, headers={"Referer": referer})
    answer = client.post(asked.url, {"email": dana.email, "password": PASSWORD})
    assert answer.url == wanted


def test_an_address_for_buttons_that_is_opened_shows_a_way_on(client, dana):
    sign_in(client)
    answer = client.get("/alerts/deliveries/resend/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert 'href="/jobs/"' in answer.content.decode()


def test_each_way_in_and_out_is_logged_once(client, dana):
    sign_in(client, password="wrong")
    sign_in(client, email="ghost@example.com")
    sign_in(client)
    client.post("/sign-out/")
    client.get(reverse("sign-in-link", args=[SignInLink.create_token(dana)]))
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", "subject"))
    assert actions == [
        ("sign-in refused", "dana@example.com"),
        ("sign-in refused", "unknown account"),
        ("signed in", "dana@example.com"),
        ("signed out", "dana@example.com"),
        ("signed in by link", "dana@example.com"),
    ]


def test_the_sign_in_page_works_without_a_session(client):
    answer = client.get("/sign-in/")
    assert answer.status_code == 200
    assert answer.content.decode().count("<h1>") == 1
