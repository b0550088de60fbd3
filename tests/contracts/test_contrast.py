"""The ratios that the design promises, recomputed from the stylesheet itself (WCAG 2 formula)."""

import re
from pathlib import Path

import pytest

from providers.states import State

CSS = Path(__file__).parents[2] / "static" / "css"
PAIR = re.compile(r"--([a-z0-9-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)")
TOKENS = {name: colours for name, *colours in PAIR.findall((CSS / "tokens.css").read_text())}
TEXT, SHAPE = 4.5, 3.0
STATES = ("queued", "running", "succeeded", "failed", "cancelled", "paused")
GROUNDS = ("page", "surface", "hover")

PROMISED = [
    *[("ink", ground, TEXT) for ground in GROUNDS],
    *[("ink-muted", ground, TEXT) for ground in GROUNDS],
    *[("link", ground, TEXT) for ground in GROUNDS],
    *[("focus", ground, SHAPE) for ground in GROUNDS],
    *[("control", ground, SHAPE) for ground in GROUNDS],
    ("on-accent", "accent", TEXT),
    *[(f"{state}-text", f"{state}-pill", TEXT) for state in STATES],
    *[(f"{state}-text", ground, TEXT) for state in STATES for ground in GROUNDS],
    *[(f"{state}-shape", f"{state}-pill", SHAPE) for state in STATES],
    *[(f"{state}-shape", ground, SHAPE) for state in STATES for ground in GROUNDS],
    *[("ink", f"{state}-pill", TEXT) for state in ("failed", "paused", "running", "succeeded")],
    *[(f"line-{number}", "surface", SHAPE) for number in (1, 2, 3, 4)],
]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_gives_21_for_black_on_white() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PROMISED)
def test_a_pair_of_colours_can_be_told_apart(front, back, least, theme) -> None:
    assert ratio(TOKENS[front][theme], TOKENS[back][theme]) >= least


def test_colours_are_written_in_the_tokens_only() -> None:
    others = [path for path in CSS.glob("*.css") if path.name != "tokens.css"]
    assert len(others) > 5
    assert [p.name for p in others if re.search(r"#[0-9a-f]{3,8}\b[^{]*;", p.read_text())] == []


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_its_colours(state) -> None:
    assert re.search(rf"\.{state.value}\b[^{{]*{{[^}}]*--shape:", (CSS / "status.css").read_text())


@pytest.mark.parametrize("path", sorted(CSS.glob("*.css")), ids=lambda path: path.name)
def test_a_stylesheet_keeps_the_house_rules(path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert len(text.splitlines()) <= 250
    assert text.lstrip().startswith("@layer")
    assert "!important" not in text
    assert "@import" not in text
    assert not re.search(r"(^|[\s,>+~])#[a-z][a-z-]*\s*[{,]", text)
