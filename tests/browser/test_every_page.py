"""Every page, filled, empty and in trouble, in both themes and on small and large screens."""

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from tests.browser.homes import STATES
from tests.browser.watching import faults
from tests.contracts.test_routes import PAGES as TEAM_PAGES
from tests.servers import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

# The table of routes is compared with the resolver, so a new page comes here by itself.
NEEDS = {name: route.needs for name, route in TEAM_PAGES.items() if "GET" in route.methods}
NEEDS["styleguide"] = NEEDS["message-guide"] = ()
PAGES = sorted(
    NEEDS.keys() - {"file-download", "news", "job-markdown", "job-points"}
)  # files, JSON, text
NAMELESS = [name for name in PAGES if not set(NEEDS[name]) - {"kind"}]
# These show nothing of a connection, a job or an alert.
UNTROUBLED = {
    "team",
    "tokens",
    "retention",
    "log",
    "password",
    "you",
    "welcome",
    "styleguide",
    "message-guide",
    "channel-kinds",
}
UNTROUBLED |= {"connection-add", "channel-add"}
RENAMED = {"rule": "public_id", "channel": "public_id"}
ERRORS = sorted(path.stem for path in (ROOT / "templates/errors").glob("[0-9]*.html"))


def address(name: str, ids: dict) -> str:
    return reverse(name, kwargs={RENAMED.get(need, need): ids[need] for need in NEEDS[name]})


def faults_at(visit, street, home: str, path: str) -> list[str]:
    page = visit(street.url, street.homes[home].cookie if home else "")
    answer = page.goto(path)
    assert answer.status < 500  # the page that says so has no faults either
    return faults(page, path)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_data_is_open_to_all(visit, street, name):
    path = address(name, street.homes["busy"].ids)
    assert faults_at(visit, street, "busy", path) == []


@pytest.mark.parametrize("name", [name for name in PAGES if name not in UNTROUBLED])
def test_a_page_in_trouble_is_open_to_all(visit, street, name):
    path = address(name, street.homes["troubled"].ids)
    assert faults_at(visit, street, "troubled", path) == []


@pytest.mark.parametrize("name", NAMELESS)
def test_an_empty_page_is_open_to_all(visit, street, name):
    assert faults_at(visit, street, "fresh", address(name, {"kind": "email"})) == []


@pytest.mark.parametrize("shown", [*STATES, "dpo", "reinforcement"])
def test_a_job_of_each_kind_is_open_to_all(visit, street, shown):
    assert faults_at(visit, street, "busy", street.homes["busy"].jobs[shown]) == []


@pytest.mark.parametrize(
    ("shown", "part"),
    [
        ("unknown", ""),
        *(("hostile", part) for part in ("", "events/", "timeline/", "changes/", "raw/")),
    ],
)
def test_a_job_that_tries_the_page_is_open_to_all(visit, street, shown, part):
    path = street.homes["troubled"].jobs[shown] + part
    assert faults_at(visit, street, "troubled", path) == []


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-in/link/used/", "/nowhere/"])
def test_a_page_for_strangers_is_open_to_all(visit, street, path):
    assert faults_at(visit, street, "", path) == []


@pytest.mark.parametrize("status", ERRORS)
def test_an_error_page_is_open_to_all(visit, street, status):
    body = render_to_string(f"errors/{status}.html", {"request_id": "0123456789abcdef"})
    headers = {"Content-Type": "text/html", "Content-Security-Policy": settings.PAGE_POLICY}
    page = visit(street.url)
    page.route(
        "**/broken/",
        lambda route: route.fulfill(status=int(status[:3]), headers=headers, body=body),
    )
    page.goto("/broken/")
    assert faults(page, f"error {status}") == []


@pytest.mark.parametrize("home", ["busy", "troubled", "fresh"])
def test_every_link_of_the_site_leads_somewhere(visit, street, home):
    page = visit(street.url, street.homes[home].cookie)
    ids = {**street.homes[home].ids, "kind": "email"}
    names = PAGES if home != "fresh" else NAMELESS
    links = {}
    for name in names:
        page.goto(address(name, ids))
        links |= dict.fromkeys(links_of(page), name)
    statuses = {link: page.request.get(link).status for link in links}
    del statuses[f"{street.url}/readyz"]  # says that no worker runs, and is right
    assert {link: links[link] for link, status in statuses.items() if status >= 400} == {}


def links_of(page) -> list[str]:
    """Where the links of this page lead on this site."""
    return page.eval_on_selector_all(
        "a[href]",
        """(all) => all  // in a drawing, `href` is no text
            .map((one) => new URL(one.getAttribute("href"), location).href.split("#")[0])
            .filter((href) => href.startsWith(origin))""",
    )
