"""Whose session it is, and which team is looked at."""

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.middleware import CHOSEN_TEAM
from accounts.models import Membership, Role
from tests.builders import a_member, a_team, a_user

pytestmark = pytest.mark.django_db
OLDER = "django.contrib.auth.backends.ModelBackend"


def signed_in(user, backend=None):
    browser = Client()
    browser.force_login(user, backend)
    return browser


def team_shown(browser):
    response = browser.get("/team/")
    return response.wsgi_request.team if response.status_code == 200 else None


def test_user_and_team_of_a_session_are_one_statement():
    browser = signed_in(a_member(a_team()))
    with CaptureQueriesContext(database) as queries:
        browser.get("/no-such-page/")
    about = [one["sql"] for one in queries if "accounts_user" in one["sql"]]
    assert len(about) == 1
    assert "accounts_team" in about[0]


def test_the_oldest_team_is_looked_at_until_another_is_chosen():
    first, second = a_team(), a_team()
    user = a_member(first)
    Membership.objects.create(team=second, user=user, role=Role.VIEWER)
    browser = signed_in(user)
    assert team_shown(browser) == first
    session = browser.session
    session[CHOSEN_TEAM] = second.slug
    session.save()
    assert team_shown(browser) == second


def test_a_chosen_team_one_has_left_is_not_looked_at():
    first, left = a_team(), a_team()
    browser = signed_in(a_member(first))
    session = browser.session
    session[CHOSEN_TEAM] = left.slug
    session.save()
    assert team_shown(browser) == first


def test_a_session_of_an_older_release_stays_signed_in():
    team = a_team()
    assert team_shown(signed_in(a_member(team), OLDER)) == team


@pytest.mark.parametrize("backend", [None, OLDER])
def test_an_account_that_was_closed_has_no_session_any_more(backend):
    user = a_member(a_team())
    browser = signed_in(user, backend)
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    assert browser.get("/jobs/").headers["Location"].startswith("/sign-in/")


def test_a_changed_password_ends_the_session():
    user = a_member(a_team(), password="a long enough password")
    browser = signed_in(user)
    user.set_password("another one that is long")
    user.save()
    assert browser.get("/jobs/").headers["Location"].startswith("/sign-in/")


def test_a_removed_user_has_no_session():
    user = a_user()
    browser = signed_in(user)
    user.delete()
    assert browser.get("/jobs/").headers["Location"].startswith("/sign-in/")


def test_a_user_without_a_team_is_signed_in_all_the_same():
    response = signed_in(a_user()).get("/jobs/")
    assert response.wsgi_request.user.is_authenticated
    assert response.status_code == 403
