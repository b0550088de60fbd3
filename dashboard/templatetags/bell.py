"""The reused parts of pages. What each looks like is on /styleguide/."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, wraps
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, Select
from django.template.context import RequestContext
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

from dashboard import bundles, charts, columns, markdown, marks, plots, scatter, words
from dashboard.list_url import EVERYTHING, list_url
from dashboard.queries.job_row import Row
from dashboard.state_bar import Segment
from jobs.costs import dollars
from jobs.refs import Ref, compare_path
from providers.states import State

register = template.Library()

# A press on these titles has the smallest first.
ASCENDING_FIRST = {"name", "shutdown", "best", "loss", "train"}
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


@register.simple_tag
def status(state: str, raw_status: str = "", size: str = "") -> SafeString:
    return marks.status(state, raw_status, size)


@register.simple_tag
def flag(kind: str) -> SafeString:
    return marks.flag(kind)


register.simple_tag(marks.picks)


@register.simple_tag
def shape(state: str) -> SafeString:
    return marks.shape(marks.SHAPES[State(state)])


@register.simple_tag
def when(moment: datetime | None, reason: str = marks.NOT_GIVEN) -> SafeString:
    """A moment as its age, which the browser keeps right."""
    shown = marks.when(moment, timezone.now(), reason)
    return format_html("<time-ago>{}</time-ago>", shown) if moment else shown


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
    widget = bound.field.widget
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attrs),
        "is_check": isinstance(widget, CheckboxInput),
        # A list of choices always says one of them.
        "is_optional": not bound.field.required and not isinstance(widget, Select),
    }


@register.simple_tag
def sparkline(values: Iterable[float]) -> SafeString:
    return marks.sparkline(tuple(values))


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


@cache
def _path(name: str) -> str:
    """Of a page without an argument; every page asks for a dozen of them."""
    return reverse(name)


@register.simple_tag(takes_context=True)
def nav_link(context: RequestContext, name: str, word: str) -> SafeString:
    path, url = context["request"].path, _path(name)
    current = format_html(' aria-current="{}"', "page" if path == url else "true")
    # Saved views are of the jobs list.
    is_here = path.startswith(url) or (name == "jobs" and path.startswith(_path("views")))
    here = current if is_here else ""
    return format_html(
        '<a href="{}"{}>{}</a>', jobs_url(context) if name == "jobs" else url, here, word
    )


@register.simple_tag(takes_context=True)
def jobs_url(context: RequestContext) -> str:
    """The list, which opens with a default view; from the list itself all jobs."""
    url = _path("jobs")
    return list_url() if context["request"].path == url else url


@register.simple_tag(takes_context=True)
def query(context: RequestContext, **changes: object) -> str:
    """The page's own query string with some members changed; None or "" takes one away."""
    request = context["request"]
    asked, is_list = request.GET.copy(), request.path == _path("jobs")
    for name, value in changes.items():
        asked.pop(name, None)
        if value not in {None, ""}:
            asked[name] = str(value)
    if is_list:
        asked.pop("view", None)
    return f"?{asked.urlencode() or (EVERYTHING if is_list else '')}"


@register.simple_tag
def job_rows(rows: Iterable[Row], shown: Sequence[columns.Column], prefix: str = "r") -> SafeString:
    """The rows of a jobs table: see `dashboard.columns`."""
    return SafeString(columns.rows_html(rows, shown, timezone.now(), prefix))


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
def unix_time(text: str | None, path: str) -> SafeString:
    """Behind a field's value that is a time in seconds: that time."""
    found = words.unix_time(path, text or "", timezone.get_current_timezone())
    return format_html(' <span class="muted nowrap">{}</span>', found) if found else SafeString("")


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
