"""The base models on the page of a connection."""

import re
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Role
from dashboard.queries.catalog import catalog_panel, limit_words
from jobs.models import BaseModel, Catalog
from tests.builders import NOON, a_connection, a_job, a_member

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)


@pytest.fixture
def connection():
    return a_connection(slug="lab")


def a_browser(connection, role=Role.EDITOR):
    browser = Client()
    browser.force_login(a_member(connection.team, role))
    return browser


def a_model(connection, name, **facts):
    seen = {"first_seen_at": NOON, "last_seen_at": NOON}
    return BaseModel.objects.create(connection=connection, name=name, **{**seen, **facts})


def text_of(browser):
    page = browser.get("/connections/lab/").content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_models_that_jobs_use_come_first_and_the_soonest_to_retire_before_the_rest(connection):
    for name, day in (("far", 400), ("near", 5), ("gone", -3), ("never", None), ("idle", 1)):
        when = TODAY + timedelta(days=day) if day is not None else None
        a_model(connection, name, shutdown_on=when)
    for name in ("never", "far", "gone", "near", "near", "unlisted"):
        a_job(connection, base_model=name)
    panel = catalog_panel(connection, TODAY)
    assert [row.name for row in panel.used] == ["gone", "near", "far", "never", "unlisted"]
    assert [row.name for row in panel.others] == ["idle"]
    assert [row.word for row in panel.used] == ["Retired", "Retires soon", "", "", ""]
    assert [row.retires for row in panel.used[:2]] == ["3 days ago", "in 5 days"]
    assert panel.used[1].jobs == 2


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"active_jobs": 2, "max_concurrent_jobs": 5}, ("2 of 5 active", "")),
        ({"active_jobs": 2}, ("", "active_jobs 2")),
        ({"limits.max": 5}, ("", "limits.max 5")),
        ({}, ("", "")),
        ({f"max_{n}": n for n in range(9)}, ("", ", ".join(f"max_{n} {n}" for n in range(8)) + " and 1 more")),
    ],
)  # fmt: skip
def test_limits_are_told_in_the_names_of_the_provider(numbers, words):
    assert limit_words(numbers) == words


def test_the_panel_shows_day_limits_and_age(connection):
    a_model(connection, "gpt-x", shutdown_on=timezone.now().date() + timedelta(days=53),
            limits={"active_jobs": 2, "max_concurrent_jobs": 5})  # fmt: skip
    a_job(connection, base_model="gpt-x")
    Catalog.objects.create(connection=connection, read_at=NOON, limits_read_at=NOON)
    shown = text_of(a_browser(connection))
    assert "in 53 days" in shown
    assert "2 of 5 active" in shown
    assert "As of 2025-11-20" in shown


def test_a_model_of_our_own_that_is_trained_further_counts_for_its_origin(connection):
    a_job(connection, base_model="gpt-x")
    a_job(connection, base_model="ft:gpt-x:acme::1")
    assert [(row.name, row.jobs) for row in catalog_panel(connection, TODAY).used] == [("gpt-x", 2)]


def test_a_provider_that_does_not_say_is_told_and_nothing_else_is_wrong(connection):
    Catalog.objects.create(connection=connection, trouble="models: No such route\nlimits: No <b>")
    shown = text_of(a_browser(connection))
    assert "The list of models could not be read: No such route." in shown
    assert "Limits could not be read: No &lt;b&gt;." in shown


def test_before_the_first_reading_it_says_so(connection):
    assert "The list of models has not been read yet." in text_of(a_browser(connection))


def test_limits_of_an_unknown_shape_are_shown_as_they_came(connection):
    Catalog.objects.create(connection=connection, limits_read_at=NOON, limits=[{"tier": "gold"}])
    assert "Limits as the provider says them" in text_of(a_browser(connection))


def test_a_day_is_set_by_hand_and_taken_back(connection):
    a_job(connection, base_model="azure-model")
    browser = a_browser(connection)
    browser.post("/connections/lab/models/", {"model": "azure-model", "day": "2027-05-01"})
    assert "2027-05-01 , set by hand" in text_of(browser)
    browser.post("/connections/lab/models/", {"model": "azure-model", "day": ""})
    assert BaseModel.objects.get().retires_on is None
    assert AuditEntry.objects.filter(action__startswith="retirement day").count() == 2


@pytest.mark.parametrize(
    "sent",
    [{}, {"model": "nobody", "day": "2027-05-01"}, {"model": "m", "day": "soon"}, {"model": "m", "day": "1999-01-01"}],
)  # fmt: skip
def test_a_day_that_makes_no_sense_is_refused_and_nothing_lost(connection, sent):
    a_model(connection, "m", shutdown_on_by_hand=TODAY)
    browser = a_browser(connection)
    answer = browser.post("/connections/lab/models/", sent, follow=True)
    assert "Nothing was saved." in answer.content.decode()
    assert BaseModel.objects.get().shutdown_on_by_hand == TODAY


def test_a_viewer_sees_the_days_and_no_form(connection):
    a_model(connection, "m", shutdown_on=TODAY)
    viewer = a_browser(connection, Role.VIEWER)
    assert "Set a day by hand" not in text_of(viewer)
    assert viewer.post("/connections/lab/models/", {"model": "m"}).status_code == 403
