"""Exports: everything that is stored of the jobs is in them, and nothing of anybody else."""

import base64
import csv
import hashlib
import io
import json
import time
import tracemalloc
import zipfile
import zlib
from contextlib import closing

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.export import FORMATS, reading, table
from jobs.models import (
    Checkpoint,
    Event,
    File,
    Job,
    Point,
    PointSource,
    Snapshot,
    Transition,
)
from simulator.population import World
from simulator.serving import serve_in_thread
from tests.builders import NOON, a_connection, a_job, a_transition

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
CSV = b"step,train_loss,valid_loss\n1,2.5,\n2,1.5,1.9\n"


def exported(kind, jobs=None) -> bytes:
    return b"".join(FORMATS[kind].stream(Job.objects.all() if jobs is None else jobs, NOON))


def as_zip(jobs=None) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(exported("zip", jobs)))


def as_table(written: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written.decode(), newline="")))


def as_lines(written: bytes) -> list[dict]:
    return [json.loads(line) for line in written.decode().splitlines()]


def a_full_job(connection, **facts) -> Job:
    job = a_job(connection, state="succeeded", result_files=["file-r"], **facts)
    seen = {"first_seen_at": NOON, "last_seen_at": NOON, "fingerprint": "0" * 32}
    body = json.dumps({"id": job.provider_id, "status": "succeeded", "odd": [1e-7, None]})
    Snapshot.objects.create(job=job, source="retrieve", body=body, **seen)
    Event.objects.create(job=job, provider_id="e1", created_at=NOON, body={"loss": 2.5})
    Checkpoint.objects.create(job=job, provider_id="c1", step=2, metrics={"valid_loss": 1.9})
    for step in range(5):
        Point.objects.create(
            job=job,
            metric="train_loss",
            step=step,
            value=step / 2,
            source=PointSource.EVENT,
            seen_at=NOON,
        )
    a_transition(job, reason="it said so")
    return job


def a_file(connection, content: bytes, **facts) -> File:
    return File.objects.create(
        **{
            "connection": connection,
            "provider_id": "file-r",
            "filename": "step_metrics.csv",
            "fetch": File.Fetch.STORED,
            "content": zlib.compress(content),
            "content_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "kind": "csv",
            **facts,
        }
    )


@pytest.fixture
def observed(poll):
    """Jobs of the simulator, read to their end."""
    world = World(seed=7, epoch=time.time(), speed=1e6, population="12")
    with closing(serve_in_thread(world)) as running:
        connection = a_connection(base_url=running.base_url, slug="demo", created_at=timezone.now())
        poll(4)
        yield connection


def folder(job: Job) -> str:
    return f"jobs/{job.connection.slug}/{job.provider_id}"


@pytest.mark.django_db(transaction=True)
def test_all_that_was_observed_is_found_in_the_zip(observed):
    archive = as_zip()
    assert archive.testzip() is None
    counts = json.loads(archive.read("manifest.json"))["counts"]
    stored = {"jobs": Job, "snapshots": Snapshot, "events": Event, "points": Point}
    stored |= {"checkpoints": Checkpoint}
    assert {kind: counts[kind] for kind in stored} == {
        kind: model.objects.count() for kind, model in stored.items()
    }
    assert counts["transitions"] == Transition.objects.exclude(job=None).count()
    assert counts["contents"] == File.objects.exclude(content=None).count() > 0
    for job in Job.objects.all():
        has_all_of(archive, job)


def has_all_of(archive: zipfile.ZipFile, job: Job) -> None:
    place = folder(job)
    names = set(archive.namelist())
    newest = job.snapshots.get(source="retrieve", is_newest=True)
    assert archive.read(f"{place}/job.json").decode() == newest.body
    if job.events.exists():
        events = as_lines(archive.read(f"{place}/events.jsonl"))
        assert {e["id"]: (e["message"], e["data"]) for e in events} == {
            e.provider_id: (e.message, e.body) for e in job.events.all()
        }
    if f"{place}/points.csv" in names:
        points = as_table(archive.read(f"{place}/points.csv"))
        assert [(p["metric"], float(p["step"]), float(p["value"])) for p in points] == list(
            job.points.order_by("metric", "step").values_list("metric", "step", "value")
        )
    if f"{place}/checkpoints.json" in names:
        saved = json.loads(archive.read(f"{place}/checkpoints.json"))
        assert {c["id"] for c in saved} == set(
            job.checkpoints.values_list("provider_id", flat=True)
        )


@pytest.mark.django_db(transaction=True)
def test_result_files_are_there_as_received_and_decoded_from_base64(observed):
    archive = as_zip()
    received = {
        hashlib.sha256(archive.read(name)).hexdigest(): name
        for name in archive.namelist()
        if name.endswith(".received")
    }
    stored = File.objects.filter(encoding="base64").exclude(content=None)
    assert stored
    for file in stored:
        decoded = archive.read(received[file.sha256].removesuffix(".received") + ".csv")
        assert decoded.startswith(b"step,")
        assert decoded.strip() == base64.b64decode(file.received() + b"==").strip()


@pytest.mark.django_db(transaction=True)
def test_every_member_has_its_size_and_digest_in_the_manifest(observed):
    archive = as_zip()
    noted = {one["name"]: one for one in json.loads(archive.read("manifest.json"))["members"]}
    assert set(noted) == set(archive.namelist()) - {"manifest.json"}
    for name, one in noted.items():
        content = archive.read(name)
        assert one["size"] == len(content)
        assert one["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.django_db(transaction=True)
def test_json_lines_hold_as_much_as_the_zip(observed):
    found = as_lines(exported("jsonl"))
    assert len(found) == Job.objects.count()
    for kind, model in {"snapshots": Snapshot, "events": Event, "points": Point}.items():
        assert sum(len(one[kind]) for one in found) == model.objects.count() > 0
    contents = [file["content"] for one in found for file in one["files"] if file.get("content")]
    digests = {hashlib.sha256(base64.b64decode(text)).hexdigest() for text in contents}
    assert digests == set(File.objects.exclude(sha256="").values_list("sha256", flat=True))


def test_a_line_holds_the_raw_job_unchanged():
    job = a_full_job(a_connection())
    line = as_lines(exported("jsonl"))[0]
    assert line["snapshots"][0]["job"] == json.loads(job.snapshots.get().body)
    assert (line["format"], line["job"]["id"]) == ("tunebell-job/1", job.provider_id)
    assert line["transitions"][0]["reason"] == "it said so"
    assert line["points"][1] == {
        "metric": "train_loss",
        "step": 1.0,
        "value": 0.5,
        "seen_at": "2025-11-20T12:00:00Z",
        "source": "event",
    }


def test_a_raw_job_that_was_written_over_several_lines_stays_on_one():
    job = a_full_job(a_connection())
    job.snapshots.update(body='{\n "id":\n "x"}')
    assert as_lines(exported("jsonl"))[0]["snapshots"][0]["job"] == {"id": "x"}


def test_the_table_has_a_column_for_every_hyperparameter():
    lab = a_connection()
    a_job(lab, suffix="one", hyperparameters={"n_epochs": 3, "lora": {"rank": 8}})
    a_job(lab, suffix="two", hyperparameters={"n_epochs": "auto", "beta": 0.1})
    rows = {row["suffix"]: row for row in as_table(exported("csv"))}
    assert (rows["one"]["hp.n_epochs"], rows["two"]["hp.n_epochs"]) == ("3", "auto")
    assert (rows["one"]["hp.beta"], rows["two"]["hp.beta"]) == ("", "0.1")
    assert json.loads(rows["one"]["hp.lora"]) == {"rank": 8}


def test_more_hyperparameters_than_columns_are_kept_in_the_last(monkeypatch):
    monkeypatch.setattr(table, "HP_COLUMNS", 2)
    a_job(hyperparameters={"a": 1, "b": 2, "c": 3})
    row = as_table(exported("csv"))[0]
    assert (row["hp.a"], row["hp.b"], json.loads(row["hp_more"])) == ("1", "2", {"c": 3})


def test_the_table_says_what_a_person_would_look_for():
    started, ended = NOON, NOON.replace(hour=13)
    a_job(state="failed", created_at=started, ended_at=ended, error_code="x", trained_tokens=5)
    row = as_table(exported("csv"))[0]
    assert row["duration_s"] == "3600"
    assert row["created_at"] == "2025-11-20T12:00:00Z"
    assert (row["state"], row["error_code"], row["trained_tokens"]) == ("failed", "x", "5")
    assert (row["valid_loss"], row["is_missing"]) == ("", "false")


def test_formulas_are_told_apart_from_numbers():
    a_job(suffix="=cmd()", train_loss=-0.5, error_message="@x", hyperparameters={"=1": "+1"})
    row = as_table(exported("csv"))[0]
    assert (row["suffix"], row["error_message"], row["hp.=1"]) == ("'=cmd()", "'@x", "'+1")
    assert row["train_loss"] == "-0.5"


def test_text_of_every_script_survives():
    suffix = 'оценка-模型-🔔 "quoted"\nnew line'
    a_full_job(a_connection(), suffix=suffix)
    assert as_table(exported("csv"))[0]["suffix"] == suffix
    assert as_lines(exported("jsonl"))[0]["job"]["suffix"] == suffix
    assert as_table(as_zip().read("jobs.csv"))[0]["suffix"] == suffix


def test_files_with_hostile_and_equal_names_stay_in_their_folder():
    lab = a_connection()
    job = a_full_job(lab)
    job.result_files = ["file-a", "file-b", "file-c"]
    job.save()
    for name, said in zip(job.result_files, ("../../x", "../../x", "CON"), strict=True):
        a_file(lab, CSV, provider_id=name, filename=said)
    found = [name for name in as_zip().namelist() if name.startswith(f"{folder(job)}/files/")]
    assert len(set(found)) == len(found) == 6
    assert not [name for name in found if ".." in name or "CON" in name.split("/")[-1].split(".")]


def test_two_jobs_whose_ids_differ_by_case_have_two_folders():
    lab = a_connection()
    for name in ("ftjob-Ab", "ftjob-aB", "ftjob-c"):
        a_job(lab, provider_id=name)
    folders = {name.split("/")[2].casefold() for name in as_zip().namelist() if "/" in name}
    assert len(folders) == 3
    assert "ftjob-c" in folders


def test_the_list_stands_in_for_a_job_that_was_never_retrieved():
    job = a_full_job(a_connection())
    job.snapshots.update(source="list")
    assert json.loads(as_zip().read(f"{folder(job)}/job.json"))["id"] == job.provider_id


def test_two_exports_of_the_same_are_equal_but_for_their_time():
    a_file(lab := a_connection(), CSV)
    a_full_job(lab)
    first, second = (
        b"".join(FORMATS["zip"].stream(Job.objects.all(), at))
        for at in (NOON, NOON.replace(hour=13))
    )
    assert exported("zip") == first != second
    one, two = (zipfile.ZipFile(io.BytesIO(content)) for content in (first, second))
    differing = [name for name in one.namelist() if one.read(name) != two.read(name)]
    assert differing == ["manifest.json"]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_of_no_job_is_a_valid_file(kind):
    written = exported(kind)
    if kind == "zip":
        archive = zipfile.ZipFile(io.BytesIO(written))
        assert archive.namelist() == ["README.txt", "jobs.csv", "manifest.json"]
    elif kind == "csv":
        assert written.startswith(b'"connection","job_id"')
    assert (
        as_lines(written) if kind == "jsonl" else as_table(written) if kind == "csv" else []
    ) == []


def test_the_readme_names_every_kind_of_file():
    lab = a_connection()
    a_file(lab, CSV)
    job = a_full_job(lab)
    job.estimates.create(estimated_finish=NOON, seen_at=NOON)
    archive = as_zip()
    readme = archive.read("README.txt").decode()
    for name in archive.namelist()[1:]:
        ending = name.split("/")[-1]
        shown = f"N-NAME.{ending.rsplit('.', 1)[1]}" if "/files/" in name else ending
        assert shown in readme


def many_jobs(number: int) -> None:
    lab = a_connection()
    template = a_full_job(lab)
    a_file(lab, CSV)
    jobs = Job.objects.bulk_create(
        Job(
            team=lab.team,
            connection=lab,
            provider_id=f"ftjob-many{n:06}",
            result_files=["file-r"] if n % 50 == 0 else [],
            hyperparameters={"n_epochs": n},
        )
        for n in range(number)
    )
    body = template.snapshots.get().body
    seen = {"first_seen_at": NOON, "last_seen_at": NOON, "fingerprint": "0", "source": "retrieve"}
    Snapshot.objects.bulk_create(Snapshot(job=job, body=body, **seen) for job in jobs)
    Event.objects.bulk_create(Event(job=job, provider_id="e", message="m" * 200) for job in jobs)


def peak_of(kind: str, number: int) -> int:
    jobs = Job.objects.filter(pk__lte=Job.objects.order_by("pk")[number - 1].pk)
    tracemalloc.start()
    size = sum(len(piece) for piece in FORMATS[kind].stream(jobs, NOON))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 50 * number
    return peak


@pytest.mark.parametrize("kind", FORMATS)
def test_more_jobs_take_no_more_memory(kind):
    many_jobs(2000)
    peak_of(kind, 10)  # what is loaded once
    few, many = peak_of(kind, 450), peak_of(kind, 2000)
    assert many < few + 600_000  # one record of a member kept for each would be 5 MB


@pytest.mark.parametrize("kind", FORMATS)
def test_the_first_bytes_come_before_the_rows_are_read(kind):
    many_jobs(500)
    with CaptureQueriesContext(database) as before:
        stream = FORMATS[kind].stream(Job.objects.all(), NOON)
        assert next(stream)
    with CaptureQueriesContext(database) as after:
        assert sum(map(len, stream))
    assert 3 * len(before) < len(after)


def test_rows_that_come_and_go_meanwhile_do_no_harm():
    many_jobs(450)
    stream = FORMATS["zip"].stream(Job.objects.all(), NOON)
    begin = next(stream) + next(stream)
    gone = Job.objects.order_by("pk").last()
    lab = gone.connection
    gone.delete()
    a_job(lab, provider_id="ftjob-late")
    archive = zipfile.ZipFile(io.BytesIO(begin + b"".join(stream)))
    assert archive.testzip() is None
    assert json.loads(archive.read("manifest.json"))["counts"]["jobs"] == Job.objects.count()
    assert f"jobs/{lab.slug}/ftjob-late/summary.json" in archive.namelist()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_database_that_fails_on_the_way_is_never_a_whole_file(kind):
    many_jobs(450)
    stream = FORMATS[kind].stream(Job.objects.all(), NOON)
    next(stream)
    with database.cursor() as cursor:
        cursor.execute("ALTER TABLE jobs_job RENAME TO somewhere_else")
    with pytest.raises(DatabaseError):
        list(stream)


def test_a_reader_that_goes_away_stops_the_work():
    many_jobs(450)
    stream = FORMATS["zip"].stream(Job.objects.all(), NOON)
    next(stream)
    stream.close()
    with CaptureQueriesContext(database) as after:
        assert list(stream) == []
    assert len(after) == 0


@pytest.mark.parametrize("kind", FORMATS)
def test_the_size_of_a_portion_changes_nothing(kind, monkeypatch):
    many_jobs(3)
    valid = {"source": PointSource.EVENT, "seen_at": NOON, "value": 1}
    for step in range(3):
        Point.objects.create(job=Job.objects.first(), metric="valid_loss", step=step, **valid)
    whole = exported(kind)
    for name in ("JOBS", "ROWS", "POINTS", "BODIES"):
        monkeypatch.setattr(reading, name, 2)
    monkeypatch.setattr(table, "PORTION", 2)
    assert exported(kind) == whole
