"""The archive on the page of a connection."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role
from jobs.models import Backfill, File, Job
from jobs.poll import poll_due
from tests.builders import NOON, a_connection, a_job, a_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection():
    return a_connection(slug="lab")


@pytest.fixture
def editor(connection):
    browser = Client()
    browser.force_login(a_member(connection.team, Role.EDITOR))
    return browser


def page(browser):
    return browser.get("/connections/lab/").content.decode()


def test_it_offers_to_archive_what_is_known(editor, connection):
    a_job(connection, state="succeeded")
    shown = page(editor)
    assert "Archive everything" in shown
    assert "0 of 1 finished job" in shown
    assert 'class="button primary">Archive everything' in shown
    Job.objects.update(settled_at=NOON)
    assert 'class="button">Archive everything' in page(editor)


def test_started_paused_and_gone_on_with(editor):
    editor.post("/connections/lab/backfill/start/")
    assert "Reading the list" in page(editor)
    editor.post("/connections/lab/backfill/pause/")
    assert "Go on" in page(editor)
    editor.post("/connections/lab/backfill/start/")
    assert Backfill.objects.get().state == "running"
    assert AuditEntry.objects.filter(action__startswith="backfill.").count() == 3


def test_a_running_archive_refreshes_the_page_more_often(editor):
    assert 'data-live="30"' in page(editor)
    editor.post("/connections/lab/backfill/start/")
    assert 'data-live="5"' in page(editor)


def test_a_quiet_poll_of_a_running_archive_is_a_304(editor):
    editor.post("/connections/lab/backfill/start/")
    poll = {"HX-Request": "true"}
    first = editor.get("/connections/lab/", headers=poll)
    again = editor.get("/connections/lab/", headers={**poll, "HX-PTag": first["HX-PTag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert "<html" not in first.content.decode()


def test_failed_jobs_are_counted_and_can_be_tried_again(editor, connection):
    a_job(connection, state="failed", trouble_count=5)
    Backfill.objects.create(connection=connection, listed_at=NOON, state="done")
    assert "1 failed" in page(editor)
    editor.post("/connections/lab/backfill/retry/")
    assert Job.objects.get().trouble_count == 0


def test_what_became_of_files_is_counted(editor, connection):
    assert "Files:" not in page(editor)
    fates = ("stored", "stored", "too_large", "refused", "wanted", "metadata")
    for number, fate in enumerate(fates):
        File.objects.create(connection=connection, provider_id=f"file-{number}", fetch=fate)
    File.objects.create(connection=a_connection(), provider_id="file-theirs", fetch="gone")
    said = "2 kept, 1 could not be read, 1 refused by the provider, 1 too large to keep."
    assert f"Files: {said}" in page(editor)


def test_a_viewer_sees_the_progress_and_no_button(connection):
    viewer = Client()
    viewer.force_login(a_member(connection.team, Role.VIEWER))
    assert "Archive everything" not in page(viewer)
    assert viewer.post("/connections/lab/backfill/start/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_an_archive_started_on_the_page_is_read_by_the_ordinary_poll(provider):
    connection = a_connection(slug="lab", base_url=provider.url)
    browser = Client()
    browser.force_login(a_member(connection.team, Role.EDITOR))
    for serial in range(3):
        provider.serves(f"ftjob-{serial}", status="succeeded", finished_at=1, training_file=None)
    browser.post("/connections/lab/backfill/start/")
    while Backfill.objects.get().state != "done":
        Backfill.objects.update(next_step_at=NOON)
        poll_due(budget_s=20)
    assert "3 of 3 finished jobs read in full" in page(browser)
