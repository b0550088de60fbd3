"""What nobody looks at any more says so: on the list, on the page of a job, and where a look is asked for."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from jobs.models import Connection, Job
from tests.builders import NOON, a_connection, a_job, a_member
from tests.dashboard.job_pages import page_of, words_of

pytestmark = pytest.mark.django_db
MARK = "not watched"


@pytest.fixture
def client(lab) -> Client:
    client = Client()
    client.force_login(a_member(lab.team, Role.EDITOR))
    return client


def listed(client, query="?view=all") -> str:
    return " ".join(words_of(client.get(f"/jobs/{query}").content.decode()).split())


def test_rows_that_stand_still_say_so(client, lab) -> None:
    a_job(lab, suffix="still", is_paused=True)
    a_job(lab, suffix="moving")
    a_job(lab, suffix="over", state="succeeded", is_paused=True)
    text = listed(client)
    assert text.count(MARK) == 1
    assert re.search(rf"still\s+{MARK} · ", text)  # the end of the line may be cut


def test_an_archived_job_that_may_still_run_is_not_said_to_be_watched(client, lab) -> None:
    a_job(lab, archived_at=NOON)
    assert MARK in listed(client, "?archived=1")


def test_a_paused_connection_is_named_above_its_rows(client, lab) -> None:
    a_job(lab, suffix="still")
    assert "as last seen" not in listed(client)
    Connection.objects.update(is_paused=True, last_good_at=NOON)
    text = listed(client)
    assert f"Watching of {lab.name} is paused: its jobs are as last seen, 2025-11-20" in text
    assert MARK in text


def test_a_filter_for_another_connection_leaves_it_out(client, lab) -> None:
    a_connection(lab.team, slug="old", name="Old", is_paused=True)
    assert "Watching of Old is paused" in listed(client)
    assert "Watching of Old" not in listed(client, f"?connection={lab.slug}")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"is_paused": True, "health": "rejected"}, "is paused. What follows is as last seen"),
        ({"archived_at": NOON}, "is over: it was put away 2025-11-20"),
    ],
)
def test_the_page_of_a_job_says_that_its_connection_rests(client, lab, facts, words) -> None:
    job = a_job(lab)
    assert "Poll now" in page_of(client, job)
    Connection.objects.update(**facts)
    text = " ".join(words_of(page_of(client, job)).split())
    assert words in text
    assert "Poll now" not in text
    assert "Next try" not in text


def test_a_job_of_which_everything_is_known_needs_no_such_word(client, lab) -> None:
    job = a_job(lab, state="succeeded", ended_at=NOON, settled_at=NOON)
    Connection.objects.update(is_paused=True)
    assert "What follows is as last seen" not in page_of(client, job)


def test_an_open_page_learns_that_its_connection_was_paused(client, lab) -> None:
    address = f"/jobs/{lab.slug}/{a_job(lab, last_seen_at=timezone.now()).provider_id}/"
    tag = client.get(address, headers={"HX-Request": "true"}).headers["HX-PTag"]
    Connection.objects.update(is_paused=True)
    again = client.get(address, headers={"HX-Request": "true", "HX-PTag": tag})
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        (Connection, {"is_paused": True}),
        (Connection, {"archived_at": NOON}),
        (Job, {"is_paused": True}),
        (Job, {"archived_at": NOON}),
    ],
)
def test_no_look_is_promised_that_nobody_takes(client, lab, model, facts) -> None:
    job = a_job(lab, next_poll_at=None)
    model.objects.update(**facts)
    client.post(f"/jobs/{lab.slug}/{job.provider_id}/poll/")
    text = " ".join(words_of(page_of(client, job)).split())
    assert "Nothing was asked: " in text
    assert "is asked about with the next tick" not in text
    assert Job.objects.get().next_poll_at is None
