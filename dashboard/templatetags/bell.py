"""The reused parts of pages. What each looks like is on /styleguide/."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput
from django.template.context import RequestContext
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

from dashboard import bundles, charts, markdown, plots, scatter, words
from dashboard.list_url import EVERYTHING, list_url
from dashboard.state_bar import Segment
from jobs.costs import dollars
from jobs.refs import Ref, compare_path
from providers.states import State

register = template.Library()

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
ASCENDING_FIRST = {"name", "shutdown", "best"}  # a press on these titles has the smallest first
NOT_GIVEN = "Not given by the provider"
Context = dict[str, Any]


def component(template_name: str) -> Callable[[Callable[..., Context]], Callable[..., Context]]:
    """Registers a tag that prints a component without the white space around it: words may follow."""

    def register_tag(build: Callable[..., Context]) -> Callable[..., Context]:
        @wraps(build)
        def tag(*args: object, **kwargs: object) -> SafeString:
            return SafeString(get_template(template_name).render(build(*args, **kwargs)).strip())

        register.simple_tag(tag)
        return build

    return register_tag


@component("components/status.html")
def status(state: str, raw_status: str = "", size: str = "") -> Context:
    """A job's state as shape, colour and word. An unknown state is shown by its own word."""
    known = State(state)
    raw = raw_status if known is State.UNKNOWN else ""
    return {"state": known, "shape": SHAPES[known], "raw": raw, "size": size}


@component("components/flag.html")
def flag(kind: str) -> Context:
    """A condition of a job as shape, colour and word."""
    word, shape_name = FLAGS.get(kind, (kind.replace("_", " ").capitalize(), "triangle"))
    return {"word": word, "shape": shape_name}


@register.simple_tag
def shape(state: str) -> SafeString:
    return format_html(
        '<svg aria-hidden="true"><use href="#shape-{}"/></svg>', SHAPES[State(state)]
    )


@component("components/time.html")
def when(moment: datetime | None, reason: str = NOT_GIVEN) -> Context:
    """A moment as its age, with the exact time and zone in its title; "–" when there is none."""
    if moment is None:
        return {"moment": None, "reason": reason}
    local = timezone.localtime(moment)
    return {
        "moment": moment,
        "iso": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "exact": local.strftime("%Y-%m-%d %H:%M:%S %Z"),
        "words": words.ago(moment, timezone.now()),
    }


@component("components/copy.html")
def copy(text: str | None, label: str) -> Context:
    """An id in full with a button that copies it. `label` names it: "job id"."""
    return {"text": text, "label": label}


@component("components/field.html")
def field(bound: BoundField) -> Context:
    """Label, help, control and errors of one form field, tied together for screen readers."""
    attrs: dict[str, str | bool] = {}
    if bound.errors:
        error_id = f"{bound.auto_id}_error"
        described = f"{bound.auto_id}_helptext {error_id}" if bound.help_text else error_id
        attrs = {"aria-describedby": described}
    is_check = isinstance(bound.field.widget, CheckboxInput)
    return {"field": bound, "control": bound.as_widget(attrs=attrs), "is_check": is_check}


@component("components/sparkline.html")
def sparkline(values: Iterable[float]) -> Context:
    return {"spark": charts.sparkline(list(values))}


@component("components/chart.html")
def metric_chart(chart: charts.Chart, prefix: str = "chart") -> Context:
    """A panel: drawing, legend, sentence and table twin. `prefix` keeps ids apart on one page."""
    chart_id = f"{prefix}-{slugify(chart.name)}"
    return {"chart": chart, "id": chart_id, "points_id": f"{chart_id}-points"}


@register.simple_tag
def chart_rows(chart: charts.Chart) -> SafeString:
    """The rows of a chart's table: nothing but numbers, some thousand cells of them on one page."""
    best = chart.best.x if chart.best else None
    mark = ' <span class="best-word">best</span>'
    return SafeString(
        "".join(
            f'<tr><th scope="row" class="number">{words.thin(round(x, 2))}{mark if x == best else ""}</th>'
            + "".join(f'<td class="number">{figure(value)}</td>' for value in values)
            + "</tr>"
            for x, values in chart.rows
        )
    )


@component("components/state_bar.html")
def state_bar(segments: tuple[Segment, ...]) -> Context:
    return {"segments": segments}


@component("components/bars.html")
def bar_plot(bars: plots.Bars) -> Context:
    """Counts by time, what went wrong on what went well, with sentence and table twin."""
    return {"plot": bars, "id": f"plot-{bars.name}"}


@component("components/boxes.html")
def box_plot(boxes: plots.Boxes) -> Context:
    """Spreads on one axis, one row each, with sentence and table twin."""
    return {"plot": boxes, "id": f"plot-{boxes.name}"}


@component("components/scatter.html")
def scatter_plot(found: scatter.Scatter) -> Context:
    """A result against a setting, a dot a job, with legend, sentence and table twin."""
    return {"plot": found, "id": f"plot-{found.name}"}


@register.simple_tag
def stylesheets() -> SafeString:
    """The links to the stylesheet of every page, or to its parts while somebody works on them."""
    urls = ((url,) for url in bundles.STYLES.urls())
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', urls)


@register.simple_tag
def scripts() -> SafeString:
    """The same for our own scripts."""
    urls = ((url,) for url in bundles.SCRIPTS.urls())
    return format_html_join("\n", '<script src="{}" type="module"></script>', urls)


@register.simple_tag(takes_context=True)
def nav_link(context: RequestContext, name: str, word: str) -> SafeString:
    path, url = context["request"].path, reverse(name)
    current = format_html(' aria-current="{}"', "page" if path == url else "true")
    here = current if path.startswith(url) else ""
    return format_html(
        '<a href="{}"{}>{}</a>', jobs_url(context) if name == "jobs" else url, here, word
    )


@register.simple_tag(takes_context=True)
def jobs_url(context: RequestContext) -> str:
    """The list, which opens with a default view; from the list itself all jobs."""
    url = reverse("jobs")
    return list_url() if context["request"].path == url else url


@register.simple_tag(takes_context=True)
def query(context: RequestContext, **changes: object) -> str:
    """The page's own query string with some members changed; None or "" takes one away."""
    request = context["request"]
    asked, is_list = request.GET.copy(), request.path == reverse("jobs")
    for name, value in changes.items():
        asked.pop(name, None)
        if value not in {None, ""}:
            asked[name] = str(value)
    if is_list:
        asked.pop("view", None)
    return f"?{asked.urlencode() or (EVERYTHING if is_list else '')}"


@register.inclusion_tag("components/sort_head.html", takes_context=True)
def sort_head(context: RequestContext, name: str, label: str, sort: str) -> Context:
    """A column's title that sorts by it; a second press turns the order round."""
    is_sorted, is_descending = sort.removeprefix("-") == name, sort.startswith("-")
    is_next_ascending = is_descending if is_sorted else name in ASCENDING_FIRST
    first = name if is_next_ascending else f"-{name}"
    direction = "descending" if is_descending else "ascending"
    href = query(context, sort=first, after=None)
    return {"label": label, "href": href, "aria_sort": direction if is_sorted else ""}


@register.simple_tag
def compare_url(slug: str, job_id: str) -> str:
    """Where a job is compared with others."""
    return compare_path([Ref(slug, job_id)])


@register.filter
def clock(span: timedelta | None) -> str:
    return words.ABSENT if span is None else words.clock(span)


@register.filter
def thin(number: float | None) -> str:
    return words.ABSENT if number is None else words.thin(number)


@register.filter
def short_count(number: float | None) -> str:
    return words.ABSENT if number is None else words.short_count(number)


@register.filter
def figure(value: float | None) -> str:
    return words.ABSENT if value is None else words.figure(value)


@register.filter
def filesize(count: int | None) -> str:
    return words.ABSENT if count is None else words.size(count)


@register.filter
def usd(amount: float | None) -> str:
    """Money: $3.61; "–" where nobody knows, $0.00 only where it is free."""
    return words.ABSENT if amount is None else dollars(amount)


@register.filter
def or_absent(value: object) -> object:
    """The value, or "–" where the provider said nothing. 0 and False are said."""
    if value is None or value == "" or (isinstance(value, list | tuple | Mapping) and not value):
        return words.ABSENT
    return value


@register.filter
def counted(number: int, noun: str) -> str:
    return words.counted(number, *noun.split(","))


@register.filter
def full_stop(text: str) -> str:
    """For a reason from elsewhere that a sentence of ours follows."""
    text = text.rstrip()
    return text if not text or text[-1] in ".!?…" else f"{text}."


@register.filter
def visible(text: str) -> str:
    """For a title, which no element can isolate: controls and direction overrides spelled out."""
    return markdown.visible(text)


@register.filter
def lower_first(text: str) -> str:
    """For a phrase that follows a colon; leaves acronyms alone."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
