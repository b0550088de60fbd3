"""A job in Markdown, to be pasted into an issue or a chat. Pure.

Every text of others stands in a code span or a fence that it cannot close, and what cannot be seen in
it (controls, direction overrides, lone surrogates) is spelled out: nothing of it is markup.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_LINE, MOST_BLOCK, MOST_ITEMS = 300, 2000, 40
_RUNS = re.compile("`+")
_LINE_ENDS = re.compile("\r\n?|\n")
_KEPT = {"\n", "\t"}
# Cf: direction overrides and zero widths; Zl, Zp: line ends that only some programs take for such.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINER = "\u200d"  # holds emoji together


@dataclass(frozen=True, slots=True)
class Failure:
    """What the provider said, and what to do about it: the title of the advice and its steps."""

    code: str
    message: str
    param: str
    title: str
    steps: Sequence[str]


@dataclass(frozen=True, slots=True)
class Report:
    """`facts`, `files`, `hyperparameters`: (label, value); empty values are left out. `title`: of whom.

    `events`: (when, level, message), newest first. `url`: the page, made by us.
    """

    title: str
    state: str
    facts: Sequence[tuple[str, str]]
    failure: Failure | None
    hyperparameters: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, str]]
    events: Sequence[tuple[str, str, str]]
    url: str


def markdown(report: Report) -> str:
    """The whole block, at most some 20 kB, ending in a line end."""
    parts = [
        [f"## {code(report.title)}: {code(report.state)}"],
        _list(report.facts),
        *(_failure(report.failure) if report.failure else []),
        *_titled("Hyperparameters", _list(report.hyperparameters)),
        *_titled("Files", _list(report.files)),
        *_titled("Last warnings and errors", _events(report.events)),
        [f"<{report.url}>"],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _titled(title: str, lines: list[str]) -> list[list[str]]:
    return [[f"### {title}"], lines] if lines else []


def _list(pairs: Iterable[tuple[str, str]]) -> list[str]:
    told = [(name, value) for name, value in pairs if value]
    lines = [f"- {_label(name)}: {code(value)}" for name, value in told[:MOST_ITEMS]]
    left = len(told) - MOST_ITEMS
    return [*lines, f"- and {left} more"] if left > 0 else lines


def _label(name: str) -> str:
    """Ours are plain words; anything else is a text of others."""
    return name if re.fullmatch(r"[A-Z][A-Za-z -]*", name) else code(name)


def _failure(failure: Failure) -> list[list[str]]:
    said = _list([("Code", failure.code), ("Parameter", failure.param)])
    message = [fence(failure.message)] if failure.message else []
    steps = [f"{place}. {step}" for place, step in enumerate(failure.steps, 1)]
    return [
        ["### What the provider said"],
        said,
        message,
        [f"### What to do: {failure.title}"],
        steps,
    ]


def _events(events: Iterable[tuple[str, str, str]]) -> list[str]:
    return [f"- {at} {code(level)} {code(message)}" for at, level, message in events]


def code(text: str, most: int = MOST_LINE) -> str:
    """A code span on one line, closed by more backticks than stand in it.

    >>> code("a`b"), code("`"), code("")
    ('``a`b``', '`` ` ``', '–')
    """
    line = " ".join(visible(_cut(text, most)).split())
    if not line:
        return "–"
    ticks = "`" * (_longest_run(line) + 1)
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{edge}{line}{edge}{ticks}"


def fence(text: str, most: int = MOST_BLOCK) -> str:
    """A block of code, closed by more backticks than stand in it."""
    ticks = "`" * max(_longest_run(text) + 1, 3)
    return f"{ticks}text\n{visible(_cut(text, most))}\n{ticks}"


def visible(text: str) -> str:
    r"""Line ends as "\n"; what cannot be seen is spelled as its number.

    >>> visible("a\u202eb\x07\r\nc")
    'a⟨U+202E⟩b⟨U+0007⟩\nc'
    """
    return "".join(map(_seen, _LINE_ENDS.sub("\n", text)))


def _seen(letter: str) -> str:
    if letter in _KEPT or letter == _JOINER or unicodedata.category(letter) not in _UNSEEN:
        return letter
    return f"⟨U+{ord(letter):04X}⟩"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()} … ({len(text)} characters)"


def _longest_run(text: str) -> int:
    return max(map(len, _RUNS.findall(text)), default=0)
