"""The way in."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import SignInLink
from tests.browser.watching import faults
from tests.builders import a_member, a_team

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_sign_in_link_works_once(url, visit):
    link = f"/sign-in/link/{SignInLink.create_token(a_member(a_team(), name='Dana'))}/"
    first, second = visit(url), visit(url)
    first.goto(link)
    expect(first).to_have_url(f"{url}/jobs/")
    expect(first.locator(".site-user summary")).to_contain_text("Dana")
    second.goto(link)
    expect(second.get_by_role("heading", level=1)).to_have_text("This sign-in link no longer works")
    second.goto("/jobs/")
    expect(second).to_have_url(re.compile("/sign-in/"))


def test_a_wrong_password_is_told_without_saying_who_exists(url, visit):
    a_member(a_team(), email="dana@example.com", password="correct horse battery")
    page, said = visit(url), []
    for email in ("dana@example.com", "nobody@example.com"):
        page.goto("/sign-in/")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill("wrong horse battery")
        page.get_by_role("button", name="Sign in").click()
        said.append(page.get_by_role("alert").inner_text())
    assert said[0] == said[1]
    expect(page.get_by_role("alert")).to_be_focused()
    assert faults(page, "refused sign-in") == []
