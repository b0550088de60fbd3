"""What a naive client gets wrong, by the numbers of the list of traps; those of the parser and the dialects."""

import pytest

from providers import errors
from providers.base import connect, pages
from providers.results import read_result_file
from providers.states import State, read_state
from providers.wire import Page, read_event, read_job, read_page
from tests.providers.wire_json import a_job, a_list, an_event

JOBS = "/v1/fine_tuning/jobs"


def a_reply(httpserver, path, status, **error):
    httpserver.expect_request(path).respond_with_json({"error": error}, status)


def test_trap_1_an_empty_error_object_is_no_error():
    assert read_job(a_job(error={"code": None, "message": None, "param": None})).error is None


def test_trap_2_one_bad_job_does_not_lose_the_list():
    page = read_page(a_list(a_job(id="a", seed="x", error=5), 7, a_job(id="b")), read_job)
    assert ([job.id for job in page.items], page.skipped) == (["a", "b"], 1)


@pytest.mark.parametrize("word", ["defragmenting", "deleted", ""])
def test_trap_3_an_unknown_word_is_neither_an_end_nor_a_crash(word):
    job = read_job(a_job(status=word))
    assert (job.state, job.state.is_over, job.raw_status) == (State.UNKNOWN, False, word)


@pytest.mark.parametrize("word", ["validating_files", "queued", "paused", "pending", "resuming"])
def test_trap_4_not_running_is_not_finished(word):
    assert not read_state(word, "azure").is_over


def test_trap_5_a_failed_job_without_an_end_has_none():
    assert read_job(a_job(status="failed", finished_at=None)).finished_at is None


def test_trap_6_an_estimate_of_zero_is_not_1970():
    assert read_job(a_job(estimated_finish=0)).estimated_finish is None


def test_trap_7_hyperparameters_are_read_from_the_method_first():
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 2}}}
    job = read_job(a_job(hyperparameters={"n_epochs": 9}, method=method))
    assert job.hyperparameters == {"beta": 0.1, "n_epochs": 2}


@pytest.mark.parametrize("value", ["auto", -1])
def test_trap_8_auto_and_minus_one_are_the_same(value):
    assert read_job(a_job(hyperparameters={"n_epochs": value})).hyperparameters == {
        "n_epochs": "auto"
    }


def test_trap_9_trained_tokens_are_as_billed():
    job = read_job(a_job(trained_tokens=4480, hyperparameters={"n_epochs": 3}))
    assert job.trained_tokens == 4480


@pytest.mark.parametrize("body", [b"step,train_loss\n1,0.5\n", b"c3RlcCx0cmFpbl9sb3NzCjEsMC41Cg=="])
def test_trap_10_a_result_file_is_sniffed(body):
    assert [point.value for point in read_result_file(body).points] == [0.5]


def test_trap_11_spellings_are_one_metric_and_minus_one_is_no_loss():
    body = b"step,train_mean_token_accuracy,valid_loss\n1,0.5,-1\n"
    assert [point.metric for point in read_result_file(body).points] == ["train_accuracy"]


def test_trap_12_only_finite_numbers_of_an_event_are_points():
    data = {"step": 1, "train_loss": 0.5, "ok": True, "usage": {"n": "1"}, "x": float("nan")}
    assert [point.metric for point in read_event(an_event(data=data)).points] == ["train_loss"]


def test_trap_13_events_after_the_end_are_asked_for_like_any(httpserver, provider):
    late = an_event(id="ftevent-late", message="Completed results file", data=None)
    httpserver.expect_request(f"{JOBS}/ftjob-Tn7/events").respond_with_json(a_list(late))
    assert provider.list_events("ftjob-Tn7").items[0].id == "ftevent-late"


def test_trap_14_the_order_and_the_ids_of_events_are_kept_as_sent():
    oldest_first = [an_event(id="e1", created_at=1), an_event(id="e2", created_at=1)]
    page = read_page(a_list(*oldest_first), read_event)
    assert [event.id for event in page.items] == ["e1", "e2"]


def test_trap_15_a_list_that_never_ends_is_left():
    same = Page((), has_more=True, skipped=1, last_id="x")
    assert len(list(pages(lambda _after: same, cap=None))) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(429, "insufficient_quota"), (401, "invalid_api_key"), (403, "denied")]
)
def test_trap_16_what_never_heals_is_not_retryable(status, code, httpserver, provider):
    a_reply(httpserver, JOBS, status, message="no", code=code)
    with pytest.raises(errors.ProviderError) as error:
        provider.list_jobs()
    assert not error.value.retryable


@pytest.mark.parametrize(("status", "kind"), [(404, errors.Missing), (503, errors.ServerTrouble)])
def test_trap_17_trouble_is_an_error_and_never_a_state(status, kind, httpserver, provider):
    a_reply(httpserver, f"{JOBS}/ftjob-Tn7", status, message="no", code="fine_tune_not_found")
    with pytest.raises(kind):
        provider.retrieve_job("ftjob-Tn7")


def test_trap_19_a_missing_route_for_checkpoints_is_not_a_missing_job(httpserver, provider):
    httpserver.expect_request(f"{JOBS}/ftjob-Tn7/checkpoints").respond_with_data("", 404)
    assert provider.list_checkpoints("ftjob-Tn7").items == ()


def test_trap_20_untrusted_text_comes_through_as_it_is_and_bounded():
    text = "=cmd|' /C calc'!A0 <script>"
    job = read_job(a_job(metadata={"note": text}, error={"message": text * 1000}, suffix=text))
    assert job.metadata == {"note": text}
    assert len(job.error.message) == 8192


def test_trap_21_an_answer_about_another_job_is_refused(httpserver, provider):
    httpserver.expect_request(f"{JOBS}/ftjob-Tn7").respond_with_json(a_job(id="ftjob-x"))
    with pytest.raises(errors.NotReadable):
        provider.retrieve_job("ftjob-Tn7")


def test_trap_22_a_get_has_no_body(httpserver, account):
    httpserver.expect_request(JOBS).respond_with_json(a_list())
    connect(account()).list_jobs()
    request = httpserver.log[0][0]
    assert (request.get_data(), request.headers.get("Content-Type")) == (b"", None)


def test_trap_23_one_request_covers_a_hundred_jobs(httpserver, provider):
    listed = [a_job(id=f"ftjob-{number}") for number in range(100)]
    httpserver.expect_request(JOBS).respond_with_json(a_list(*listed))
    assert (len(provider.list_jobs().items), provider.requests_made) == (100, 1)
