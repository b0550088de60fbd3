"""The first rows or lines of a file, without unpacking more than is shown."""

import base64
import json
import tracemalloc
import zlib

import pytest

from dashboard.peek import ASKED, CELL, COLUMNS, LINE, head, is_lines, lines, lines_around, table

CSV = b"step,train_loss\n" + b"".join(b"%d,0.5\n" % step for step in range(1, 40_001))


def packed(body: bytes) -> bytes:
    return zlib.compress(body)


@pytest.mark.parametrize("encoding", ["plain", "base64", ""])
def test_the_head_of_a_long_file_is_its_first_64_kilobytes(encoding):
    body = base64.b64encode(CSV) if encoding == "base64" else CSV
    text, is_whole = head(packed(body), encoding)
    assert CSV.decode().startswith(text)
    assert 60_000 < len(text) <= 65_536
    assert not is_whole


@pytest.mark.parametrize("encoding", ["plain", "base64"])
def test_a_short_file_is_whole(encoding):
    body = b"step,x\n1,2\n"
    text, is_whole = head(
        packed(base64.b64encode(body) if encoding == "base64" else body), encoding
    )
    assert (text, is_whole) == (body.decode(), True)


@pytest.mark.parametrize("body", [b"", b"x", b"a" * 65_536, b"a" * 65_537])
def test_whole_means_nothing_is_left(body):
    assert head(packed(body), "plain") == (body[:65_536].decode(), len(body) <= 65_536)


def test_a_bomb_is_not_unpacked():
    bomb = packed(b"a" * 200_000_000)
    tracemalloc.start()
    head(bomb, "plain")
    lines_around(bomb, 5)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000


@pytest.mark.parametrize("body", [b"not zlib", b"", b"x\x9c\x00"])
@pytest.mark.parametrize("encoding", ["plain", "base64"])
def test_what_cannot_be_unpacked_is_empty(body, encoding):
    assert head(body, encoding)[0] == ""
    assert lines_around(body, 1).lines == ()


@pytest.mark.parametrize("cut", range(8))
def test_base64_cut_anywhere_is_read_as_far_as_it_goes(cut):
    body = base64.b64encode(b"step,loss\n1,2\n")
    text, _ = head(packed(body[: len(body) - cut]), "base64")
    assert text.startswith("step,loss")


def test_a_table_leaves_out_the_row_that_was_cut_through():
    text, is_whole = head(packed(CSV), "plain")
    found = table(text, is_whole=is_whole, most=10**6)
    assert all(row[1] == "0.5" for row in found.rows)
    assert not found.is_whole


def test_wide_cells_and_many_columns_are_cut_and_counted():
    text = ",".join(f"c{n}" for n in range(COLUMNS + 5)) + "\n" + "x" * (CELL + 1) + ",b\n"
    found = table(text, is_whole=True)
    assert (len(found.columns), found.columns_left, found.cut) == (COLUMNS, 5, 1)
    assert found.rows[0][0] == "x" * CELL + "…"


@pytest.mark.parametrize("text", ["", "\n", "\x00", '"' * 200_000])
def test_what_is_no_table_is_none_or_empty(text):
    found = table(text, is_whole=True)
    assert found is None or not found.rows


def test_fifty_rows_are_shown_and_the_rest_is_said():
    text = "a\n" + "1\n" * 60
    found = table(text, is_whole=True)
    assert (len(found.rows), found.is_whole) == (50, False)


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        ('{"a": 1}\n', True),
        ("{broken\n", False),
        ("step,x", False),
        ('{"a": "' + "x" * 70_000, True),
        ("[" * 100_000, False),
        ('{"a":' * 100_000, True),
    ],
)
def test_json_lines_are_known_by_the_first_of_them(text, is_json):
    assert is_lines(text) == is_json


def test_long_lines_are_cut_and_said_to_be():
    body = json.dumps({"a": "x" * 9000}) + "\n" + '{"b": 1}\n'
    first, second = lines(body, is_whole=True).lines
    assert (len(first.text), first.is_cut, second.is_cut) == (LINE, True, False)


def test_the_line_that_was_asked_for_is_shown_with_some_around_it():
    body = b"".join(b'{"n": %d}\n' % n for n in range(1, 7001))
    found = lines_around(packed(body), 6174)
    assert [one.number for one in found.lines[:6]] == [*range(6169, 6175)]
    assert [one.text for one in found.lines if one.is_asked] == ['{"n": 6174}']
    assert (len(found.lines), found.is_whole) == (50, False)


def test_the_last_line_needs_no_end():
    found = lines_around(packed(b"a\nb\nc"), 3)
    assert [one.text for one in found.lines] == ["a", "b", "c"]
    assert found.is_whole


def test_a_line_beyond_the_end_is_not_there():
    assert lines_around(packed(b"a\nb\n"), 3).lines == ()


def test_more_of_the_asked_line_is_shown():
    body = b"x" * 9000 + b"\n" + b"y" * 9000
    asked, other = lines_around(packed(body), 1).lines
    assert (len(asked.text), len(other.text)) == (ASKED, LINE)
