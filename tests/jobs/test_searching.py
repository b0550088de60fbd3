"""Finding jobs by words: what is searched, how it is compared, and who keeps the text."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from jobs import searching
from jobs.models import File, Job, SearchText
from tests.builders import a_connection, a_job, a_team

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
FACTS = {
    "provider_id": "ftjob-Ab12cd",
    "suffix": "Straßen-Bot",
    "base_model": "gpt-4.1-2025-04-14",
    "fine_tuned_model": "ft:gpt-4.1:acme::Xy9",
    "training_file": "file-train",
    "validation_file": "file-valid",
    "result_files": ["file-result"],
    "error_code": "invalid_training_file",
    "error_message": "Zeile 7 ist kein JSON: 100% daneben",
    "metadata": {"owner": "Dana", "nested": {"ticket": 4711}},
    "tags": " prod eu ",
    "note": "Überprüft am Montag",
}


def found(job: Job, q: str) -> bool:
    return job.pk in searching.hits([job.team_id], q).ids


@pytest.mark.parametrize(
    "q",
    [
        "ftjob-Ab12cd",
        "B12C",
        "straßen",
        "STRASSEN",
        "gpt-4.1",
        "xy9",
        "file-train",
        "file-valid",
        "file-result",
        "INVALID_training",
        "zeile json",
        "owner dana",
        "4711",
        "prod",
        "überprüft",
        "ÜBERPRÜFT",
        "u\u0308berpr",
        "100%",
        "  eu   montag ",
        'dana "kein  JSON"',
        '"ftjob-Ab12cd"',
    ],
)
def test_a_job_is_found_by_part_of_anything_it_says(q) -> None:
    assert found(a_job(**FACTS), q)


@pytest.mark.parametrize(
    "q", ["erin", "prod erin", "1%0", "owner_dana", "prod\teu\tus", "_", "\\", '"json kein"', '"']
)
def test_a_job_is_not_found_where_one_word_is_missing(q) -> None:
    job = a_job(**{**FACTS, "error_code": None, "fine_tuned_model": None})
    assert not found(job, q)


def test_no_word_finds_every_job() -> None:
    assert found(a_job(), "")


def test_jobs_of_other_teams_are_not_found() -> None:
    job = a_job(suffix="theirs")
    assert searching.hits([a_team().pk], "theirs").ids == ()
    assert found(job, "theirs")


def test_an_id_in_full_is_an_exact_hit_in_either_case() -> None:
    lab = a_connection()
    job, other = a_job(lab, provider_id="ftjob-Ab1"), a_job(lab, provider_id="ftjob-Ab12")
    hits = searching.hits([lab.team_id], "FTJOB-ab1")
    assert (set(hits.ids), hits.exact) == ({job.pk, other.pk}, (job.pk,))


def test_more_hits_than_are_named_are_all_found(monkeypatch) -> None:
    monkeypatch.setattr(searching, "MOST_NAMED", 2)
    lab = a_connection()
    jobs = [a_job(lab, suffix="many") for _ in range(4)]
    hits = searching.hits([lab.team_id], "many")
    assert hits.ids is None
    assert set(hits.among(Job.objects.all(), [lab.team_id])) == set(jobs)


def test_a_name_of_a_kept_file_finds_its_job() -> None:
    job = a_job(training_file="file-1", result_files=["file-2"])
    for number, name in ((1, "train_v7.jsonl"), (2, "metrics.csv")):
        File.objects.create(connection=job.connection, provider_id=f"file-{number}", filename=name)
    searching.refresh([job.pk])
    assert found(job, "TRAIN_V7")
    assert found(job, "metrics.csv")


def test_a_file_of_another_connection_is_not_the_job_s() -> None:
    job = a_job(training_file="file-1")
    File.objects.create(connection=a_connection(), provider_id="file-1", filename="theirs.jsonl")
    searching.refresh([job.pk])
    assert not found(job, "theirs")


def test_texts_that_databases_refuse_and_endless_ones_are_cut() -> None:
    long = {"error_message": "é" * 70_000, "metadata": {"k\ud800": "x\x00y" * 20_000}}
    text = searching.text_of({**FACTS, **long})
    assert len(text) == searching.MOST_CHARS
    assert not set(text) & {"\x00", "\ud800"}
    assert "montag" in text


def test_many_jobs_are_written_by_few_statements() -> None:
    lab = a_connection()
    ids = [a_job(lab, training_file=f"file-{number}").pk for number in range(30)]
    with CaptureQueriesContext(database) as asked:
        searching.refresh(ids)
    assert len(asked) <= 3


def test_what_is_polled_is_found(provider, connection, poll) -> None:
    name = provider.serves(user_provided_suffix="Papagei")
    poll()
    job = Job.objects.get(provider_id=name)
    assert found(job, "papagei")
    provider.serves(name, "failed", error={"code": "odd", "message": "Kakadu", "param": None})
    poll()
    assert found(job, "kakadu")
    assert not found(job, "papagei")


def test_names_of_files_that_are_read_are_found(provider, connection, poll) -> None:
    described = {"id": "file-r", "object": "file", "bytes": 3, "filename": "Ergebnis.csv"}
    name = provider.serves(status="succeeded", result_files=["file-r"], files=[described])
    poll(3)
    assert found(Job.objects.get(provider_id=name), "ergebnis.csv")


def test_a_poll_that_changes_no_word_writes_none(provider, connection, poll) -> None:
    name = provider.serves()
    poll(2)
    provider.serves(name, trained_tokens=12_345)
    with CaptureQueriesContext(database) as asked:
        poll()
    assert Job.objects.get().trained_tokens == 12_345
    assert not any("jobs_searchtext" in query["sql"] for query in asked)


def test_jobs_from_before_are_found_after_the_migration() -> None:
    job = a_job(suffix="Ältester", training_file="file-1")
    File.objects.create(connection=job.connection, provider_id="file-1", filename="alt.jsonl")
    SearchText.objects.all().delete()
    migration = import_module("jobs.migrations.0010_search")
    migration.write_texts(apps, database.schema_editor())
    assert found(job, "ältester alt.jsonl")
