"""Every component in every state: the documentation of the look, and what axe and the eye check."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from accounts.models import Role
from dashboard import charts, columns, eta
from dashboard.context import Banner
from dashboard.queries.job_row import Row
from dashboard.state_bar import Segment, state_bar
from dashboard.views.styleguide_comparison import example as compared
from dashboard.views.styleguide_plots import example_plots
from jobs.conditions import Usual
from providers.states import State

LONG_NAME = "a-very-long-suffix-that-somebody-generated-from-a-branch-name-and-a-date-2026-11-22"
GAP = range(41, 60)
FULL = {
    "base_model": "gpt-4o-mini-2024-07-18",
    "connection": "prod-eu",
    "provider_id": "ftjob-AbCdEfGhIjKlMnOpQrStUvWx",
    "method": "supervised",
    "tags": ("prod",),
    "seed": 42,
    "cost_usd": 3.61,
    "valid_loss": 0.498,
    "best_valid_loss": 0.471,
    "train_loss": 0.41,
}
USUAL = {
    State.VALIDATING.value: Usual(240, 400, 14),
    State.QUEUED.value: Usual(360, 600, 14),
    State.RUNNING.value: Usual(3000, 4000, 9, is_of_model=False),
}
TOKENS = ("page", "surface", "hover", "ink", "ink-muted", "link", "control", "hairline")


class ExampleForm(forms.Form):
    name = forms.CharField(help_text="Shown in lists and alerts.")
    address = forms.URLField(label="Base URL", assume_scheme="https")
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    is_on = forms.BooleanField(label="Enabled", required=False)


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    if not (settings.DEBUG or request.membership.may(Role.ADMIN)):
        raise Http404
    return render(request, "styleguide.html", examples(timezone.now()))


def examples(now: datetime) -> dict[str, Any]:
    return {
        "states": [state.value for state in State],
        "tokens": TOKENS,
        "charts": chart_states(now),
        "segments": example_bar(now),
        "drift": example_drift(now),
        **example_forms(),
        "moments": example_moments(now),
        "banner": Banner(
            "paused",
            "Worker not seen for 4 min.",
            "Jobs are not being watched.",
            "#sg-banners",
            "Status",
        ),
        "rows": example_rows(now),
        "columns": columns.chosen((), has_cost=True),
        "all_columns": columns.CHOICES,
        "compared": compared(now),
        **example_plots(),
        "curve": [3, 2.4, 2.5, 1.9, 1.6, 1.7, 1.2, 1.0],
    }


def example_bar(now: datetime) -> tuple[Segment, ...]:
    stays = [
        (State.VALIDATING.value, now - timedelta(minutes=50), now - timedelta(minutes=46)),
        (State.QUEUED.value, now - timedelta(minutes=46), now - timedelta(minutes=30)),
        (State.RUNNING.value, now - timedelta(minutes=30), now),
    ]
    return state_bar(stays, USUAL, is_open=True)


def example_drift(now: datetime) -> eta.Drift | None:
    said = [
        (now - timedelta(minutes=20), now + timedelta(minutes=10)),
        (now - timedelta(minutes=9), now + timedelta(minutes=45)),
    ]
    return eta.drift(said, now)


def example_forms() -> dict[str, Any]:
    """As they come and with errors, and the field that narrows a page to one connection."""
    wrong = ExampleForm({"name": "", "address": "not a url"})
    wrong.is_valid()
    return {
        "form": ExampleForm(auto_id="ok_%s"),
        "wrong_form": wrong,
        "connections": (("prod-eu", "prod-eu"), ("lab", "Laboratory")),
    }


def example_moments(now: datetime) -> list[datetime | None]:
    return [
        now,
        now - timedelta(seconds=40),
        now - timedelta(hours=3),
        now + timedelta(minutes=20),
        datetime(2026, 1, 5, tzinfo=UTC),
        None,
    ]


def chart_states(now: datetime) -> list[charts.Chart]:
    """A panel as it comes, smoothed, on a logarithmic scale, zoomed into, and one of graders."""
    looks = {
        "plain": charts.PLAIN,
        "smoothed": charts.Look(smooth=0.8),
        "log": charts.Look(is_log=True),
        "zoomed": charts.Look(low=20, high=60),
    }
    links = {"zoomed": "#sg-charts"}
    made = [
        replace(
            chart,
            name=f"{chart.name}-{name}",
            csv_url=links.get(name, ""),
            reset_url=links.get(name, ""),
        )
        for name, look in looks.items()
        for chart in charts.panels(
            loss_curves() if name == "plain" else loss_curves()[:2],
            now=now,
            last_seen=now - timedelta(seconds=40),
            checkpoints=[(60, "Step 60")],
            look=look,
        )
    ]
    return [*made, *charts.panels(grader_curves(), now=now)]


def grader_curves() -> list[charts.Curve]:
    return [
        charts.Curve(
            f"scores/graders/{name}/train_reward_mean",
            [(float(step), 0.9 - 0.6 * math.exp(-step / pace)) for step in range(1, 61)],
        )
        for name, pace in (("exact", 20), ("style", 40))
    ]


def loss_curves() -> list[charts.Curve]:
    train = tuple(
        (float(step), 0.4 + 2 * math.exp(-step / 30) + 0.1 * math.sin(step))
        for step in range(1, 121)
    )
    valid = tuple(
        (float(step), 0.5 + 1.9 * math.exp(-step / 30) + max(step - 80, 0) / 200)
        for step in range(10, 121, 10)
    )
    gap = tuple((step, None if step in GAP else value / 3) for step, value in train)
    return [
        charts.Curve("train_loss", train),
        charts.Curve("valid_loss", valid),
        charts.Curve("train_mean_reward", gap),
    ]


def example_rows(now: datetime) -> list[Row]:
    def row(number: int, state: State, **facts: Any) -> Row:  # noqa: ANN401  # facts of any column
        plain = {
            "id": number,
            "url": "#rows",
            "name": f"support-bot-v{number}",
            "detail": "gpt-4o-mini · prod-eu",
            "file": "train_v7",
            "state": state.value,
            "raw_status": state.value,
            "is_missing": False,
            "is_restart": False,
            "curve": [3, 2, 1.5, 1.2],
            "figure": 0.412,
            "figure_label": "Validation loss",
            "progress": None,
            "step": None,
            "trained_tokens": None,
            "error_code": "",
            "error_line": "",
            "changed_at": now - timedelta(minutes=number * 7),
            "created_at": now - timedelta(hours=number),
        }
        return Row(**{**plain, **facts})

    return [
        row(1, State.RUNNING, progress=62, trained_tokens=1_204_331, tags=("prod", "eu")),
        row(
            2,
            State.FAILED,
            error_code="invalid_training_file",
            error_line="Example 6174 has a bad token. " * 6,
        ),
        row(3, State.UNKNOWN, raw_status="awaiting_review", step=480.0, is_muted=True),
        row(4, State.QUEUED, name=LONG_NAME, curve=[], figure=None, flags=("stuck",)),
        row(5, State.RUNNING, progress=40, flags=("no_progress", "overfitting")),
        row(6, State.SUCCEEDED, **FULL, ended_at=now, took=timedelta(minutes=72)),
    ]
