"""A site with three filled teams for tests that only look, and browsers in which a complaint is a failure."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import servers
from tests.browser.watching import Watch

PATIENCE_MS = 15_000  # what a page of a machine that runs other tests besides may take
expect.set_options(timeout=PATIENCE_MS)  # the usual 5 s are not the context's time limit


@dataclass(frozen=True, slots=True)
class Street:
    """`homes` by name, see tests.browser.homes."""

    url: str
    homes: dict


@pytest.fixture(scope="session")
def base_url() -> None:
    """Each test names its site. The plugin's own fixture is of a kind that pytest 9 warns about."""


@pytest.fixture(scope="session")
def street(django_db_setup, django_db_blocker, tmp_path_factory):
    """Served from a copy: the test's own database is emptied after every test."""
    from tests.browser.homes import furnish
    from tests.conftest import Site

    file = tmp_path_factory.mktemp("street") / "street.sqlite3"
    with django_db_blocker.unblock():
        homes = furnish()
        move_rows_to(file)
    site = Site.start(lambda **extra: environment(f"sqlite:///{file}", **extra), {})
    yield Street(site.url, homes)
    site.server.stop()


@pytest.fixture(scope="session")
def _running_site(django_db_setup):
    from tests.conftest import Site, database_url

    site = Site.start(lambda **extra: environment(database_url(), **extra), {})
    yield site.url
    site.server.stop()


@pytest.fixture
def url(_running_site, transactional_db):
    """The site on the test's own database, for tests that write. It starts once; the rows go after each test."""
    return _running_site


def move_rows_to(file) -> None:
    from django.core.management import call_command
    from django.db import connection

    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
    call_command("flush", verbosity=0, interactive=False)


def environment(database_url: str, **extra: str) -> dict[str, str]:
    from tests.conftest import OURS

    ours = {name: value for name, value in os.environ.items() if name.startswith(OURS)}
    ours |= {"DATABASE_URL": database_url, "EMAIL_URL": "consolemail://"}
    return servers.bare_environment(**ours, **extra)


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext]):
    """Opens a browser at a site: `visit(url, cookie)`; any complaint of its page fails the test at its end."""
    watches = []

    def open_page(url: str, cookie: str = "", *, is_watched: bool = True, **options) -> Page:
        size = {"width": 1440, "height": 900}
        context = new_context(base_url=url, viewport=size, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE_MS)
        if cookie:
            context.add_cookies([{"name": "tunebell", "value": cookie, "url": url}])
        page = context.new_page()
        if is_watched:
            watches.append(Watch(page))
        return page

    yield open_page
    assert [said for watch in watches for said in watch.complaints] == []
