"""Failures of many jobs in groups: what went wrong how often, and what to do about it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models.functions import Coalesce, Substr
from django.urls import reverse

from alerts.advice import Advice, advice_for, advice_for_many
from dashboard import plots, words
from dashboard.queries.insight_filter import Cell, Scope, day_of
from providers.states import State

MOST = 2000  # failures read, the newest; the page says so
SHOWN = 8  # groups in full; the others stand in a table
TABLED = 100
MESSAGE = 300
HEAD = 90
NAMED = 3  # base models and connections named in a group
_NUMBERS = re.compile(r"\d+")


class Failure(NamedTuple):
    code: str
    param: str
    message: str
    base_model: str
    connection_id: int
    provider_id: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures of one code and parameter; without a code, of messages that begin alike.

    `example`: the newest message, cut. `newest_url`: the job that gave it. `list_url`: all of them in
    the list; "" where it cannot tell them from others.
    """

    code: str
    param: str
    count: int
    share: str
    width: float  # percent
    last_at: datetime | None
    models: str
    connections: str
    example: str
    is_cut: bool
    advice: Advice
    newest_url: str
    list_url: str

    @property
    def name(self) -> str:
        return self.code or "No code given"

    @property
    def told(self) -> str:
        """As a sentence names it: the code and what it is of, else how the messages begin."""
        if self.code:
            return f"{self.code} in {self.param}" if self.param else self.code
        head = head_of(self.example)
        return f"“{head}”" if head else "without a reason"


@dataclass(frozen=True, slots=True)
class Failures:
    """`read`: the failures in the groups; fewer than `total` when there are very many."""

    sentence: str
    total: int
    read: int
    causes: tuple[Cause, ...]
    rare: tuple[Cause, ...]
    left_out: int
    trend: plots.Bars | None

    @property
    def reasons(self) -> int:
        return len(self.causes) + len(self.rare) + self.left_out


def failures(scope: Scope, cells: Sequence[Cell]) -> Failures:
    ended = [cell for cell in cells if State(cell.state).is_over]
    total = sum(cell.count for cell in ended if cell.state == State.FAILED.value)
    found = _read(scope) if total else []
    causes = _causes(found, scope)
    return Failures(
        sentence=_sentence(total, sum(cell.count for cell in ended), causes),
        total=total,
        read=len(found),
        causes=tuple(causes[:SHOWN]),
        rare=tuple(causes[SHOWN : SHOWN + TABLED]),
        left_out=max(len(causes) - SHOWN - TABLED, 0),
        trend=_trend(scope, ended) if ended else None,
    )


def _read(scope: Scope) -> list[Failure]:
    """The newest ones first."""
    rows = scope.jobs.in_state(State.FAILED.value).order_by("-listed_at", "-pk")[:MOST]
    columns = rows.values_list(
        "error_code",
        "error_param",
        Substr("error_message", 1, MESSAGE + 1),
        "base_model",
        "connection_id",
        "provider_id",
        Coalesce("ended_at", "created_at"),
    )
    return [
        Failure(code or "", param or "", message or "", *rest)
        for code, param, message, *rest in columns
    ]


def _causes(found: Sequence[Failure], scope: Scope) -> list[Cause]:
    """The most frequent one first, then the one seen last."""
    grouped: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in found:
        head = "" if failure.code else head_of(failure.message)
        grouped.setdefault((failure.code, failure.param, head), []).append(failure)
    ordered = sorted(grouped.values(), key=lambda group: -len(group))
    return [_cause(group, len(found), scope) for group in ordered]


def head_of(message: str) -> str:
    r"""How a message begins, the same for two that differ in numbers only.

    >>> head_of("Example 6174 is not valid.\nSee the guide.")
    'Example # is not valid.'
    """
    first = " ".join(message.strip().partition("\n")[0].split())
    return _NUMBERS.sub("#", first)[:HEAD]


def _cause(group: Sequence[Failure], total: int, scope: Scope) -> Cause:
    newest = group[0]
    named = next((one for one in group if one.message.strip()), newest)
    slug = scope.connections[named.connection_id].slug
    names = [scope.connections[one.connection_id].name for one in group]
    advise = advice_for if len(group) == 1 else advice_for_many
    return Cause(
        code=newest.code,
        param=newest.param,
        count=len(group),
        share=plots.percent(len(group), total),
        width=round(100 * len(group) / total, 2),
        last_at=max((one.at for one in group if one.at), default=None),
        models=_most(one.base_model for one in group),
        connections=_most(names),
        example=named.message[:MESSAGE],
        is_cut=len(named.message) > MESSAGE,
        advice=advise(named.code, named.message, named.param),
        newest_url=reverse("job", args=[slug, named.provider_id]),
        list_url=_list_url(newest, scope),
    )


def _list_url(newest: Failure, scope: Scope) -> str:
    """The list knows codes, and finds words; a message's own words stand for a code it has not. "" for
    one without words: nothing would tell its jobs from all failed ones.
    """
    if newest.code:
        return scope.asked.jobs_url(scope.now, state=State.FAILED.value, error=newest.code)
    beginning = _NUMBERS.split(" ".join(newest.message.strip().partition("\n")[0].split()))[0]
    words_of_it = beginning.strip()[:HEAD]
    asked = {"state": State.FAILED.value, "q": words_of_it}
    return scope.asked.jobs_url(scope.now, **asked) if words_of_it else ""


def _most(names: Iterable[str]) -> str:
    """The most frequent ones by name, the others by number."""
    counts = Counter(name for name in names if name)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return ", ".join(ordered[:NAMED]) + more


def _sentence(total: int, ended: int, causes: Sequence[Cause]) -> str:
    if not ended:
        return "No job has ended in this time."
    if not total:
        return f"None of {words.counted(ended, 'job')} that ended failed."
    text = words.counted(len(causes), "cause")
    is_even = len({cause.count for cause in causes}) == 1
    return f"{text}." if is_even else f"{text}, the most frequent first."


def _trend(scope: Scope, ended: Iterable[Cell]) -> plots.Bars:
    last = scope.bar_count - 1
    whole, part = Counter[int](), Counter[int]()
    for cell in ended:
        if cell.week is None:
            continue
        bar = min(max(cell.week, 0), last)  # a provider's clock may be ahead of ours
        whole[bar] += cell.count
        part[bar] += cell.count if cell.state == State.FAILED.value else 0
    counts = [(f"{day_of(scope, bar):%Y-%m-%d}", part[bar], whole[bar]) for bar in range(last + 1)]
    weeks = scope.bar_s // (7 * 86_400)
    span = "week" if weeks == 1 else f"{weeks} weeks"
    return plots.Bars(
        name="failures-by-week",
        title="Jobs that ended and failed, by the week they were created in",
        sentence=_trend_words(counts, span),
        span=span,
        part_word="Failed",
        rest_word="Ended otherwise",
        highest=max((total for _, _, total in counts), default=0),
        bars=plots.bars_of(counts),
    )


def _trend_words(counts: Sequence[tuple[str, int, int]], span: str) -> str:
    label, part, whole = max(counts, key=lambda one: (one[1], one[0]))
    if not part:
        return f"No failure in any {span}; each bar is one of {len(counts)}."
    worst = f"Most failures in the {span} from {label}: {part} of {words.counted(whole, 'job')}"
    _, last_part, last_whole = counts[-1]
    return f"{worst}. This one so far: {last_part} of {last_whole}."
