"""A comparison for the style guide: eight lines, and cells in each of their states. Invented."""

import math
from datetime import UTC, datetime, timedelta

from dashboard.comparison import UNKNOWN, Fact, Value, compare
from dashboard.overlay import overlay
from dashboard.overlay_lines import Run, style
from dashboard.queries.compare import Chosen, ComparePage
from dashboard.queries.compare_asked import Asked
from dashboard.queries.compare_curves import MetricChoice
from dashboard.queries.metrics import X_UNITS, X_WORDS, Choice, ViewForm
from dashboard.sameness import Verdict
from dashboard.traces import Trace
from providers.states import State

LONG_NAME = "a-very-long-suffix-that-somebody-generated-from-a-branch-name-and-a-date-2026-11-22"
NAMES = (*(f"support-bot-v{number}" for number in range(5, 12)), LONG_NAME)
GRADER = "Answer with 1 if the reply keeps to the policy, and with 0 otherwise. " * 4


def example(now: datetime) -> ComparePage:
    runs = [Run(place, name, Trace.of(_curve(place))) for place, name in enumerate(NAMES)]
    return ComparePage(
        asked=Asked(),
        jobs=tuple(_chosen(place, now) for place in range(len(NAMES))),
        verdict="Lowest validation loss: support-bot-v7, 0.412; next support-bot-v5, 0.471.",
        same=(
            Verdict("support-bot-v5 and support-bot-v6 trained the same thing.", "", is_same=True),
            Verdict("Whether v7 and v8 had the same data is unknown.", "", is_same=False),
        ),
        metrics=(MetricChoice("valid_loss", "Validation loss", is_chosen=True),),
        chart=overlay("valid_loss", runs),
        form=_form(),
        comparison=compare([("Result", _result(now)), ("Settings", _settings()), ("Data", ())]),
    )


def _form() -> ViewForm:
    return ViewForm(
        xs=tuple(Choice(x, word, x == "step") for x, word in X_WORDS.items()),
        ys=(
            Choice("linear", "Linear", is_chosen=True),
            Choice("log", "Logarithmic", is_chosen=False),
        ),
        series=(),
        unit=X_UNITS["step"],
        low="",
        high="",
        smooth="0",
        note="v7: Tokens are an estimate: those trained in all, shared out evenly over the steps.",
    )


def _curve(place: int) -> tuple[tuple[float, float | None], ...]:
    """The last but one has no value, and one ends early."""
    if place == len(NAMES) - 2:
        return ()
    steps = range(10, 300 if place == 1 else 610, 10)
    return tuple(
        (step, 0.4 + 0.06 * place + 2 * math.exp(-step / (60 + 15 * place))) for step in steps
    )


def _chosen(place: int, now: datetime) -> Chosen:
    line, dash = style(place)
    return Chosen(
        name=NAMES[place],
        detail="Lab",
        url="#sg-comparison",
        state=State.RUNNING.value,
        raw_status="running",
        seen_at=now - timedelta(seconds=12) if place == 1 else None,
        line=line,
        dash=dash,
        without_url="#sg-comparison",
    )


def _fact(name: str, label: str, *values: Value, better: str = "", look: str = "") -> Fact:
    """As many values as there are jobs: the last one given stands for the rest."""
    rest = (values[-1],) * (len(NAMES) - len(values))
    return Fact(name, label, (*values, *rest), better, look)


def _result(now: datetime) -> list[Fact]:
    losses = [Value(value, f"{value}") for value in (0.471, 0.498, 0.412)]
    born = datetime(2026, 1, 5, tzinfo=UTC)
    states = [
        Value(state.value, state.value, state.value) for state in (State.SUCCEEDED, State.FAILED)
    ]
    return [
        _fact("state", "State", *states, look="state"),
        _fact("best", "Validation loss, lowest", *losses, UNKNOWN, better="lower", look="number"),
        _fact(
            "trained_s", "Trained", Value(3000, "50:00"), Value(60, "1:00", "so far"), look="number"
        ),
        _fact("created_at", "Created", Value(born, "x"), Value(now, "x"), look="time"),
    ]


def _settings() -> list[Fact]:
    return [
        _fact("hp.n_epochs", "n_epochs", Value(3, "3", "was auto"), look="mono"),
        _fact("method.grader", "grader", Value(GRADER, GRADER), UNKNOWN, look="mono"),
    ]
