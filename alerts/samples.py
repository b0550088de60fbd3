"""One of each message, for the style guide and for whoever sets up a channel: invented, never sent."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from alerts.digest import digest
from alerts.happening import Happening, JobFacts
from alerts.message import Message, compose

# What a hostile job could be called and could fail with: every channel must show it as plain text.
HOSTILE = (
    "<!channel> @everyone @here <@U123> <b>bold</b> *stars* _under_ [link](https://evil.example) "
    "& \r\nBcc: eve@evil.example\x00 \u202egnp.exe\u2066 \ud800 🔥 " + "long " * 1000
)


def samples(site_url: str, at: datetime) -> Iterator[tuple[str, Message]]:
    """Name and message: each alert a rule can name, a digest, and both with hostile text."""
    for happening in _happenings(site_url, at):
        name = happening.name
        yield f"{name} ({happening.previous})" if name == "recovered" else name, compose(happening)
    several = [compose(happening) for happening in _happenings(site_url, at)] * 5
    yield "digest", digest(several, f"{site_url}/alerts/deliveries/", "digest")
    hostile = compose(_hostile(_failed(site_url, at)))
    yield "failed, hostile text", hostile
    yield "digest, hostile text", digest([hostile] * 7, f"{site_url}/alerts/deliveries/", "digest")


def _happenings(site_url: str, at: datetime) -> Iterator[Happening]:
    failed = _failed(site_url, at)
    running = replace(failed, job=_job(at, state="running", step=480.0, total_steps=1200))
    connection = replace(
        failed,
        job=None,
        watched_jobs=3,
        url=f"{site_url}/connections/prod-eu/",
        compare_url="",
    )
    yield failed
    yield _succeeded(failed, at)
    yield replace(failed, name="cancelled", job=_job(at, state="cancelled", stayed_s=1840.0))
    yield replace(running, name="missing", reason="404: no such fine-tuning job")
    for name, reason in _CONDITIONS.items():
        yield replace(running, name=name, previous="", reason=reason)
    yield replace(
        running, name="recovered", previous="stuck", reason="running now, after 5 h queued"
    )
    yield replace(connection, name="rejected", reason="401: Incorrect API key", unseen_s=1090.0)
    yield replace(connection, name="unreachable", reason="no answer within 20 s", unseen_s=400.0)
    yield replace(connection, name="out_of_quota", reason="429: insufficient_quota", unseen_s=90.0)
    yield replace(connection, name="unreadable", reason="an HTML page came", unseen_s=300.0)
    yield replace(connection, name="recovered", previous="unreachable", watched_jobs=0)
    yield replace(
        connection,
        name="retiring",
        previous="",
        subject="gpt-4.1-nano-2025-04-14",
        reason="retires on 2026-12-27, in 30 days",
        watched_jobs=0,
    )


_CONDITIONS = {
    "stuck": "running for 5 h; usual is 48 min (14 jobs)",
    "no_progress": "no step, point or event for 2 h, at step 480 of 1200; the longest silence before was 20 min",
    "diverging": "training loss rose from 0.42 to 9.31",
    "overfitting": "validation loss rose from 0.47 to 0.61",
    "eta_slipped": "finish expected at 2026-11-22 16:40 UTC, 2 h later than first said",
}


def _failed(site_url: str, at: datetime) -> Happening:
    return Happening(
        name="failed",
        previous="validating",
        at=at,
        reason="",
        connection_slug="prod-eu",
        connection_name="Prod EU",
        url=f"{site_url}/jobs/prod-eu/ftjob-a41/",
        thread="job-a41",
        compare_url=f"{site_url}/compare/?jobs=prod-eu/ftjob-a41,prod-eu/ftjob-a38",
        job=_job(
            at,
            state="failed",
            stayed_s=245.0,
            error_code="invalid_training_file",
            error_param="training_file",
            error_message="Example 6174 has a bad token",
        ),
    )


def _succeeded(failed: Happening, at: datetime) -> Happening:
    job = _job(
        at,
        state="succeeded",
        fine_tuned_model="ft:gpt-4o-mini-2024-07-18:acme:support-bot-v7:9xYz",
        trained_tokens=1_204_331,
        waited_s=1330.0,
        trained_s=3010.0,
        usual_trained_s=2890.0,
        usual_count=14,
        best_step=900.0,
        cost_usd=3.612993,
        prices_of=date(2024, 7, 18),
        figures={"valid_loss": 0.498, "best_valid_loss": 0.471, "train_loss": 0.41},
    )
    return replace(failed, name="succeeded", previous="running", job=job)


def _job(at: datetime, **facts: object) -> JobFacts:
    job = JobFacts(
        provider_id="ftjob-a41",
        name="support-bot-v7",
        state="running",
        model="gpt-4o-mini-2024-07-18",
        method="supervised",
        created_at=at - timedelta(minutes=72),
        ended_at=at,
        labels={"project": "support", "owner": "dana"},
    )
    return replace(job, **facts)  # type: ignore[arg-type]  # fields of JobFacts, named above


def _hostile(happening: Happening) -> Happening:
    if happening.job is None:
        return happening
    job = replace(
        happening.job,
        name=HOSTILE,
        model=HOSTILE,
        error_code=HOSTILE,
        error_message=HOSTILE,
        error_param=HOSTILE,
        labels={HOSTILE: HOSTILE},
    )
    return replace(happening, connection_name=HOSTILE, connection_slug=HOSTILE, job=job)
