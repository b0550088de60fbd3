"""`manage.py export` and `verify_export`: what scripts and cron jobs rely on."""

import errno
import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command

from jobs.export.keeping import CannotKeep, keep
from jobs.models import Job
from tests.builders import NOON, a_connection, a_job, a_team
from tests.servers import ROOT

pytestmark = pytest.mark.django_db


def run(*arguments: object) -> str:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=io.StringIO())
    return out.getvalue()


def ids_in(file) -> list[str]:
    return [json.loads(line)["job"]["id"] for line in file.read_text().splitlines()]


@pytest.fixture
def lab():
    return a_connection(slug="lab")


def test_a_connection_is_written_and_found_to_be_whole(lab, tmp_path):
    for _ in range(3):
        a_job(lab)
    a_job()
    file = tmp_path / "lab.zip"
    assert "3 jobs" in run("export", "--connection", "lab", "-o", file)
    assert "files are as they were written" in run("verify_export", file)
    assert json.loads(zipfile.ZipFile(file).read("manifest.json"))["counts"]["jobs"] == 3


def test_only_the_owner_may_read_the_file(lab, tmp_path):
    run("export", "--connection", "lab", "-o", tmp_path / "x.zip")
    assert (tmp_path / "x.zip").stat().st_mode & 0o777 == 0o600


def test_single_jobs_and_states_are_chosen(lab, tmp_path):
    for name, state in (("ftjob-a", "failed"), ("ftjob-b", "succeeded"), ("ftjob-c", "failed")):
        a_job(lab, provider_id=name, state=state, archived_at=NOON)
    lines = ["--format", "jsonl", "--force", "-o", tmp_path / "x"]
    run("export", "--job", "ftjob-a", "ftjob-b", *lines)
    assert ids_in(tmp_path / "x") == ["ftjob-a", "ftjob-b"]
    run("export", "--connection", "lab", "--state", "failed", *lines)
    assert ids_in(tmp_path / "x") == ["ftjob-a", "ftjob-c"]


def test_a_team_is_exported_without_the_others(lab, tmp_path):
    a_job(lab, provider_id="ftjob-a")
    a_job(a_connection(lab.team), provider_id="ftjob-b")
    a_job(provider_id="ftjob-theirs")
    run("export", "--team", lab.team.slug, "--format", "jsonl", "-o", tmp_path / "x")
    assert ids_in(tmp_path / "x") == ["ftjob-a", "ftjob-b"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say what"),
        (["--connection", "nowhere"], "There are: lab"),
        (["--team", "nobody"], "No team is called nobody"),
        (["--job", "ftjob-a", "ftjob-x", "ftjob-y"], "Not known here: ftjob-x, ftjob-y"),
        (["--connection", "lab", "--state", "done"], "invalid choice: 'done'"),
        (["--connection", "lab", "--format", "xls"], "invalid choice: 'xls'"),
    ],
)
def test_a_wrong_wish_is_answered_by_a_sentence_and_no_file(lab, tmp_path, arguments, said):
    a_job(lab, provider_id="ftjob-a")
    with pytest.raises(CommandError, match=said):
        run("export", *arguments, "-o", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_teams_are_never_mixed(lab, tmp_path):
    a_connection(a_team(), slug="lab")
    a_job(lab, provider_id="ftjob-same"), a_job(provider_id="ftjob-same")
    for wish in (["--connection", "lab"], ["--job", "ftjob-same"]):
        with pytest.raises(CommandError, match="--team"):
            run("export", *wish, "-o", tmp_path / "x")
    run("export", "--job", "ftjob-same", "--team", lab.team.slug, "-o", tmp_path / "x")
    assert (tmp_path / "x").exists()


def test_an_existing_file_is_replaced_only_by_force(lab, tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("precious")
    arguments = ["export", "--connection", "lab", "--format", "csv", "-o", file]
    with pytest.raises(CommandError, match="exists already; --force"):
        run(*arguments)
    assert file.read_text() == "precious"
    run(*arguments, "--force")
    assert file.read_text().startswith('"connection"')


@pytest.mark.parametrize(
    ("name", "said"), [("", "is a folder"), ("no/such/x.zip", "No such file or directory")]
)
def test_a_place_that_takes_no_file_is_named(lab, tmp_path, name, said):
    with pytest.raises(CommandError, match=said):
        run("export", "--connection", "lab", "-o", f"{tmp_path}/{name}")


def test_a_device_is_not_replaced(lab):
    with pytest.raises(CommandError, match="no ordinary file"):
        run("export", "--connection", "lab", "--force", "-o", os.devnull)


@contextmanager
def room_for(size: int):
    """A disk that is full after so many bytes of a file."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_full_disk_leaves_what_was_there(tmp_path):
    file = tmp_path / "x.zip"
    file.write_bytes(b"the last good one")
    with room_for(100_000), pytest.raises(CannotKeep, match="Nothing was left behind"):
        keep((bytes(10_000) for _ in range(20)), file, replaces=True)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == b"the last good one"


def test_an_export_that_breaks_off_leaves_no_file(tmp_path):
    def chunks():
        yield b"begin"
        raise OSError(errno.EIO, "read error")

    with pytest.raises(CannotKeep, match="read error"):
        keep(chunks(), tmp_path / "x.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    file = tmp_path / "x.zip"

    def chunks():
        file.write_bytes(b"somebody else's")
        yield b"ours"

    with pytest.raises(CannotKeep, match="exists already"):
        keep(chunks(), file)
    assert file.read_bytes() == b"somebody else's"
    assert list(tmp_path.iterdir()) == [file]


@pytest.fixture
def whole(lab, tmp_path):
    a_job(lab, provider_id="ftjob-a")
    run("export", "--connection", "lab", "-o", tmp_path / "x.zip")
    return tmp_path / "x.zip"


def rewritten(file, change) -> None:
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


SUMMARY = "jobs/lab/ftjob-a/summary.json"
CHANGES = {
    "has another SHA-256": lambda m: m.update({SUMMARY: m[SUMMARY].replace(b"lab", b"bal")}),
    "bytes, not": lambda m: m.update({SUMMARY: b"{}"}),
    "is missing": lambda m: m.pop(SUMMARY),
    "is not in the manifest": lambda m: m.update({"jobs/extra": b"x"}),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_verifying_names_the_member_that_is_wrong(whole, reason):
    rewritten(whole, CHANGES[reason])
    said = io.StringIO()
    with pytest.raises(CommandError, match="1 of 3 files are wrong"):
        call_command("verify_export", str(whole), stderr=said)
    assert reason in said.getvalue()
    assert ("jobs/extra" if "manifest" in reason else SUMMARY) in said.getvalue()


def test_a_flipped_byte_is_found(whole):
    content = bytearray(whole.read_bytes())
    place = content.index(b"README.txt") + 60
    content[place] ^= 0xFF
    whole.write_bytes(content)
    with pytest.raises(CommandError, match="1 of 3 files are wrong"):
        run("verify_export", whole)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-30]), "cut off"),
        (lambda file: file.write_bytes(b"no zip"), "no whole ZIP"),
        (lambda file: rewritten(file, lambda m: m.pop("manifest.json")), "no readable manifest"),
        (lambda file: rewritten(file, lambda m: m.update({"manifest.json": b"[]"})), "no readable"),
        (
            lambda file: rewritten(file, lambda m: m.update({"manifest.json": b'{"format":"x"}'})),
            "Its format is x",
        ),
        (lambda file: file.unlink(), "No such file"),
    ],
)
def test_what_is_no_export_is_said_to_be_none(whole, spoil, said):
    spoil(whole)
    with pytest.raises(CommandError, match=said):
        run("verify_export", whole)


@pytest.mark.django_db(transaction=True)
def test_the_output_takes_an_export_and_nothing_else(lab, project_env):
    a_job(lab, provider_id="ftjob-a")
    command = [sys.executable, "manage.py", "export", "--connection", "lab", "-o", "-"]
    done = subprocess.run(command, cwd=ROOT, env=project_env(), capture_output=True, check=True)
    assert zipfile.ZipFile(io.BytesIO(done.stdout)).testzip() is None
    assert done.stderr == b""


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_has_enough_is_no_error(lab, project_env):
    template = a_job(lab, error_message="x" * 2000)
    Job.objects.bulk_create(
        Job(
            team=lab.team, connection=lab, provider_id=f"j{n}", error_message=template.error_message
        )
        for n in range(500)
    )
    command = [sys.executable, "manage.py", "export", "--connection", "lab"]
    command += ["--format", "jsonl", "-o", "-"]
    with subprocess.Popen(
        command, cwd=ROOT, env=project_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout.read(10)
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 1
