from __future__ import annotations

import hashlib

import httpx
import pytest

JOBS = "/v1/fine_tuning/jobs"


def test_a_job_can_be_made_from_any_member(http):
    body = {
        "id": "ftjob-mine",
        "model": "Qwen/Qwen3-14B",
        "profile": "nebius",
        "outcome": "failed",
        "error": {"code": "my_code", "message": "My reason", "param": None},
        "age_s": 9000,
    }
    assert http.post("/_control/jobs", json=body).status_code == 201
    job = http.get(f"{JOBS}/ftjob-mine").json()
    assert (job["status"], job["error"], job["organization_id"]) == ("failed", body["error"], "")


def test_a_job_from_the_past_is_listed_in_its_place(http):
    for name, age in (("new", 10), ("old", 5000), ("middle", 300)):
        http.post("/_control/jobs", json={"id": f"ftjob-{name}", "age_s": age})
    listed = [job["id"] for job in http.get(JOBS).json()["data"]]
    assert listed == ["ftjob-new", "ftjob-middle", "ftjob-old"]


@pytest.mark.parametrize(
    "body",
    [
        {"outcome": "vanished"},
        {"colour": "red"},
        {"profile": "mainframe"},
        {"curve": "square"},
        {"age_s": "old"},
        {"running_s": -1},
        {"raw": {"status": "no id"}},
        {"raw": {"id": "ftjob-r"}, "events": [1]},
        {"raw": {"id": "ftjob-r"}, "files": [{"id": "file-x", "content_base64": "%"}]},
    ],
)
def test_a_job_that_cannot_be_is_refused(http, body):
    reply = http.post("/_control/jobs", json=body)
    assert (reply.status_code, bool(reply.json()["error"]["message"])) == (400, True)
    assert http.get(JOBS).json()["data"] == []


def test_a_raw_job_is_served_as_it_was_written(http):
    raw = {"id": "ftjob-raw", "status": 5, "created_at": "yesterday", "nested": [{"deep": None}]}
    event = {"id": "ftevent-1", "odd": True}
    checkpoint = {"id": "ftckpt_1", "step_number": "nine"}
    file = {"id": "file-1", "filename": "x.csv", "content": "step,train_loss\n1,2\n"}
    body = {"raw": raw, "events": [event], "checkpoints": [checkpoint], "files": [file]}
    assert http.post("/_control/jobs", json=body).status_code == 201
    assert http.get(f"{JOBS}/ftjob-raw").json() == raw
    assert http.get(JOBS).json()["data"] == [raw]
    assert http.get(f"{JOBS}/ftjob-raw/events").json()["data"] == [event]
    assert http.get(f"{JOBS}/ftjob-raw/checkpoints").json()["data"] == [checkpoint]
    assert http.get("/v1/files/file-1").json() == {"id": "file-1", "filename": "x.csv"}
    assert http.get("/v1/files/file-1/content").text == file["content"]


def test_a_raw_job_can_be_written_again(http):
    for word in ("running", "succeeded"):
        http.post("/_control/jobs", json={"raw": {"id": "ftjob-raw", "status": word}})
        assert http.get(f"{JOBS}/ftjob-raw").json()["status"] == word
    assert len(http.get(JOBS).json()["data"]) == 1


def test_a_job_that_is_written_again_keeps_its_place(http):
    for name in ("first", "second", "first"):
        http.post("/_control/jobs", json={"raw": {"id": f"ftjob-{name}", "created_at": 1790000000}})
    assert [job["id"] for job in http.get(JOBS).json()["data"]] == ["ftjob-second", "ftjob-first"]


def test_a_job_can_be_hurried_phase_by_phase(http):
    http.post(
        "/_control/jobs",
        json={"id": "ftjob-h", "validating_s": 900, "queued_s": 900, "running_s": 900},
    )
    seen = [
        http.post("/_control/advance", json={"id": "ftjob-h"}).json()["status"] for _ in range(3)
    ]
    assert seen == ["queued", "running", "succeeded"]
    assert http.post("/_control/advance", json={"id": "ftjob-h"}).status_code == 409


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "cancelled"])
def test_a_job_can_be_ended_with_a_chosen_outcome(http, outcome):
    http.post(
        "/_control/jobs", json={"id": "ftjob-e", "validating_s": 0, "queued_s": 0, "running_s": 900}
    )
    ended = http.post("/_control/finish", json={"id": "ftjob-e", "outcome": outcome}).json()
    assert ended["status"] == outcome
    assert http.get(f"{JOBS}/ftjob-e").json()["status"] == outcome
    assert bool((ended["error"] or {}).get("code")) == (outcome == "failed")


def test_a_job_can_fail_with_a_chosen_error(http):
    http.post("/_control/jobs", json={"id": "ftjob-e", "running_s": 900})
    error = {"code": "x", "message": "Because", "param": "training_file"}
    ended = http.post(
        "/_control/finish", json={"id": "ftjob-e", "outcome": "failed", "error": error}
    ).json()
    assert ended["error"] == error


def test_steering_a_job_that_is_not_there_says_so(http):
    assert http.post("/_control/finish", json={"id": "ftjob-nobody"}).status_code == 404
    assert http.post("/_control/finish", json={"id": "x", "outcome": "lost"}).status_code == 400
    assert http.get("/_control/nothing").status_code == 404


def test_a_key_can_be_revoked_and_restored(http):
    mine, other = (
        {"Authorization": "Bearer sk-mine-000000001"},
        {"Authorization": "Bearer sk-other-00000001"},
    )
    http.post("/_control/key", json={"revoke": "sk-mine-000000001"})
    assert [http.get(JOBS, headers=each).status_code for each in (mine, other)] == [401, 200]
    http.post("/_control/key", json={"restore": "sk-mine-000000001"})
    assert http.get(JOBS, headers=mine).status_code == 200


def test_all_keys_can_be_revoked_at_once(http):
    http.post("/_control/key", json={"revoke": None})
    assert http.get(JOBS).status_code == 401
    http.post("/_control/key", json={"restore": None})
    assert http.get(JOBS).status_code == 200


def test_a_key_can_be_required_later(http):
    http.post("/_control/key", json={"require": "sk-new-000000000001"})
    assert http.get(JOBS).status_code == 401
    assert (
        http.get(JOBS, headers={"Authorization": "Bearer sk-new-000000000001"}).status_code == 200
    )
    assert http.post("/_control/key", json={"open": "sesame"}).status_code == 400


def test_a_web_page_cannot_steer(http):
    reply = http.post(
        "/_control/faults",
        json={"fault": {"kind": "html"}},
        headers={"Origin": "https://x.example"},
    )
    assert reply.status_code == 403


def test_the_journal_has_every_answer_and_what_it_said(http):
    http.post("/_control/jobs", json={"id": "ftjob-j", "age_s": 9000})
    reply = http.get(f"{JOBS}/ftjob-j?x=1")
    http.get(JOBS)
    http.get(f"{JOBS}/ftjob-nobody")
    one, listed, missing = http.get("/_control/journal").json()["data"]
    assert one["jobs"] == listed["jobs"] == [["ftjob-j", "succeeded", 223200]]
    assert one["body_sha256"] == hashlib.sha256(reply.content).hexdigest()
    assert (one["path"], one["query"], one["fault"]) == (f"{JOBS}/ftjob-j", [["x", "1"]], None)
    assert (missing["http_status"], missing["jobs"]) == (404, [])
    assert [one["serial"], listed["serial"], missing["serial"]] == [1, 2, 3]
    assert one["began_at"] <= one["ended_at"]


def test_the_journal_pages_by_serial(http):
    for _ in range(5):
        http.get(JOBS)
    page = http.get("/_control/journal", params={"after": 2, "limit": 2}).json()["data"]
    assert [entry["serial"] for entry in page] == [3, 4]


def test_an_answer_that_breaks_off_tells_nothing(http):
    http.post("/_control/jobs", json={"id": "ftjob-j", "age_s": 9000})
    http.post("/_control/faults", json={"times": 1, "fault": {"kind": "truncated"}})
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(f"{JOBS}/ftjob-j")
    (entry,) = http.get("/_control/journal").json()["data"]
    assert (entry["fault"], entry["jobs"]) == ("truncated", [])


def test_the_journal_tells_what_a_fault_made_of_the_answer(http):
    http.post("/_control/jobs", json={"id": "ftjob-j", "age_s": 9000})
    http.post("/_control/faults", json={"times": 1, "fault": {"kind": "unknown-status"}})
    http.post("/_control/faults", json={"times": 1, "fault": {"kind": "html"}})
    http.get(f"{JOBS}/ftjob-j")
    http.get(f"{JOBS}/ftjob-j")
    changed, replaced = http.get("/_control/journal").json()["data"]
    assert (changed["fault"], changed["jobs"][0][1]) == ("unknown-status", "defragmenting")
    assert (replaced["fault"], replaced["jobs"]) == ("html", [])
