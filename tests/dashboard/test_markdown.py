"""A job as Markdown: no text of others is markup, whatever it holds."""

import re
from dataclasses import replace

import pytest

from dashboard.markdown import Failure, Report, code, fence, markdown, visible
from tests.alerts.hostile import HOSTILE

PLAIN = Report(
    title="support-bot-v7",
    state="failed",
    facts=[("Job id", "ftjob-1"), ("Seed", "")],
    failure=Failure("bad_file", "Line 3 is bad", "training_file", "It is not valid", ["Fix it."]),
    hyperparameters=[("n_epochs", "auto → 3")],
    files=[("Training", "file-1")],
    events=[("2025-11-20 12:00:00 UTC", "error", "Line 3")],
    url="https://bell.example.com/jobs/lab/ftjob-1/",
)
BREAKS = [
    "```\n# Heading\n```",
    "`" * 50,
    "a ` b `` c ``` d",
    "~~~\n<script>alert(1)</script>",
    "line\n\n# not a heading\n- not a list",
    "[link](javascript:alert(1)) ![image](https://evil.example/x.png)",
    "| a | b |",
    "\u202egnp.exe\u2066 \u200b\x00\x07\x1b[31m\ud800\u2028x",
    HOSTILE,
    "x" * 70_000,
    "```" * 1000,
]


def test_the_block_reads_as_a_report():
    assert markdown(PLAIN) == (
        "## `support-bot-v7`: `failed`\n\n"
        "- Job id: `ftjob-1`\n\n"
        "### What the provider said\n\n"
        "- Code: `bad_file`\n- Parameter: `training_file`\n\n"
        "```text\nLine 3 is bad\n```\n\n"
        "### What to do: It is not valid\n\n1. Fix it.\n\n"
        "### Hyperparameters\n\n- `n_epochs`: `auto → 3`\n\n"
        "### Files\n\n- Training: `file-1`\n\n"
        "### Last warnings and errors\n\n- 2025-11-20 12:00:00 UTC `error` `Line 3`\n\n"
        "<https://bell.example.com/jobs/lab/ftjob-1/>\n"
    )


def test_a_job_without_a_failure_has_no_empty_parts():
    text = markdown(replace(PLAIN, failure=None, hyperparameters=(), files=(), events=()))
    assert "###" not in text


def outside(text: str) -> str:
    """What of a block is not code, by the rules of CommonMark for fences and spans."""
    kept, closing = [], None
    for line in text.split("\n"):
        fenced = re.match(r"^(`{3,})([^`]*)$", line)
        if closing is None and fenced:
            closing = fenced[1]
        elif closing is not None:
            is_end = fenced and len(fenced[1]) >= len(closing) and not fenced[2].strip()
            closing = None if is_end else closing
        else:
            kept.append(re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", line))
    assert closing is None
    return "\n".join(kept)


@pytest.mark.parametrize("hostile", BREAKS, ids=range(len(BREAKS)))
def test_no_text_of_others_leaves_its_code(hostile):
    failure = Failure(hostile, hostile, hostile, "It is not valid", ["Fix it."])
    pairs = [(hostile, hostile)]
    report = Report(
        hostile, hostile, pairs, failure, pairs, pairs, [("now", hostile, hostile)], "u"
    )
    harmless = replace(report, title="x", state="x", facts=[("x", "x")])
    plain = Failure("x", "x", "x", "It is not valid", ["Fix it."])
    harmless = replace(harmless, failure=plain, hyperparameters=[("x", "x")], files=[("x", "x")])
    harmless = replace(harmless, events=[("now", "x", "x")])
    assert outside(markdown(report)) == outside(markdown(harmless))


@pytest.mark.parametrize("hostile", BREAKS, ids=range(len(BREAKS)))
def test_what_cannot_be_seen_is_spelled_out(hostile):
    for text in (code(hostile), fence(hostile)):
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200b\ud800\u2028]", text
        )
        assert text.encode()
        assert len(text) < 10_000


def test_emoji_and_other_scripts_stay_as_they_are():
    assert visible("👩\u200d🔬 שלום ٣\tü") == "👩\u200d🔬 שלום ٣\tü"


def test_many_hyperparameters_are_cut_and_counted():
    pairs = [(f"name{number}", "1") for number in range(60)]
    assert "- and 20 more" in markdown(replace(PLAIN, hyperparameters=pairs))
