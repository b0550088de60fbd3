"""Templates hold nothing that the Content-Security-Policy forbids, and no second way to htmx."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
FORBIDDEN = {
    "an inline style": r"\sstyle\s*=",
    "a style element": r"<style\b",
    "an event attribute": r"\son[a-z]+\s*=\s*[\"']",
    "an htmx event attribute": r"\bhx-on\b",
    "a script in a value": r"[\"']\s*(?:js|javascript):",
    "an inline script": r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>",
    "a foreign address": r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//",
    "a trigger filter": r"hx-trigger=\"[^\"]*\[",
    "unescaped output": r"\|\s*safe\b|autoescape\s+off",
}


def test_there_are_templates_to_look_at() -> None:
    assert len(TEMPLATES) > 30


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_runs_under_the_policy(path) -> None:
    text = path.read_text()
    assert [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_htmx_is_spoken_in_one_component(path) -> None:
    is_component = path.name == "live.html"
    assert bool(re.search(r"\shx-[a-z-]+\s*=", path.read_text())) == is_component


@pytest.mark.parametrize(
    ("what", "markup"),
    [
        ("an inline style", '<p style="color:red">'),
        ("an event attribute", '<a onclick="go()">'),
        ("an inline script", "<script>go()</script>"),
        ("a foreign address", '<img src="https://example.com/a.png">'),
        ("a trigger filter", '<p hx-trigger="every 5s [ready()]">'),
        ("unescaped output", "{{ name|safe }}"),
    ],
)
def test_the_patterns_find_what_they_are_for(what, markup) -> None:
    assert re.search(FORBIDDEN[what], markup)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_small_and_evaluates_nothing(path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 80
    assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_defines_the_element_it_is_named_after(path) -> None:
    assert f'customElements.define("{path.stem}"' in path.read_text()


def test_vendored_files_are_the_expected_bytes() -> None:
    script = (ROOT / "requirements" / "assets").read_text()
    vendored = sorted((ROOT / "static" / "vendor").iterdir())
    assert len(vendored) == 6
    assert [
        p.name for p in vendored if hashlib.sha256(p.read_bytes()).hexdigest() not in script
    ] == []
