"""What is done to a connection and to its jobs from their pages."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from jobs.manners import refused_now, with_refusals
from jobs.models import Connection, Job
from tests.builders import NOON, a_connection, a_job
from tests.dashboard.connections.form import KEY, text

pytestmark = pytest.mark.django_db


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


def test_polling_now_asks_for_what_was_refused_but_keeps_the_pace(editor, team):
    later = timezone.now() + timedelta(minutes=1)
    refused = with_refusals({}, {"files": "no"}, timezone.now())
    row = a_connection(team, refused=refused, paced_until=later)
    answer = editor.post(f"/connections/{row.slug}/poll/", follow=True)
    row.refresh_from_db()
    assert refused_now(row.refused, timezone.now()) == frozenset()
    assert row.paced_until == later
    assert "as soon as its pace allows" in text(answer)


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
