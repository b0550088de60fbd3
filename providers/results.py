"""Result file bytes -> curves: base64 or plain, every known set of columns.

Sniffed, never assumed: OpenAI serves the CSV as base64 text, Azure and the web console as it is.
"""

import base64
import binascii
import csv
import re
from dataclasses import dataclass

import orjson

from providers.decode import decode
from providers.metrics import METRICS, Metric, canonical, describe, is_measured
from providers.problems import read_problem
from providers.values import Point
from providers.wire import read_step

__all__ = ["METRICS", "Metric", "ResultFile", "describe", "read_result_file"]

# A 5 MiB file could hold 2.6 million points; about these many keep the memory below 32 MiB.
MAX_POINTS = 100_000
MAX_COLUMNS = 200
MAX_LINE_CHARS = 64 * 1024
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")
_LINE = re.compile(r"[^\r\n]+")
_QUOTE = '"'


@dataclass(frozen=True, slots=True)
class ResultFile:
    """What a result file holds.

    `kind`: csv, empty, error, html or unknown; `encoding`: plain or base64. `text`: the decoded
    CSV, "" of other kinds. `points`: one for each (metric, step), by column and then in file
    order; the last row of a step counts. `skipped_rows`: without a readable step. `reason`: why
    there is no chart, or what was left out; "" when all is well.
    """

    kind: str
    encoding: str
    text: str
    columns: tuple[str, ...]
    row_count: int
    points: tuple[Point, ...]
    skipped_rows: int
    reason: str


def read_result_file(body: bytes) -> ResultFile:
    """The curves of a result file. Never raises; nothing to read gives zero points."""
    text = _unwrapped(body.decode("utf-8-sig", "replace").replace("\x00", "\ufffd").strip())
    if not text:
        return _without_chart("empty", "The file is empty.")
    if _is_csv(text):
        return _read_csv(text, "plain")
    decoded = _from_base64(text)
    if decoded is not None:
        return _read_csv(decoded, "base64")
    return _foreign(text)


def _unwrapped(text: str) -> str:
    if not (text.startswith(_QUOTE) and text.endswith(_QUOTE)):
        return text
    try:
        inner = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text  # a CSV with quoted cells
    return inner.removeprefix("\ufeff").strip() if isinstance(inner, str) else text


def _is_csv(text: str) -> bool:
    first, comma, _ = text[:100].partition(",")
    return bool(comma) and first.strip().strip(_QUOTE).strip().casefold() == "step"


def _from_base64(text: str) -> str | None:
    packed = "".join(text.split())
    if not _BASE64.match(packed):
        return None
    bare = packed.rstrip("=")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    decoded = raw.decode("utf-8-sig", "replace").replace("\x00", "\ufffd").strip()
    return decoded if _is_csv(decoded) else None


def _foreign(text: str) -> ResultFile:
    if text.startswith("<"):
        return _without_chart("html", "The answer is an HTML page, not a result file.")
    if text.startswith("{"):
        problem = read_problem(decode(text.encode()))
        if problem is not None:
            return _without_chart("error", problem.message)
    return _without_chart("unknown", "The format of this file is not known.")


def _without_chart(kind: str, reason: str) -> ResultFile:
    return ResultFile(kind, "plain", "", (), 0, (), 0, reason)


def _read_csv(text: str, encoding: str) -> ResultFile:
    lines = (match[0] for match in _LINE.finditer(text) if match[0].strip(", \t"))
    columns = tuple(cell.strip() for cell in _cells(next(lines)))[:MAX_COLUMNS]
    curves = _empty_curves(columns)
    stride = _stride(text, len(curves))
    row_count = skipped = 0
    last: tuple[list[str], float] | None = None
    for cells in map(_cells, lines):
        step = read_step(_number(cells[0])) if cells else None
        if step is None:
            skipped += 1
        elif row_count % stride == 0:
            _take(cells, step, curves)
        last = last if step is None else (cells, step)
        row_count += 1
    if last is not None:
        _take(*last, curves)
    reason = _left_out(stride, skipped)
    return ResultFile("csv", encoding, text, columns, row_count, _joined(curves), skipped, reason)


def _stride(text: str, curve_count: int) -> int:
    # A long curve is thinned out, not cut off: its end is what people look at.
    line_count = max(text.count("\n"), text.count("\r"))
    return 1 + line_count * curve_count // MAX_POINTS


_Curves = list[tuple[int, str, dict[float, float]]]


def _empty_curves(columns: tuple[str, ...]) -> _Curves:
    # Two spellings of one metric: the first column counts.
    names: dict[str, int] = {}
    for index, column in enumerate(columns[1:], start=1):
        name = canonical(column)
        if name and name not in {"step", "total_steps"}:
            names.setdefault(name, index)
    return [(index, name, {}) for name, index in names.items()]


def _take(cells: list[str], step: float, curves: _Curves) -> None:
    for index, metric, values in curves:
        value = _number(cells[index]) if index < len(cells) else None
        if value is not None and is_measured(metric, value):
            values[step] = value


def _joined(curves: _Curves) -> tuple[Point, ...]:
    return tuple(
        Point(metric, step, value) for _, metric, values in curves for step, value in values.items()
    )


def _cells(line: str) -> list[str]:
    line = line[:MAX_LINE_CHARS]  # one line of 5 MiB would become millions of cells
    if _QUOTE not in line:
        return line.split(",", MAX_COLUMNS)[:MAX_COLUMNS]
    # Line by line: one stray quote must not swallow the rest of the file.
    try:
        return next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        return []


def _number(cell: str) -> float | None:
    text = cell.strip()
    try:
        found = float(text) if text else None
    except ValueError:
        return None
    return found if found is not None and abs(found) < float("inf") else None


def _left_out(stride: int, skipped: int) -> str:
    thinned = f"The file is long: every {stride}th row is charted. " if stride > 1 else ""
    lost = f"{skipped:,} rows without a readable step were left out." if skipped else ""
    return (thinned + lost).strip()
