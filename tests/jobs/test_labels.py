"""Tags and notes: what may be one, who loses nothing, and what stands on the team afterwards."""

import doctest
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection as database
from django.db import connections
from django.test.utils import CaptureQueriesContext

from jobs import labels, tracking
from jobs.models import Job
from tests.builders import a_connection, a_job, a_team

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def lab(team):
    return a_connection(team)


def tags_in_use(team) -> list[str]:
    team.refresh_from_db()
    return team.tags


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", ()),
        ("  ", ()),
        ("prod", ("prod",)),
        ("PROD, eu;lab\nprod", ("prod", "eu", "lab")),
        ("run:7 v1.2_final-a", ("run:7", "v1.2_final-a")),
        ("Straße ÄPFEL 模型", ("strasse", "äpfel", "模型")),
        ("x" * 40, ("x" * 40,)),
    ],
)
def test_a_text_names_tags(text, tags):
    assert labels.checked_tags(text) == tags


@pytest.mark.parametrize(
    "text",
    ["a/b", "<b>", "a%b", "x" * 41, "a\x00b", "a\u202eb", "🔔", "ß" * 21, "'", "a\u200bb", "#x"],
)
def test_what_cannot_be_a_tag_is_named(text):
    with pytest.raises(ValueError, match="cannot be a tag"):
        labels.checked_tags(f"prod {text}")


def test_the_example_of_tags_in_a_text_holds():
    assert doctest.testmod(labels).failed == 0


def test_the_guide_names_the_bounds_of_today():
    guide = (settings.BASE_DIR / "docs/howto/views.md").read_text()
    assert f"at most {labels.MOST_TAGS} tags, a team {labels.MOST_OF_TEAM}" in guide


def test_more_tags_than_a_job_holds_are_refused():
    with pytest.raises(ValueError, match="at most 20 tags; these are 21"):
        labels.checked_tags(" ".join(f"t{number}" for number in range(21)))


def test_tags_stand_on_the_job_with_spaces_around_and_on_the_team_in_order(team, lab):
    job = a_job(lab)
    assert labels.tag(team, [job.pk], add=("prod", "eu")).changed == 1
    job.refresh_from_db()
    assert (job.tags, tags_in_use(team)) == (" eu prod ", ["eu", "prod"])


def test_a_tag_that_no_job_carries_any_more_is_dropped(team, lab):
    one, other = a_job(lab), a_job(lab)
    labels.tag(team, [one.pk, other.pk], add=("eu", "prod"))
    labels.tag(team, [one.pk], remove=("eu", "prod"))
    assert tags_in_use(team) == ["eu", "prod"]
    labels.tag(team, [other.pk], remove=("eu",))
    assert tags_in_use(team) == ["prod"]
    tracking.remove(other)
    assert tags_in_use(team) == []


def test_it_is_said_how_many_changed_and_how_many_were_full(team, lab):
    new, same, full = a_job(lab), a_job(lab, tags=" prod "), a_job(lab)
    labels.tag(team, [full.pk], add=[f"t{number}" for number in range(20)])
    said = labels.tag(team, [new.pk, same.pk, full.pk], add=("prod",))
    assert said == labels.Labelled(changed=1, same=1, full=1)
    full.refresh_from_db()
    assert len(full.tags.split()) == 20


def test_twenty_tags_of_forty_letters_fit(team, lab):
    job = a_job(lab)
    labels.tag(team, [job.pk], add=[f"{number:040}" for number in range(20)])
    job.refresh_from_db()
    assert len(labels.tags_of(job.tags)) == 20


def test_jobs_of_another_team_are_left_alone(team):
    foreign = a_job()
    assert labels.tag(team, [foreign.pk], add=("mine",)) == labels.Labelled()
    assert not labels.set_note(team, foreign.pk, "mine", labels.mark_of(""))
    foreign.refresh_from_db()
    assert (foreign.tags, foreign.note, tags_in_use(team)) == ("", "", [])


def test_open_pages_fetch_again_where_something_changed(team, lab):
    job = a_job(lab)
    labels.tag(team, [job.pk], add=("prod",))
    labels.tag(team, [job.pk], add=("prod",))
    labels.set_note(team, job.pk, "hello", labels.mark_of(""))
    labels.set_note(team, job.pk, "hello", labels.mark_of("hello"))
    job.refresh_from_db()
    team.refresh_from_db()
    assert (job.version, team.version) == (2, 2)


def test_a_team_has_a_bounded_number_of_tags(team, lab, monkeypatch):
    monkeypatch.setattr(labels, "MOST_OF_TEAM", 2)
    job = a_job(lab)
    labels.tag(team, [job.pk], add=("a", "b"))
    with pytest.raises(ValueError, match="at most 2 different tags"):
        labels.tag(team, [job.pk], add=("c",))
    job.refresh_from_db()
    assert (job.tags, tags_in_use(team)) == (" a b ", ["a", "b"])


def test_many_jobs_take_the_statements_of_one(team, lab):
    few, many = [a_job(lab).pk], [a_job(lab).pk for _ in range(120)]
    with CaptureQueriesContext(database) as one:
        labels.tag(team, few, add=("prod",))
    with CaptureQueriesContext(database) as all_of_them:
        labels.tag(team, many, add=("prod",))
    assert len(all_of_them) <= len(one)
    assert Job.objects.filter(tags=" prod ").count() == 121


def test_a_note_keeps_its_lines_and_loses_what_cannot_be_seen():
    assert labels.checked_note("  one\r\ntwo\x00\x07\tthree\n") == "one\ntwo\tthree"


def test_a_note_is_as_long_as_it_may_be():
    assert len(labels.checked_note("ß" * 4000)) == 4000
    with pytest.raises(ValueError, match="4000 characters; this one has 4001"):
        labels.checked_note("x" * 4001)


def test_a_note_is_not_written_over_one_that_was_not_seen(team, lab):
    job = a_job(lab)
    labels.set_note(team, job.pk, "theirs", labels.mark_of(""))
    with pytest.raises(labels.Overtaken) as caught:
        labels.set_note(team, job.pk, "mine", labels.mark_of(""))
    assert caught.value.note == "theirs"
    job.refresh_from_db()
    assert job.note == "theirs"


def test_what_people_said_stays_when_the_job_is_observed(provider, poll):
    job_id = provider.serves(status="running")
    connection = a_connection(base_url=provider.url)
    poll()
    job = Job.objects.get(provider_id=job_id)
    labels.tag(connection.team, [job.pk], add=("prod",))
    labels.set_note(connection.team, job.pk, "Ask Dana", labels.mark_of(""))
    provider.serves(job_id, status="succeeded")
    poll()
    job.refresh_from_db()
    assert (job.state, job.tags, job.note) == ("succeeded", " prod ", "Ask Dana")


@pytest.mark.django_db(transaction=True)
def test_two_who_tag_at_the_same_time_lose_nothing(team, lab):
    jobs = [a_job(lab).pk for _ in range(3)]

    def one(number: int) -> None:
        try:
            labels.tag(team, jobs if number % 2 else jobs[::-1], add=(f"t{number}",))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(one, range(8)))
    tags = [f"t{number}" for number in range(8)]
    assert {labels.tags_of(job.tags) for job in Job.objects.all()} == {tuple(tags)}
    assert tags_in_use(team) == tags
    assert set(Job.objects.values_list("version", flat=True)) == {8}


@pytest.mark.django_db(transaction=True)
def test_tags_given_and_taken_at_the_same_time_are_all_counted(team, lab):
    jobs = [a_job(lab, tags=" old ").pk for _ in range(6)]

    def one(number: int) -> None:
        try:
            labels.tag(team, [jobs[number]], add=(f"t{number}",), remove=("old",))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as crowd:
        list(crowd.map(one, range(6)))
    assert tags_in_use(team) == [f"t{number}" for number in range(6)]
