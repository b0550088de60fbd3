"""The first thing on the page of a failed job: the cause and what to do. And the job as Markdown."""

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from alerts.consoles import PAGES
from dashboard.queries.next_step import next_step
from jobs.models import Checkpoint, Event, Job
from tests.builders import NOON, a_connection, a_job
from tests.dashboard.job_pages import BARE, FAILED, page_of, seen, words_of

pytestmark = pytest.mark.django_db


def an_event(job: Job, message: str, level: str = "error") -> None:
    number = Event.objects.count()
    Event.objects.create(
        job=job, provider_id=f"e{number}", level=level, message=message, created_at=NOON
    )


def test_a_failed_job_shows_cause_and_next_step_first(viewer, lab) -> None:
    job = seen(lab, FAILED)
    an_event(job, "Bad token")
    html = words_of(page_of(viewer, job))
    wanted = ("Why it failed", "training_file", "Example 6174 is bad", "line 6174", "Bad token")
    places = [html.index(text) for text in wanted]
    assert places == sorted(places)
    assert places[-1] < html.index("Overview")


def test_a_long_message_leaves_room_for_the_next_step(viewer, lab) -> None:
    job = a_job(lab, state="failed", error_message="word " * 13_000)
    html = page_of(viewer, job)
    assert "All 65\u2009000 characters of the message" in html
    assert html.index("What to do") - html.index("Why it failed") > 65_000  # folded, and whole


@pytest.mark.parametrize(
    ("code", "link"),
    [
        (
            "insufficient_quota",
            "https://platform.openai.com/settings/organization/billing/overview",
        ),
        ("daily_rate_limit_exceeded", "https://platform.openai.com/settings/organization/limits"),
        ("model_not_found", "https://platform.openai.com/docs/models"),
        ("file_not_found", "https://platform.openai.com/storage/files"),
        ("moderation", "https://platform.openai.com/docs/guides/moderation"),
        ("server_error", "https://status.openai.com/"),
        ("flux_capacitor", "https://platform.openai.com/finetune"),
    ],
)
def test_the_next_step_links_to_the_page_of_the_provider(viewer, lab, code, link) -> None:
    html = page_of(viewer, a_job(lab, state="failed", error_code=code))
    assert f'<a href="{link}" rel="noreferrer">' in html


@pytest.mark.parametrize("dialect", [*PAGES, "generic", "gone"])
def test_each_dialect_has_its_own_pages_and_no_other(viewer, team, dialect) -> None:
    lab = a_connection(team, dialect=dialect)
    html = page_of(viewer, a_job(lab, state="failed", error_code="insufficient_quota"))
    found = {one for one in PAGES if f'href="{PAGES[one][next(iter(PAGES[one]))]}"' in html}
    assert found == {dialect} & set(PAGES)


def test_a_daily_limit_says_when_the_next_day_begins(lab) -> None:
    ended = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
    job = a_job(lab, state="failed", error_code="daily_rate_limit_exceeded", ended_at=ended)
    step = next_step(job, (), ended + timedelta(minutes=5))
    assert step.frees_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert next_step(job, (), ended + timedelta(hours=3)).frees_at is None


def test_other_causes_free_nothing_by_themselves(lab) -> None:
    job = a_job(lab, state="failed", error_code="insufficient_quota")
    assert next_step(job, (), timezone.now()).frees_at is None
    assert next_step(a_job(lab), (), timezone.now()) is None


def text_of(client: Client, job: Job) -> str:
    response = client.get(f"/jobs/lab/{job.provider_id}/markdown/")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Disposition" not in response.headers
    assert "sandbox" in response.headers["Content-Security-Policy"]
    return response.content.decode()


def test_the_markdown_has_what_a_report_needs(viewer, lab) -> None:
    raw = {
        **FAILED,
        "hyperparameters": {"n_epochs": 3},
        "seed": 42,
        "training_file": "file-t",
        "result_files": ["file-r"],
    }
    job = seen(lab, raw)
    an_event(job, "Bad token")
    an_event(job, "all is well", "info")
    text = text_of(viewer, job)
    for wanted in ("ftjob-bare", "Lab (OpenAI", "invalid_training_file", "Example 6174 is bad"):
        assert wanted in text
    for wanted in ("training_file", "Fix line 6174", "`n_epochs`: `3`", "file-t", "file-r", "`42`"):
        assert wanted in text
    assert "`error` `Bad token`" in text
    assert "all is well" not in text
    assert text.rstrip().endswith("<http://testserver/jobs/lab/ftjob-bare/>")


def test_the_markdown_has_the_figures_of_the_page(viewer, lab) -> None:
    told = {"train_loss": 0.41, "valid_loss": 0.5, "best_valid_loss": 0.47, "cost_usd": 3.614}
    text = text_of(viewer, a_job(lab, state="succeeded", **told))
    for line in (
        "Training loss: `0.41`",
        "Lowest validation loss: `0.47`",
        "Cost estimate: `$3.61`",
    ):
        assert f"- {line}\n" in text
    assert "Cost" not in text_of(viewer, a_job(lab))


def test_the_button_copies_the_same_text(viewer, lab) -> None:
    job = seen(lab, {**BARE, "hyperparameters": {"n_epochs": "auto"}})
    Job.objects.filter(pk=job.pk).update(hyperparameters={"n_epochs": 3})
    text = text_of(viewer, job)
    assert "`auto → 3`" in text
    assert f'value="{text}"'.strip() in unescape(page_of(viewer, job))


def test_no_key_gets_into_the_markdown(viewer, lab) -> None:
    job = a_job(lab, state="failed", error_message="Bad key sk-abcdefghijklmnop1234")
    assert "sk-abcdef" not in text_of(viewer, job)


@pytest.mark.parametrize(
    ("name", "values", "best", "words"),
    [
        ("valid_loss", (0.6, 0.4, 0.5), 20, "best by validation loss"),
        ("valid_accuracy", (0.6, 0.9, 0.5), 20, "best by validation accuracy"),
        ("valid_mean_reward", (0.1, 0.2, 0.3), 30, "best by validation mean reward"),
        ("elapsed_tokens", (1, 2, 3), None, ""),
    ],
)
def test_the_best_checkpoint_is_marked(viewer, lab, name, values, best, words) -> None:
    job = a_job(lab)
    for step, value in zip((10, 20, 30), values, strict=True):
        facts = {"step": step, "model": f"m{step}", "metrics": {name: value}}
        Checkpoint.objects.create(job=job, provider_id=f"c{step}", **facts)
    found = viewer.get(f"/jobs/lab/{job.provider_id}/").context["page"].checkpoints
    assert [row.step for row in found.rows if row.is_best] == [best][: best is not None]
    assert found.best == words
    assert bool(found.rose_after) == (best == 20)


def test_a_checkpoint_that_the_provider_dropped_is_kept_and_said_to_be_gone(viewer, lab) -> None:
    job = a_job(lab, checkpoints_read_at=NOON)
    for step, seen_at in ((10, NOON - timedelta(hours=1)), (20, NOON)):
        facts = {"step": step, "model": f"m{step}", "last_seen_at": seen_at}
        Checkpoint.objects.create(job=job, provider_id=f"c{step}", **facts)
    shown = viewer.get(f"/jobs/lab/{job.provider_id}/")
    rows = shown.context["page"].checkpoints.rows
    assert [row.gone_since for row in rows] == [NOON - timedelta(hours=1), None]
    assert shown.content.decode().count("no longer listed, last seen") == 1


def test_what_the_cause_says_is_not_said_again_as_an_event(viewer, lab) -> None:
    job = seen(lab, FAILED)
    an_event(job, "Example 6174 is bad")
    an_event(job, "Bad token")
    cause = words_of(page_of(viewer, job)).partition("Overview")[0]
    assert "Bad token" in cause
    assert cause.count("Example 6174 is bad") == 1


def test_an_end_the_provider_does_not_tell_is_dated_by_the_last_event(viewer, lab) -> None:
    job = a_job(lab, state="failed", ended_at=None)
    page = viewer.get(f"/jobs/lab/{job.provider_id}/").context["page"]
    assert page.sentence == "Failed"
    at = timezone.now() - timedelta(hours=30)
    Event.objects.create(job=job, provider_id="e", level="info", message="m", created_at=at)
    page = viewer.get(f"/jobs/lab/{job.provider_id}/").context["page"]
    assert page.sentence == "Failed, last event 1 d ago"
