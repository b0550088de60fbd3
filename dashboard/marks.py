"""The small marks that stand in every row of a table, as HTML: a state, a doubt, a curve, a moment.

The tags of the same names print them in templates. They are no templates themselves: a list has two
hundred of them, each took 40 us, and those that come again and again are put together once.
"""

from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import charts, words
from providers.states import State

SHAPES = {
    State.VALIDATING: "ring",
    State.QUEUED: "ring",
    State.RUNNING: "arc",
    State.PAUSED: "bars",
    State.SUCCEEDED: "tick",
    State.FAILED: "cross",
    State.CANCELLED: "slash",
    State.UNKNOWN: "question",
}
# What lasts too long has the hourglass, what goes wrong the triangle.
FLAGS = {
    "stuck": ("Stuck?", "hourglass"),
    "no_progress": ("No progress?", "hourglass"),
    "eta_slipped": ("Finish slipped", "hourglass"),
    "diverging": ("Diverging?", "triangle"),
    "overfitting": ("Overfitting?", "triangle"),
}
NOT_GIVEN = "Not given by the provider"


Choices = tuple[tuple[str, str, bool], ...]  # value, word, whether it is ticked


@lru_cache(maxsize=256)
def picks(name: str, choices: Choices) -> SafeString:
    """Boxes of one name to tick any of; most pages of a list have the same."""
    boxes = ((name, value, " checked" * is_ticked, word) for value, word, is_ticked in choices)
    return format_html_join(
        " ", '<label><input type="checkbox" name="{}" value="{}"{}> {}</label>', boxes
    )


def shape(name: str) -> SafeString:
    """One of the shapes of `components/shapes.html`."""
    return format_html('<svg aria-hidden="true"><use href="#shape-{}"/></svg>', name)


@lru_cache(maxsize=256)
def status(state: str, raw_status: str = "", size: str = "") -> SafeString:
    """A job's state as shape, colour and word. An unknown state is shown by its own word."""
    known = State(state)
    classes = f"status {known.value} {size}".strip()
    word: str = known.word
    if known is State.UNKNOWN and raw_status:
        raw = '<span class="raw" title="{}: not a state TuneBell knows">{}</span>'
        word = format_html(raw, raw_status, raw_status)
    return format_html('<span class="{}">{}{}</span>', classes, shape(SHAPES[known]), word)


@lru_cache(maxsize=64)
def flag(kind: str) -> SafeString:
    """A condition of a job as shape, colour and word."""
    word, name = FLAGS.get(kind, (kind.replace("_", " ").capitalize(), "triangle"))
    return format_html('<span class="flag stuck">{}{}</span>', shape(name), word)


@lru_cache(maxsize=1024)
def sparkline(values: tuple[float, ...]) -> SafeString:
    """A small line, to whose end the stylesheet puts a dot; "" for fewer than two values."""
    path = charts.sparkline(values).path
    line = '<svg class="sparkline" aria-hidden="true"><path d="{}"/></svg>'
    return format_html(line, path) if path else SafeString("")


def when(moment: datetime | None, now: datetime, reason: str = NOT_GIVEN) -> SafeString:
    """A moment as its age, with the exact time and zone in its title; "–" when there is none.

    A `<time-ago>` around it keeps the words right.
    """
    if moment is None:
        return format_html('<span class="muted" title="{}">–</span>', reason)
    zone = timezone.get_current_timezone()
    begin = _time_tag(moment, zone)
    return SafeString(f"{begin}{words.ago(moment.astimezone(zone), now)}</time>")


@lru_cache(maxsize=4096)
def _time_tag(moment: datetime, zone: tzinfo) -> str:
    iso = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    exact = moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
    return f'<time datetime="{iso}" title="{exact}">'
