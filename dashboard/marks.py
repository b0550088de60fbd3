"""The small marks that stand in every row of a table, as HTML: a state, a doubt, a curve, a moment.

The tags of the same names print them in templates. A list has two hundred of them and rendering one
takes 40 us, so those that come again and again are rendered once.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.template.loader import get_template
from django.utils import timezone
from django.utils.html import format_html
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


@lru_cache(maxsize=256)
def status(state: str, raw_status: str = "", size: str = "") -> SafeString:
    """A job's state as shape, colour and word. An unknown state is shown by its own word."""
    known = State(state)
    raw = raw_status if known is State.UNKNOWN else ""
    context = {"state": known, "shape": SHAPES[known], "raw": raw, "size": size}
    return _rendered("components/status.html", context)


@lru_cache(maxsize=64)
def flag(kind: str) -> SafeString:
    """A condition of a job as shape, colour and word."""
    word, shape = FLAGS.get(kind, (kind.replace("_", " ").capitalize(), "triangle"))
    return _rendered("components/flag.html", {"word": word, "shape": shape})


@lru_cache(maxsize=1024)
def sparkline(values: tuple[float, ...]) -> SafeString:
    """A small line with a dot at its end."""
    return _rendered("components/sparkline.html", {"spark": charts.sparkline(values)})


def when(moment: datetime | None, now: datetime, reason: str = NOT_GIVEN) -> SafeString:
    """A moment as its age, with the exact time and zone in its title; "–" when there is none.

    No two are alike, so this one is no template. A `<time-ago>` around it keeps the words right.
    """
    if moment is None:
        return format_html('<span class="muted" title="{}">–</span>', reason)
    iso = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    exact = timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S %Z")
    said = words.ago(moment, now)
    return SafeString(f'<time datetime="{iso}" title="{exact}">{said}</time>')


def _rendered(template: str, context: dict[str, Any]) -> SafeString:
    """Without the white space around it: words may follow."""
    return SafeString(get_template(template).render(context).strip())
