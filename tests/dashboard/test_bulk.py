"""Many jobs changed at once: which ones, what is said of it, and what it costs."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Role
from alerts.models import Silence
from dashboard.bulk import DOINGS
from dashboard.queries import bulk
from jobs.models import Job
from tests.builders import NOON, a_connection, a_job, a_member, a_team
from tests.dashboard.job_pages import words_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def lab(team):
    return a_connection(team, slug="lab")


@pytest.fixture
def client(team) -> Client:
    client = Client()
    client.force_login(a_member(team, Role.EDITOR))
    return client


def do(client, action, *jobs, query="", **told):
    facts = {"action": action, "job": [job.pk for job in jobs], **told}
    return client.post(f"/jobs/bulk/{query}", facts)


def said(client) -> str:
    """What the list says next."""
    messages = client.get("/jobs/?view=all").context["messages"]
    return " ".join(str(one) for one in messages)


def now(job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_ticked_jobs_are_tagged(client, lab, team):
    new, had, other = a_job(lab), a_job(lab, tags=" eu prod "), a_job(lab)
    answer = do(client, "tag", new, had, tags="Prod", query="?state=running&export=1")
    assert answer.headers["Location"] == "/jobs/?state=running&export=1"
    assert [now(job).tags for job in (new, had, other)] == [" prod ", " eu prod ", ""]
    assert said(client) == "1 job is tagged prod. 1 was so already."
    team.refresh_from_db()
    assert team.tags == ["eu", "prod"]


def test_tags_are_taken_away_again(client, lab):
    jobs = [a_job(lab, tags=" eu prod ") for _ in range(2)]
    do(client, "untag", *jobs, a_job(lab), tags="prod")
    assert [now(job).tags for job in jobs] == [" eu ", " eu "]
    assert said(client) == "2 jobs are no longer tagged prod. 1 was not."


def test_without_tags_it_is_asked_for_them(client, lab):
    jobs = [a_job(lab, suffix=name) for name in ("one", "two")]
    answer = do(client, "tag", *jobs)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert f'name="jobs" value="{jobs[0].pk} {jobs[1].pk}"' in html
    assert "Tag 2 jobs" in html
    listed = f"{jobs[0].pk} {jobs[1].pk}"
    client.post("/jobs/bulk/", {"action": "tag", "jobs": listed, "tags": "prod"})
    assert {job.tags for job in Job.objects.all()} == {" prod "}


@pytest.mark.parametrize("tags", ["", "a/b", "x" * 41, "a\x00", " ".join(map(str, range(21)))])
def test_bad_tags_lose_no_tick(client, lab, tags):
    job = a_job(lab)
    answer = do(client, "tag", job, tags=tags)
    assert (answer.status_code, set(answer.context["form"].errors)) == (400, {"tags"})
    assert f'name="jobs" value="{job.pk}"' in answer.content.decode()
    assert now(job).tags == ""


def test_jobs_are_muted_and_ring_again(client, lab, team):
    new, muted, snoozed = (a_job(lab) for _ in range(3))
    later = timezone.now() + timedelta(hours=4)
    Silence.objects.create(job=muted)
    Silence.objects.create(job=snoozed, until=later)
    do(client, "mute", new, muted, snoozed)
    assert set(Silence.objects.values_list("until", flat=True)) == {None}
    assert said(client).startswith("2 jobs are muted")
    ended = a_job(lab)
    Silence.objects.create(job=ended, until=NOON)
    do(client, "unmute", new, muted, snoozed, ended)
    assert not Silence.objects.exists()
    assert said(client) == "3 jobs ring again. 1 was not silent."


def test_archiving_names_how_many_and_waits_for_a_yes(client, lab):
    jobs = [a_job(lab, suffix=f"bot-{number}", next_poll_at=NOON) for number in range(14)]
    answer = do(client, "archive", *jobs, query="?state=running")
    html = answer.content.decode()
    assert "Archive 14 jobs?" in html
    assert "And 2 more." in html
    assert Job.objects.filter(archived_at=None).count() == 14
    listed = " ".join(str(job.pk) for job in jobs)
    client.post("/jobs/bulk/", {"action": "archive", "jobs": listed, "is_sure": "1"})
    assert not Job.objects.filter(archived_at=None).exists()
    assert said(client).startswith("14 jobs are archived here.")


@pytest.mark.parametrize(
    ("action", "words"),
    [("mute", "Mute 3 jobs? Nobody is told"), ("unmute", "Unmute 3 jobs? They ring again")],
)
def test_all_of_a_list_is_not_silenced_or_woken_by_one_press(client, lab, action, words):
    jobs = [a_job(lab) for _ in range(3)]
    Silence.objects.create(job=jobs[0])
    answer = do(client, action, all="1")
    text = " ".join(words_of(answer.content.decode()).split())
    assert words in text
    assert Silence.objects.count() == 1
    listed = " ".join(str(job.pk) for job in jobs)
    client.post("/jobs/bulk/", {"action": action, "jobs": listed, "is_sure": "1"})
    assert Silence.objects.count() == {"mute": 3, "unmute": 0}[action]


def test_archived_jobs_are_restored_and_due_from_now_on(client, lab):
    gone = a_job(lab, archived_at=NOON, next_poll_at=NOON)
    do(client, "restore", gone, a_job(lab))
    assert now(gone).archived_at is None
    assert now(gone).next_poll_at > NOON
    assert said(client) == "1 job is back on the list. 1 was there."


def test_all_that_the_filter_shows_is_changed_only_when_it_is_said(client, lab):
    failed = [a_job(lab, state="failed") for _ in range(60)]
    running = a_job(lab)
    do(client, "tag", tags="prod", query="?state=failed&limit=20")
    assert said(client) == "Nothing was changed: tick the jobs first."
    do(client, "tag", tags="prod", all="1", query="?state=failed&limit=20&after=x")
    assert Job.objects.filter(tags=" prod ").count() == len(failed)
    assert now(running).tags == ""


def test_more_than_a_request_changes_is_refused_with_the_number(client, lab, monkeypatch):
    monkeypatch.setattr(bulk, "MOST", 2)
    jobs = [a_job(lab) for _ in range(3)]
    for ticked, told in (((), {"all": "1"}), (jobs, {})):
        assert do(client, "mute", *ticked, **told).status_code == 302
        assert said(client).startswith("These are 3 jobs; at most 2 are changed at once.")
    assert not Silence.objects.exists()


@pytest.mark.parametrize("action", DOINGS)
def test_jobs_of_another_team_are_not_to_be_had(client, lab, action):
    mine, theirs = a_job(lab), a_job()
    before = Job.objects.filter(pk=theirs.pk).values().get()
    told = {"tags": "prod", "is_sure": "1"}
    assert do(client, action, theirs, **told).status_code == 404
    assert do(client, action, mine, theirs, **told).status_code == 302
    do(client, action, all="1", **told)
    assert Job.objects.filter(pk=theirs.pk).values().get() == before
    assert not Silence.objects.filter(job=theirs).exists()


@pytest.mark.parametrize(
    "told",
    [
        {"action": ""},
        {"action": "delete", "job": "1"},
        {"action": "mute", "job": "x"},
        {"action": "mute", "jobs": "1 -2"},
        {"action": "mute", "jobs": "9" * 30},
    ],
)
def test_what_makes_no_sense_is_a_bad_request(client, lab, told):
    assert client.post("/jobs/bulk/", told).status_code == 400


def test_nothing_to_change_is_said(client, lab):
    do(client, "unmute", a_job(lab))
    assert said(client) == "Nothing was changed. 1 was not silent."


@pytest.mark.parametrize("action", DOINGS)
def test_each_is_one_entry_in_the_log_and_has_lists_fetch_again(client, lab, team, action):
    facts = {"archived_at": NOON} if action == "restore" else {}
    jobs = [a_job(lab, tags=" old ", provider_id=f"ft-{n}", **facts) for n in range(2)]
    Silence.objects.bulk_create(
        [Silence(job=job, until=None) for job in jobs if action == "unmute"]
    )
    do(client, action, *jobs, tags="old" if action == "untag" else "new", is_sure="1")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == (DOINGS[action].said, "2 jobs: ft-0, ft-1")
    assert entry.fields == {"tag": ["new"], "untag": ["old"]}.get(action, [])
    version = team.version
    team.refresh_from_db()
    assert team.version > version


@pytest.mark.parametrize("action", DOINGS)
def test_many_jobs_take_hardly_more_statements_than_one(client, lab, action):
    facts = {"archived_at": NOON} if action == "restore" else {}
    counts = []
    for number in (1, 150):
        jobs = [a_job(lab, tags=" old ", **facts) for _ in range(number)]
        with CaptureQueriesContext(database) as queries:
            do(client, action, *jobs, tags="old" if action == "untag" else "new", is_sure="1")
        counts.append(len(queries))
    assert counts[1] <= counts[0] <= 25


def test_a_viewer_is_offered_nothing(lab, team):
    a_job(lab)
    viewer, editor = Client(), Client()
    viewer.force_login(a_member(team, Role.VIEWER))
    editor.force_login(a_member(team, Role.EDITOR))
    pages = [one.get("/jobs/?export=1").content.decode() for one in (viewer, editor)]
    assert ["/jobs/bulk/" in html for html in pages] == [False, True]
    assert 'action="/jobs/bulk/?export=1"' in pages[1]
    assert 'form="ticked" name="action" value="archive"' in pages[1]


def compared(client, query, **told):
    return client.post(f"/jobs/compare/{query}", {"all": "1", **told}).headers["Location"]


def test_all_of_the_list_is_compared_in_its_order(client, lab):
    names = {"a": 0.5, "b": 0.2, "c": None, "d": 0.1}
    jobs = {
        name: a_job(
            lab, provider_id=name, tags=" sweep " if name != "d" else "", best_valid_loss=loss
        )
        for name, loss in names.items()
    }
    where = compared(client, "?sort=best&tag=sweep&limit=20", job=jobs["d"].pk)
    assert where == "/compare/?jobs=lab/b,lab/a,lab/c"


def test_more_jobs_than_a_comparison_holds_stay_on_the_list(client, lab):
    for _ in range(101):
        a_job(lab, state="failed")
    assert compared(client, "?state=failed") == "/jobs/?state=failed"
    assert said(client) == ("These are 101 jobs; a comparison holds 100. Narrow the filter first.")


def test_an_address_alone_never_means_all(client, lab):
    ticked, other = a_job(lab), a_job(lab)
    do(client, "mute", ticked, query="?all=1")
    assert [Silence.objects.filter(job=job).exists() for job in (ticked, other)] == [True, False]
