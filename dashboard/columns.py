"""The columns of the jobs list: their titles, what they sort by, and each cell as HTML.

Cells are put together here and not by a template: fifty rows took four times as long by one, which was
more than all the rest of the page. Whatever a provider or a person wrote goes through `escape`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from dashboard import marks, words
from jobs.costs import dollars

if TYPE_CHECKING:
    from dashboard.queries.job_row import Row

Cell = Callable[["Row", datetime], str]
ABSENT = words.ABSENT


@dataclass(frozen=True, slots=True)
class Column:
    """`sort`: its name in the address. `width`: a class. `yields`: to the reason of a failed job."""

    name: str
    title: str
    cell: Cell
    sort: str = ""
    width: str = "for-figure"
    yields: bool = False

    @property
    def is_text(self) -> bool:
        return self.width == "for-text"


def _curve(row: "Row", _now: datetime) -> str:
    """A curve that is not of the validation loss says what it is of."""
    label = "" if row.figure_label == USUAL_CURVE else row.figure_label
    metric = f"<small>{escape(label[:1].lower() + label[1:])}</small>" if label else ""
    return f"{marks.sparkline(tuple(row.curve))}{_figure(row.figure)}{metric}"


def _progress(row: "Row", _now: datetime) -> str:
    if row.progress is not None:
        bar = f'<progress max="100" value="{row.progress}" aria-hidden="true"></progress>'
        return f'<span class="progress">{row.progress} %{bar}</span>'
    return ABSENT if row.step is None else f"step {words.thin(row.step)}"


def _figure(value: float | None) -> str:
    return ABSENT if value is None else words.figure(value)


def _usd(value: float | None) -> str:
    return ABSENT if value is None else escape(dollars(value))


def _text(value: object) -> str:
    return ABSENT if value is None or value == "" else escape(str(value))


def _long(value: str | None) -> str:
    """A text that may be cut at the end of its cell; pointing at it shows all of it."""
    shown = _text(value)
    return shown if shown == ABSENT else f'<span class="cut" title="{shown}">{shown}</span>'


def tags(names: Iterable[str]) -> str:
    """Chips that lead to the jobs with the same tag."""
    return " ".join(
        f'<a class="tag" href="?tag={quote(name)}">{escape(name)}</a>' for name in names
    )


CHOICES = (
    Column("curve", "Curve", _curve, "loss", "for-curve", yields=True),
    Column("progress", "Progress", _progress, "", "for-progress", yields=True),
    Column(
        "tokens",
        "Trained tokens",
        lambda row, _: (
            ABSENT if row.trained_tokens is None else words.short_count(row.trained_tokens)
        ),
        "tokens",
        "for-tokens",
        yields=True,
    ),
    Column("cost", "Cost estimate", lambda row, _: _usd(row.cost_usd), "cost", "for-tokens"),
    Column("loss", "Validation loss", lambda row, _: _figure(row.valid_loss), "loss"),
    Column("best", "Best valid. loss", lambda row, _: _figure(row.best_valid_loss), "best"),
    Column("train", "Training loss", lambda row, _: _figure(row.train_loss), "train"),
    Column("reward", "Reward", lambda row, _: _figure(row.reward), "reward"),
    Column("method", "Method", lambda row, _: _text(row.method)),
    Column("model", "Base model", lambda row, _: _long(row.base_model), "", "for-text"),
    Column("connection", "Connection", lambda row, _: _long(row.connection), "", "for-text"),
    Column("id", "Job id", lambda row, _: _long(row.provider_id), "", "for-text"),
    Column("file", "Training file", lambda row, _: _long(row.file), "", "for-text"),
    Column("tags", "Tags", lambda row, _: tags(row.tags) or ABSENT, "", "for-text"),
    Column("seed", "Seed", lambda row, _: _text(row.seed)),
    Column("duration", "Duration", lambda row, _: row.duration or ABSENT),
    Column(
        "created",
        "Created",
        lambda row, now: marks.when(row.created_at, now),
        "created",
        "for-time",
    ),
    Column(
        "changed",
        "Changed",
        lambda row, now: marks.when(row.changed_at, now),
        "changed",
        "for-time",
    ),
    Column("ended", "Ended", lambda row, now: marks.when(row.ended_at, now), "ended", "for-time"),
)
BY_NAME = {column.name: column for column in CHOICES}
USUAL = ("curve", "progress", "tokens", "created", "changed")
USUAL_WITH_COST = ("curve", "progress", "tokens", "cost", "created", "changed")
STRIP = ("progress", "tokens", "changed")  # of the rows above the list
USUAL_CURVE = "Validation loss"
TICKABLE = "r"  # the prefix of rows with a box
# What each takes in rem, as static/css/list.css has it, and what is left of the page beside state and name.
WIDTHS = {
    "for-curve": 11.0,
    "for-progress": 6.25,
    "for-tokens": 7.5,
    "for-time": 6.25,
    "for-figure": 7.0,
    "for-text": 11.0,
}
ROOM = 48.0


def known(asked: Iterable[str]) -> tuple[str, ...]:
    """The columns that an address names, in their own order; () when it names none that exists.

    >>> known(["changed,curve", "nonsense"])
    ('curve', 'changed')
    """
    names = {name for given in asked for name in given.split(",")}
    return tuple(column.name for column in CHOICES if column.name in names)


def chosen(cols: Sequence[str], *, has_cost: bool) -> tuple[Column, ...]:
    """The columns of a view. `has_cost`: whether a row has a cost that the usual ones should show."""
    names = cols or (USUAL_WITH_COST if has_cost else USUAL)
    return tuple(BY_NAME[name] for name in names)


def is_wide(shown: Iterable[Column]) -> bool:
    """Whether they leave the names too little room, and so scroll sideways in their frame."""
    return sum(WIDTHS[column.width] for column in shown) > ROOM


def rows_html(
    rows: Iterable["Row"], shown: Sequence[Column], now: datetime, prefix: str = "r"
) -> str:
    """The rows of a table with these columns. `prefix` keeps ids apart where a job has two rows.

    Closing tags that HTML lets one leave out are left out, and so is white space: a list of fifty is
    2 kB and a hundred nodes lighter.
    """
    return "".join(_row(row, shown, now, prefix) for row in rows)


def _row(row: "Row", shown: Sequence[Column], now: datetime, prefix: str) -> str:
    name = escape(row.name)
    box = f'<input type="checkbox" name="job" value="{row.id}" aria-label="Tick {name}">'
    is_failed = ' class="is-failed"' if row.is_failed else ""
    return (
        f'<tr id="{prefix}{row.id}"{is_failed}>'
        f"<td>{box if prefix == TICKABLE else ''}{marks.status(row.state, row.raw_status)}"
        f'<th scope="row"><a class="name" href="{escape(row.url)}">{name}</a>'
        f"<small>{_line(row, shown)}</small>{_cells(row, shown, now)}"
    )


def _line(row: "Row", shown: Sequence[Column]) -> str:
    """The muted line: what is doubtful, where it runs, and what people said of it.

    Its end is cut where room is short, so what makes the state doubtful stands first.
    """
    parts: list[str] = [marks.flag(kind) for kind in row.flags]
    parts += ["not watched"] if row.is_unwatched else []
    parts += ["gone at the provider"] if row.is_missing else []
    parts += [escape(row.detail)] if row.detail else []
    parts += ["muted"] if row.is_muted else []
    parts += ["restarted"] if row.is_restart else []
    has_own = any(column.name == "tags" for column in shown)
    own = f" {tags(row.tags)}" if row.tags and not has_own else ""
    return f"{' · '.join(parts)}{own}"


def _cells(row: "Row", shown: Sequence[Column], now: datetime) -> str:
    """A cell a column. What keeps a failed job from having figures takes the place of some, where it
    can, and else follows the muted line.
    """
    if not row.reason:
        return "".join([f"<td>{column.cell(row, now)}" for column in shown])
    rest = "".join([f"<td>{one.cell(row, now)}" for one in shown if not one.yields])
    width = sum(column.yields for column in shown)
    if not width:
        return f'<span class="code">{escape(row.reason)}</span>{rest}'
    span = f' colspan="{width}"' if width > 1 else ""
    line = f"<b>{escape(row.error_code)}</b><span>{escape(row.error_line)}</span>"
    return f'<td class="why"{span}>{line}{rest}'
