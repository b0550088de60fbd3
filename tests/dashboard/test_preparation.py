"""`manage.py prepare`, by however many at once."""

import sqlite3
import subprocess
import sys

import pytest

from tests.servers import ROOT, bare_environment

pytestmark = pytest.mark.stack
KEYS = {"SECRET_KEY": "x" * 50, "FIELD_ENCRYPTION_KEYS": "a:" + "A" * 43}


def start(folder, *options: str) -> subprocess.Popen:
    env = bare_environment(**KEYS, TUNEBELL_DATA_DIR=str(folder), DEMO="0")
    command = [sys.executable, "manage.py", "prepare", *options]
    return subprocess.Popen(
        command, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def test_two_at_once_prepare_one_installation(tmp_path):
    both = [start(tmp_path), start(tmp_path)]
    assert [one.communicate(timeout=110)[0] for one in both] == ["Ready.\n"] * 2
    with sqlite3.connect(tmp_path / "tunebell.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM accounts_team").fetchone() == (1,)


def test_static_files_alone_need_no_database(tmp_path):
    assert start(tmp_path, "--static-only").communicate(timeout=110)[0] == ""
    assert (tmp_path / "static" / "staticfiles.json").is_file()
    assert not (tmp_path / "tunebell.sqlite3").exists()
