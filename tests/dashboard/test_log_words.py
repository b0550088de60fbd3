"""The log of the team: every action that is noted anywhere has words."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import bulk
from dashboard.log_words import WORDS, details, said
from dashboard.views.archive import ACTIONS
from dashboard.views.connections import SAID
from jobs.actions import Action, Verdict

ROOT = Path(__file__).parents[2]
APPS = ("accounts", "alerts", "dashboard", "jobs")
# Which argument is the action, of the functions that write an entry or hand the action on.
NOTERS = {"note": 1, "note_from_terminal": 1, "enter": 2, "_remove": 2}
HANDED_ON = {"action"}
# Actions that are put together, and all that can come of it.
MADE = {
    "f'connection {said}'": {f"connection {word}" for word in SAID.values()},
    "f'job {said}'": {f"job {word}" for word in SAID.values()},
    "f'channel switched {word}'": {"channel switched on", "channel switched off"},
    "f'rule switched {word}'": {"rule switched on", "rule switched off"},
    "f'backfill.{action}'": {f"backfill.{name}" for name in ACTIONS},
    "bulk.DOINGS[action].said": {doing.said for doing in bulk.DOINGS.values()},
    "f'job {action} asked'": {f"job {action} asked" for action in Action},
    "f'job {action} {outcome.verdict}'": {
        f"job {action} {verdict}" for action in Action for verdict in Verdict
    },
}


def sources() -> Iterator[tuple[ast.Module, bool]]:
    """Modules that write to the log, and whether they got the writer as an argument."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            text, is_asking = path.read_text(), path.name == "actions.py"
            if "from accounts.audit import" in text or is_asking:
                yield ast.parse(text), is_asking


def noted() -> Iterator[ast.expr]:
    for tree, is_asking in sources():
        for call in (one for one in ast.walk(tree) if isinstance(one, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            if name in NOTERS and len(call.args) > 1:
                yield call.args[0 if is_asking else NOTERS[name]]


def actions_of(found: ast.expr) -> set[str]:
    if isinstance(found, ast.IfExp):
        return actions_of(found.body) | actions_of(found.orelse)
    if isinstance(found, ast.Constant):
        return {found.value}
    spelled = ast.unparse(found)
    return set() if spelled in HANDED_ON else MADE[spelled]


def test_every_action_that_is_noted_has_words():
    actions = set[str]().union(*(actions_of(found) for found in noted()))
    assert len(actions) > 60
    assert actions - set(WORDS) == set()
    assert set(WORDS) - actions == set()


def test_an_action_of_another_release_is_shown_as_it_was_noted():
    assert said("moon landed") == "moon landed"


@pytest.mark.parametrize(
    ("action", "fields", "shown"),
    [
        ("rule changed", ["base_models", "is_urgent"], "changed: base models, urgent"),
        ("role changed", ["viewer"], "now: viewer"),
        ("jobs tagged", ["is_prod"], "tags: is_prod"),
        ("channel added", ["secret", "url"], ""),
    ],
)
def test_names_noted_with_an_action_say_what_they_are(action, fields, shown):
    assert details(action, fields) == shown
