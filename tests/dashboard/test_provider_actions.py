"""/jobs/<connection>/<job>/provider/<action>/: confirmed, sent once, answered on the page."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Role
from jobs.models import Job
from tests.builders import a_connection, a_job, a_member, a_team, a_transition
from tests.jobs.acting import Actor

pytestmark = pytest.mark.django_db
PAGE = "/jobs/lab/ftjob-one/"
CANCEL, PAUSE = f"{PAGE}provider/cancel/", f"{PAGE}provider/pause/"


@pytest.fixture
def actor():
    one = Actor()
    one.runs()
    yield one
    one.close()


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def job(actor, team):
    return actor.job(actor.connection(team=team))


@pytest.fixture
def client(team):
    return signed_in(team, Role.EDITOR)


def signed_in(team, role):
    client = Client()
    client.force_login(a_member(team, role, name="Dana"))
    return client


def text_of(response):
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def confirm(client, path, **form):
    stage = client.get(path).context["page"].stage
    return text_of(client.post(path, {"stage": stage, **form}, follow=True))


def test_the_page_of_a_running_job_offers_what_the_provider_can_do(client, job):
    shown = text_of(client.get(PAGE))
    assert "Pause training" in shown
    assert "Cancel job" in shown
    assert "Resume training" not in shown


def test_a_viewer_is_offered_nothing(team, job):
    shown = text_of(signed_in(team, Role.VIEWER).get(PAGE))
    assert "provider/cancel" not in shown


def test_the_confirmation_names_job_connection_and_consequence(client, job):
    shown = text_of(client.get(CANCEL))
    for words in ("Cancel bell?", "ftjob-one", "Lab", job.connection.base_url, "for good"):
        assert words in shown


def test_looking_at_the_confirmation_sends_nothing(client, actor, job):
    client.get(CANCEL)
    assert actor.posts() == []


def test_the_providers_answer_is_on_the_page_of_the_job(client, actor, job):
    assert "accepted to cancel bell and says the job is now cancelled" in confirm(client, CANCEL)
    assert actor.posts() == ["cancel"]


def test_a_refusal_is_shown_with_its_words_and_status(client, actor, job):
    actor.ends(actor.runs())
    assert "refused to pause bell. 409: Job ftjob-one cannot be paused" in confirm(client, PAUSE)


def test_the_page_of_the_connection_says_what_its_key_may_not_do(client, actor, job):
    actor.breaks("status", status=403, body={"error": {"message": "Missing scope"}})
    assert "The key of this connection may not cancel jobs." in confirm(client, CANCEL)
    shown = text_of(client.get("/connections/lab/"))
    assert "Cancel refused" in shown
    assert "Missing scope" in shown
    assert "asked again" not in shown


def test_a_lost_answer_is_shown_as_what_nobody_knows(client, actor, job):
    actor.breaks("status", status=502)
    assert "Nobody knows whether bell was cancelled" in confirm(client, CANCEL)


def test_a_second_press_sends_nothing_and_shows_what_came_of_the_first(client, actor, job):
    form = {"stage": client.get(CANCEL).context["page"].stage}
    client.post(CANCEL, form)
    second = text_of(client.post(CANCEL, form, follow=True))
    assert "It is not sent twice" in second
    assert "by Dana: accepted" in second
    assert actor.posts() == ["cancel"]


def test_a_form_that_was_open_while_the_job_moved_on_sends_nothing(client, actor, job):
    stage = client.get(CANCEL).context["page"].stage
    a_transition(job, rings=False)
    said = text_of(client.post(CANCEL, {"stage": stage}, follow=True))
    assert "The job has changed" in said
    assert actor.posts() == []


@pytest.mark.parametrize("stage", ["", "x", "-1", "²"])
def test_an_incomplete_form_sends_nothing_and_comes_again(client, actor, job, stage):
    response = client.post(CANCEL, {"stage": stage})
    assert response.status_code == 400
    assert "Nothing was sent" in response.content.decode()
    assert actor.posts() == []


def test_what_makes_no_sense_now_says_so_without_a_button(client, job):
    response = client.get(f"{PAGE}provider/resume/")
    assert "The job is running: there is nothing to resume." in text_of(response)
    assert 'name="stage"' not in response.content.decode()


def test_a_provider_without_the_action_says_so(client, team):
    classic = a_connection(
        team, dialect="azure", base_url="http://127.0.0.1:9/openai", slug="azure"
    )
    job = a_job(classic)
    shown = text_of(client.get(f"/jobs/azure/{job.provider_id}/provider/pause/"))
    assert "This provider has no way to pause a job." in shown


def test_where_watching_is_paused_the_page_says_what_to_do(client, job):
    Job.objects.update(is_paused=True)
    assert "Watching is paused here: watch it again" in confirm(client, CANCEL)


def test_an_action_whose_answer_never_came_is_said_to_be_open(client, team, job):
    AuditEntry.objects.create(
        team=team, action="job cancel asked", subject="ftjob-one (lab)", at=timezone.now()
    )
    assert "a command: no answer is known yet" in text_of(client.get(CANCEL))


def test_another_job_with_a_like_name_is_not_meant(client, team, job):
    AuditEntry.objects.create(team=team, action="job cancel asked", subject="ftjob-one2 (lab)")
    AuditEntry.objects.create(team=team, action="job cancel asked", subject="ftjob-one (lab-2)")
    assert client.get(CANCEL).context["page"].attempt is None
