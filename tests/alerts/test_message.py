import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.happening import Happening, JobFacts
from alerts.message import Message, bare, compose, sample
from alerts.plaintext import clean, clock, count, duration, iso
from alerts.rules import RULE_STATES

AT = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
JOB = JobFacts(
    provider_id="ftjob-a41",
    name="support-bot-v7",
    state="failed",
    model="gpt-4o-mini",
    created_at=AT - timedelta(minutes=72),
    ended_at=AT,
    error_code="invalid_training_file",
    error_message="Line 6174 has a bad token",
    error_param="training_file",
)
FAILED = Happening(
    name="failed",
    previous="running",
    at=AT,
    reason="",
    connection_slug="prod-eu",
    connection_name="Prod EU",
    url="https://bell.example.com/jobs/prod-eu/ftjob-a41/",
    thread="job-1",
    job=JOB,
)
DONE = replace(
    FAILED,
    name="succeeded",
    job=replace(
        JOB,
        state="succeeded",
        fine_tuned_model="ft:gpt:acme",
        trained_tokens=1204331,
        error_code=None,
        error_message=None,
        error_param=None,
        figures={"valid_loss": 0.498, "best_valid_loss": 0.471, "train_loss": 0.4},
    ),
)
QUIET = replace(
    FAILED, name="rejected", job=None, reason="401: bad key", watched_jobs=3, unseen_s=1090
)
STUCK = replace(
    FAILED,
    name="stuck",
    previous="",
    reason="queued for 5 h; usual wait is 22 min (14 jobs)",
    numbers={"queued_seconds": 18000.0, "usual_seconds": 1320.0, "usual_count": 14},
    job=replace(JOB, state="queued", ended_at=None, error_code=None, error_message=None),
)
RETIRING = replace(
    FAILED,
    name="retiring",
    previous="",
    job=None,
    subject="gpt-4.1-nano",
    reason="retires on 2026-12-27, in 30 days",
    numbers={"days_left": 30},
)
HOSTILE = "<!channel> @everyone <b>x</b>\r\nBcc: a@b\x00\u202egnp.exe\ud800 " + "z" * 5000


def test_a_failed_job_reads_as_state_name_and_code():
    assert compose(FAILED).headline == "FAILED  support-bot-v7 · invalid_training_file"


def test_a_failed_job_tells_why_and_what_to_do():
    assert compose(FAILED).text.splitlines()[1:3] == [
        "Why     training_file: Line 6174 has a bad token",
        "Do      Fix line 6174 of the training file and submit it again.",
    ]


def test_the_last_line_opens_the_page():
    assert compose(FAILED).text.endswith("Open    https://bell.example.com/jobs/prod-eu/ftjob-a41/")


def test_a_finished_job_leads_with_its_loss():
    assert compose(DONE).headline == "SUCCEEDED  support-bot-v7 · valid loss 0.498"


def test_a_finished_job_tells_model_time_tokens_and_best():
    assert dict(compose(DONE).facts) == {
        "When": "22 Nov 14:02 UTC",
        "Model": "ft:gpt:acme",
        "Took": "1 h 12 min",
        "Tokens": "1 204 331",
        "Best": "valid loss 0.471; it rose to 0.498 at the end",
        "Where": "Prod EU · gpt-4o-mini",
    }


def test_a_finished_job_is_measured_against_the_teams_own():
    job = replace(
        DONE.job, waited_s=1330.0, trained_s=3010.0, usual_trained_s=2890.0, best_step=900
    )
    facts = dict(compose(replace(DONE, job=job)).facts)

    assert facts["Took"] == "1 h 12 min (22 min waiting, 50 min training; usual 48 min)"
    assert facts["Best"] == "valid loss 0.471 at step 900; it rose to 0.498 at the end"


def test_an_end_tells_how_long_the_last_state_lasted():
    happening = replace(FAILED, previous="validating", job=replace(JOB, stayed_s=245.0))

    assert dict(compose(happening).facts)["When"] == "22 Nov 14:02 UTC, after 4 min validating"


def test_a_stuck_job_asks_and_compares_with_the_usual_wait():
    message = compose(STUCK)

    assert message.headline == "STUCK?  support-bot-v7 · queued for 5 h"
    assert message.reason == "usual wait is 22 min (14 jobs)"
    assert message.next_step.startswith("Wait, cancel it")
    assert message.data["facts"]["usual_count"] == 14


def test_a_condition_can_be_snoozed_from_its_message_and_an_end_cannot():
    assert compose(STUCK).links == (("Snooze", f"{STUCK.url}snooze/"),)
    assert compose(FAILED).links == ()


@pytest.mark.parametrize("began", [STUCK, FAILED, DONE], ids=["stuck", "failed", "succeeded"])
def test_a_job_can_be_compared_with_its_partner_from_the_message(began):
    url = "https://bell.example.com/compare/?jobs=prod-eu/a,prod-eu/b"
    message = compose(replace(began, compare_url=url))

    assert message.links[0] == ("Compare", url)
    assert message.data["links"]["compare"] == url


def test_nothing_is_compared_once_a_condition_is_over_or_where_no_job_is():
    url = "https://bell.example.com/compare/?jobs=prod-eu/a,prod-eu/b"

    assert compose(replace(STUCK, name="recovered", previous="stuck", compare_url=url)).links == ()
    assert compose(replace(QUIET, compare_url=url)).links == ()


def test_a_model_that_retires_is_named_with_its_day():
    message = compose(RETIRING)

    assert message.headline == "RETIRING  gpt-4.1-nano · retires on 2026-12-27, in 30 days"
    assert dict(message.facts)["Where"] == "Prod EU · gpt-4.1-nano"


@pytest.mark.parametrize("began", [STUCK, RETIRING, QUIET], ids=["job", "model", "connection"])
def test_what_is_over_closes_the_incident_it_opened(began):
    previous = "unreachable" if began is QUIET else began.name
    over = replace(began, name="recovered", previous=previous, reason="running now")

    assert compose(over).incident == compose(began).incident
    assert compose(over).word == "RECOVERED"
    assert compose(over).result


def test_success_and_failure_of_a_job_are_one_incident():
    assert compose(FAILED).incident == compose(DONE).incident == "prod-eu:ftjob-a41:end"


def test_reinforcement_leads_with_its_reward():
    job = replace(DONE.job, figures={"reward": 0.8125, "valid_loss": None})

    assert compose(replace(DONE, job=job)).result == "reward 0.8125"


def test_unknown_facts_are_left_out():
    job = JobFacts("ftjob-a", "ftjob-a", "cancelled")

    message = compose(replace(FAILED, name="cancelled", job=job, connection_name=""))

    assert dict(message.facts) == {"When": "22 Nov 14:02 UTC"}
    assert message.headline == "CANCELLED  ftjob-a"


def test_a_rejected_key_counts_the_jobs_nobody_watches():
    message = compose(QUIET)

    assert message.headline == "QUIET  Prod EU · no good poll for 18 min"
    assert message.reason == "the key was rejected: 401: bad key"
    assert message.next_step.endswith("3 active jobs are not watched meanwhile.")


@pytest.mark.parametrize("name", RULE_STATES)
def test_every_state_a_rule_may_name_has_a_word_and_a_type(name):
    job = None if name in {"rejected", "unreachable", "recovered"} else JOB
    message = compose(replace(FAILED, name=name, job=job))

    assert message.word.isupper()
    assert message.type == ("job." if job else "connection.") + name


def test_hostile_text_stays_one_short_line():
    job = replace(JOB, name=HOSTILE, error_message=HOSTILE, error_code=HOSTILE)
    message = compose(replace(FAILED, job=job, reason=HOSTILE, connection_name=HOSTILE))

    assert len(message.text.splitlines()) == len(message.lines) + 1
    assert len(message.reason) <= 500
    assert not set("\x00\r\u202e\ud800") & set(message.text)
    message.text.encode()


def test_a_key_in_an_error_is_taken_out_everywhere():
    job = replace(JOB, error_message="Incorrect API key provided: sk-proj-AbCdEfGhIjKl123456")
    stored = json.dumps(compose(replace(FAILED, job=job)).to_json())

    assert "AbCdEf" not in stored
    assert "[redacted]" in stored


def test_no_message_has_more_than_eight_facts():
    labels = {f"key-{number}": "x" * 500 for number in range(40)}
    job = replace(DONE.job, step=900.0, total_steps=900, labels=labels)
    facts = compose(replace(DONE, job=job)).facts

    assert [label for label, _text in facts][-2:] == ["Labels", "Where"]
    assert len(facts) == 8


def test_the_raw_values_keep_their_units():
    raw = compose(DONE).data

    assert raw["job"]["id"] == "ftjob-a41"
    assert raw["job"]["status"] == "succeeded"
    assert raw["job"]["error"] is None
    assert raw["facts"]["duration_seconds"] == 4320
    assert raw["facts"]["trained_tokens"] == 1204331
    assert raw["previous"] == "running"


def test_a_figure_that_is_no_number_is_left_out_of_the_raw_values():
    job = replace(DONE.job, figures={"train_loss": float("nan"), "reward": None})

    facts = compose(replace(DONE, job=job)).data["facts"]

    assert "train_loss" not in facts
    assert facts["reward"] is None


@pytest.mark.parametrize("happening", [FAILED, DONE, QUIET, STUCK, RETIRING])
def test_a_message_survives_storage(happening):
    message = compose(happening)

    assert Message.from_json(json.loads(json.dumps(message.to_json()))) == message


def test_an_empty_stored_message_reads_as_empty():
    assert Message.from_json({}).facts == ()


def test_a_bare_message_still_names_its_subject():
    assert bare("failed", AT, "ftjob-a", "job-1").headline == "FAILED  ftjob-a"


def test_the_sample_says_it_is_a_test():
    message = sample("https://bell.example.com/alerts/", AT)

    assert (message.type, message.word) == ("channel.test", "TEST")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (4325, "1 h 12 min"), (183600, "2 d 3 h")],
)
def test_durations_are_short(seconds, text):
    assert duration(timedelta(seconds=seconds)) == text


def test_cut_text_ends_with_an_ellipsis():
    assert clean("a" * 20, 10) == "a" * 9 + "…"


def test_numbers_and_times_are_written_one_way():
    assert (count(1234), clock(AT), iso(AT)) == (
        "1 234",
        "22 Nov 14:02 UTC",
        "2026-11-22T14:02:00.000Z",
    )
