"""What exports are made of: cells, names and the ZIP itself."""

import csv
import doctest
import io
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.export import cells, in_blocks, names, zipstream
from jobs.export.cells import line
from jobs.export.zipstream import MemberTooLarge, ZipStream

TEXT = st.text(st.characters(blacklist_categories=["Cs"]))
EVIL = [
    "=1+1",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " \n=1",
    "＝1",
    "\ufeff=1",
]


def read_back(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode(), newline="")))


@pytest.mark.parametrize("module", [cells, names])
def test_the_examples_in_the_docstrings_hold(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


@pytest.mark.parametrize("text", EVIL)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert read_back(line([text])) == [[f"'{text}"]]


@given(st.lists(TEXT, min_size=1))
def test_every_text_is_found_again_by_taking_one_apostrophe_away(texts):
    assert [cell.removeprefix("'") for cell in read_back(line(texts))[0]] == texts


@given(st.lists(TEXT, min_size=1))
def test_no_text_begins_like_a_formula(texts):
    firsts = {cell.lstrip()[:1] for cell in read_back(line(texts))[0]}
    assert not firsts & set("=+-@＝＋－＠")


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_stays_the_same_number(value):
    assert float(read_back(line([value]))[0][0]) == pytest.approx(value, rel=0)


def test_what_is_no_number_or_was_not_said_is_an_empty_cell():
    assert line([float("nan"), float("inf"), None, 2.0]) == b",,,2\r\n"


def test_times_are_utc_and_structures_are_json():
    at = datetime(2025, 11, 20, 12, 0, 0, 5000, tzinfo=UTC)
    assert read_back(line([at, {"a": [1]}])) == [["2025-11-20T12:00:00.005000Z", '{"a":[1]}']]


HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows\\x",
    "con",
    "LPT1.csv",
    "nul\x00.csv",
    "..",
    ".",
    "",
    "a/../b",
    "x" * 5000,
    '"\r\nSet-Cookie: x',
    "файл",
    "-rf",
    "a.",
    "~root",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leaves_its_folder_or_opens_a_device(name):
    for safe in (names.folder_name(name), names.file_name(1, name, ".received")):
        assert not set(safe) & set('/\\:*?"<>|\0\r\n ')
        assert safe.isascii()
        assert 0 < len(safe) <= 140
        assert safe.strip(".") == safe
        assert safe.split(".")[0].casefold() not in {"con", "lpt1", "nul"}


def test_different_ids_have_different_folders():
    ids = [*HOSTILE, "passwd", "etc_passwd", "con~", "CON", "b", "_"]
    folders = {names.folder_name(one).casefold() for one in dict.fromkeys(ids)}
    assert len(folders) == len(set(ids))


def test_ids_that_differ_by_case_only_are_kept_apart():
    twins = {names.folder_name(one, has_twin=True).casefold() for one in ("Ab", "aB", "ab")}
    assert len(twins) == 3


def packed(members: dict[str, list[bytes]], offset: int = 0) -> bytes:
    with ZipStream(offset) as archive:
        written = [b"".join(archive.member(name, chunks)) for name, chunks in members.items()]
        return b"".join(written) + b"".join(archive.end())


def opened(written: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(written))


def test_a_zip_is_read_by_the_standard_library():
    with opened(packed({"a.txt": [b"one", b"", b"two"], "päth/b": [bytes(100_000)]})) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "päth/b"]
        assert archive.read("a.txt") == b"onetwo"
        assert archive.getinfo("päth/b").file_size == 100_000


def test_what_would_be_empty_is_left_out():
    with opened(packed({"empty": [], "blank": [b""], "full": [b"x"]})) as archive:
        assert archive.namelist() == ["full"]


def test_an_archive_of_nothing_is_one():
    with opened(packed({})) as archive:
        assert archive.namelist() == []


def test_more_members_than_16_bits_can_count():
    with opened(packed({str(n): [b"x"] for n in range(65_600)})) as archive:
        assert len(archive.namelist()) == 65_600
        assert archive.read("65599") == b"x"


@pytest.mark.parametrize("begin", [2**32 - 60, 2**32 + 5])
def test_an_archive_that_passes_4_gib(tmp_path, begin):
    file = tmp_path / "large.zip"  # a hole in front stands for what was written before
    with file.open("wb") as target:
        target.seek(begin)
        target.write(packed({"first": [b"a"], "second": [b"b"]}, offset=begin))
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in ("first", "second")] == [b"a", b"b"]


def test_one_file_that_a_zip_cannot_hold_is_refused(monkeypatch):
    monkeypatch.setattr(zipstream, "_MAX_32", 1000)
    with pytest.raises(MemberTooLarge, match="huge has 2000 bytes"):
        packed({"huge": [bytes(1000)] * 2})


def test_a_zip_that_breaks_off_is_not_taken_for_a_whole_one():
    whole = packed({"a": [b"content"], "b": [b"more"]})
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(zipfile.BadZipFile):
            opened(whole[:length])


def test_the_first_bytes_go_out_at_once_and_the_rest_in_blocks():
    blocks = list(in_blocks(iter([b"head", *[bytes(1000)] * 200])))
    assert blocks[0] == b"head"
    assert [len(block) for block in blocks[1:]] == [66_000, 66_000, 66_000, 2000]
