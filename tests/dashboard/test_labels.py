"""Tags and note on the page of a job: who sees them, who changes them, and that nothing typed is lost."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role
from jobs.labels import mark_of
from tests.builders import a_connection, a_job, a_member, a_team

pytestmark = pytest.mark.django_db
HOSTILE = "<script>x()</script>\nhttp://evil.example \u202eoverride"


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def job(team):
    return a_job(a_connection(team, slug="lab"), provider_id="ftjob-1")


@pytest.fixture
def client(team) -> Client:
    return client_of(team, Role.EDITOR)


def client_of(team, role) -> Client:
    client = Client()
    client.force_login(a_member(team, role))
    return client


def save(client, **told):
    facts = {"tags": "", "note": "", "had": "", "seen": mark_of(""), **told}
    return client.post("/jobs/lab/ftjob-1/labels/", facts)


def labels_now(job) -> tuple[str, str]:
    job.refresh_from_db()
    return job.tags, job.note


def page(client) -> str:
    return client.get("/jobs/lab/ftjob-1/").content.decode()


def test_an_editor_gives_tags_and_a_note(client, job):
    assert save(client, tags="Prod eu", note="Ask Dana\nfirst").headers["Location"] == (
        "/jobs/lab/ftjob-1/"
    )
    assert labels_now(job) == (" eu prod ", "Ask Dana\nfirst")
    html = page(client)
    assert '<a class="tag" href="/jobs/?tag=prod"><bdi>prod</bdi></a>' in html
    assert "Ask Dana\nfirst</p>" in html
    entry = AuditEntry.objects.get(action="job labelled")
    assert (entry.subject, entry.fields) == ("ftjob-1", ["note", "tags"])


def test_a_viewer_sees_them_and_no_form(team, job, client):
    save(client, tags="prod", note="Ask Dana")
    html = page(client_of(team, Role.VIEWER))
    assert "Ask Dana" in html
    assert "?tag=prod" in html
    assert "labels-tags" not in html


def test_nothing_is_shown_to_a_viewer_where_nothing_was_said(team, job):
    assert 'class="labels"' not in page(client_of(team, Role.VIEWER))


@pytest.mark.parametrize(("note", "folded"), [("x" * 300, 0), ("x" * 301, 1), ("a\nb\nc\nd\ne", 1)])
def test_a_long_note_is_folded(client, job, note, folded):
    save(client, note=note)
    html = page(client)
    assert html.count("<summary>Note: ") == folded
    assert f"{note}</p>" in html


def test_a_note_is_text_and_no_markup(client, job):
    save(client, note=HOSTILE)
    html = page(client)
    assert "&lt;script&gt;x()" in html
    assert 'href="http://evil' not in html


@pytest.mark.parametrize("tags", ["a/b", "x" * 41, "a\x00b", " ".join(map(str, range(21)))])
def test_bad_tags_give_an_error_beside_the_field_and_lose_nothing(client, job, tags):
    answer = save(client, tags=tags, note="A long thought")
    assert answer.status_code == 400
    assert answer.context["form"].errors.keys() == {"tags"}
    assert "A long thought" in answer.content.decode()
    assert labels_now(job) == ("", "")


def test_a_note_that_is_too_long_is_kept_in_the_form(client, job):
    answer = save(client, note="x" * 4001)
    assert answer.status_code == 400
    assert "x" * 4001 in answer.content.decode()
    assert labels_now(job) == ("", "")


def test_tags_that_a_colleague_gave_meanwhile_stay(client, job):
    save(client, tags="theirs")
    save(client, tags="mine", had="")
    assert labels_now(job)[0] == " mine theirs "
    save(client, tags="", had="mine")
    assert labels_now(job)[0] == " theirs "


def test_a_note_of_a_colleague_is_shown_before_it_is_replaced(client, job):
    save(client, note="theirs")
    answer = save(client, tags="prod", note="mine", seen=mark_of(""))
    assert answer.status_code == 400
    html = answer.content.decode()
    assert "“theirs”" in html
    assert ">\nmine</textarea>" in html
    assert labels_now(job) == ("", "theirs")
    save(client, tags="prod", note="mine", seen=answer.context["form"]["seen"].value())
    assert labels_now(job) == (" prod ", "mine")


def test_a_full_job_says_so(client, job):
    save(client, tags=" ".join(f"t{number}" for number in range(20)))
    answer = save(client, tags="more", note="kept")
    assert answer.context["form"].errors["tags"] == ["A job has at most 20 tags."]
    assert labels_now(job)[1] == ""


def test_saving_what_is_there_is_no_change(client, job):
    save(client, tags="prod")
    save(client, tags="prod", had="prod")
    assert AuditEntry.objects.filter(action="job labelled").count() == 1


def test_the_form_stands_on_a_page_of_its_own_too(client, job):
    save(client, tags="prod eu", note="Ask Dana")
    html = client.get("/jobs/lab/ftjob-1/labels/").content.decode()
    assert 'value="eu prod"' in html
    assert "Ask Dana</textarea>" in html


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("tag=prod", {"both", "prod"}),
        ("tag=prod&tag=eu", {"both"}),
        ("tag=pro", set()),
        ("tag=p_od", set()),
        ("tag=%25", {"both", "prod", "none"}),
    ],
)
def test_the_list_is_narrowed_to_jobs_with_all_of_the_tags(client, team, asked, found):
    lab = a_connection(team)
    for name, tags in (("both", " eu prod "), ("prod", " prod "), ("none", "")):
        a_job(lab, suffix=name, tags=tags)
    page = client.get(f"/jobs/?{asked}").context["page"]
    assert {row.name for row in page.rows} == found
