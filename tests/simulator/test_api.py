from __future__ import annotations

import base64
import socket

import pytest

JOBS = "/v1/fine_tuning/jobs"


def create(http, **body):
    reply = http.post(
        JOBS, json={"model": "gpt-4o-mini-2024-07-18", "training_file": "file-abc"} | body
    )
    assert reply.status_code == 200, reply.text
    return reply.json()


def several(http, count):
    """Ids, newest first."""
    return [create(http, suffix=f"bot-{number}")["id"] for number in range(count)][::-1]


def ids(reply):
    return [each["id"] for each in reply.json()["data"]]


def test_a_created_job_begins_with_validation(http):
    http.post("/_control/jobs", json={"id": "ftjob-slow", "validating_s": 60})
    body = http.get(f"{JOBS}/ftjob-slow").json()
    assert (body["id"], body["status"], body["trained_tokens"]) == (
        "ftjob-slow",
        "validating_files",
        None,
    )


def test_jobs_are_listed_newest_first(http):
    made = several(http, 3)
    assert ids(http.get(JOBS)) == made


def test_pages_join_without_a_gap(http):
    made = several(http, 7)
    first = http.get(JOBS, params={"limit": 4})
    second = http.get(JOBS, params={"limit": 4, "after": made[3]})
    assert ids(first) + ids(second) == made
    assert (first.json()["has_more"], second.json()["has_more"]) == (True, False)


def test_metadata_filters_jobs(http):
    wanted = create(http, metadata={"team": "a", "run": "1"})["id"]
    create(http, metadata={"team": "b"})
    plain = create(http)["id"]
    assert ids(http.get(JOBS, params={"metadata[team]": "a"})) == [wanted]
    assert ids(http.get(JOBS, params={"metadata[team]": "a", "metadata[run]": "2"})) == []
    assert ids(http.get(f"{JOBS}?metadata=null")) == [plain]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "", "99999999999999999999", "²"])
@pytest.mark.parametrize("tail", ["", "/{id}/events", "/{id}/checkpoints"])
def test_a_bad_limit_is_refused(http, limit, tail):
    url = JOBS + tail.format(id=create(http)["id"])
    reply = http.get(url, params={"limit": limit})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "limit")


@pytest.mark.parametrize("tail", ["", "/{id}/events", "/{id}/checkpoints"])
def test_an_unknown_after_is_refused(http, tail):
    url = JOBS + tail.format(id=create(http)["id"])
    reply = http.get(url, params={"after": "ftjob-nobody"})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "after")


@pytest.mark.parametrize("tail", ["", "/events", "/checkpoints"])
def test_an_unknown_job_is_not_found(http, tail):
    reply = http.get(f"{JOBS}/ftjob-nobody{tail}")
    error = reply.json()["error"]
    assert reply.status_code == 404
    assert (error["code"], error["param"]) == ("fine_tune_not_found", "fine_tune_id")


def test_an_unknown_file_and_an_unknown_path_are_not_found(http):
    answers = [
        http.get("/v1/files/file-nobody"),
        http.get("/v1/files/file-nobody/content"),
        http.get("/v1/x"),
    ]
    assert [reply.status_code for reply in answers] == [404, 404, 404]
    assert all(reply.json()["error"]["message"] for reply in answers)


def test_a_wrong_method_is_refused(http):
    assert http.delete(JOBS).status_code == 405


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": ""}, "model"),
        ({"training_file": None}, "training_file"),
        ({"training_file": "abc"}, "training_file"),
        ({"validation_file": "../x"}, "validation_file"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"k": 5}}, "metadata"),
        ({"integrations": [{"type": "other"}]}, "integrations"),
        ({"hyperparameters": {"n_epochs": 51}}, "n_epochs"),
        ({"hyperparameters": {"n_epochs": "many"}}, "n_epochs"),
        ({"method": {"type": "magic"}}, "method.type"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 2.1}}}}, "beta"),
        ({"method": {"type": "reinforcement"}}, "method.reinforcement.grader"),
        (
            {"method": {"type": "supervised", "supervised": {"hyperparameters": {"beta": 1}}}},
            "beta",
        ),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(http, body, param):
    whole = {"model": "gpt-4o-mini-2024-07-18", "training_file": "file-abc"} | body
    reply = http.post(JOBS, json=whole)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b"NaN"])
def test_a_body_that_is_no_object_is_refused(http, content):
    reply = http.post(JOBS, content=content)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


def test_cancelling_ends_a_job_once(http):
    job = http.post(
        "/_control/jobs", json={"running_s": 600, "validating_s": 0, "queued_s": 0}
    ).json()["id"]
    first, second = (http.post(f"{JOBS}/{job}/cancel") for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (second.status_code, second.json()["error"]["type"]) == (400, "invalid_request_error")


def test_events_page_by_their_ids(http):
    job = http.post("/_control/jobs", json={"age_s": 9000}).json()["id"]
    url = f"{JOBS}/{job}/events"
    first = ids(http.get(url, params={"limit": 50}))
    second = ids(http.get(url, params={"limit": 50, "after": first[-1]}))
    assert len(first + second) == len(set(first + second)) == 100


def test_azure_events_page_by_their_own_ids(http):
    job = http.post("/_control/jobs", json={"age_s": 9000, "profile": "azure"}).json()["id"]
    url = f"/openai/fine_tuning/jobs/{job}/events?api-version=2024-10-21"
    first = ids(http.get(url, params={"limit": 5}))
    assert ids(http.get(url, params={"limit": 5, "after": first[1]}))[:3] == first[2:]


def test_checkpoints_name_their_first_and_last(http):
    job = http.post("/_control/jobs", json={"age_s": 9000}).json()["id"]
    body = http.get(f"{JOBS}/{job}/checkpoints").json()
    assert [body["data"][0]["id"], body["data"][-1]["id"]] == [body["first_id"], body["last_id"]]
    assert [each["step_number"] for each in body["data"]] == [360, 240, 120]


def test_the_result_file_exists_from_the_end_on(http):
    job = http.post("/_control/jobs", json={"age_s": 100, "running_s": 900}).json()["id"]
    done = http.post("/_control/finish", json={"id": job}).json()
    file_id = done["result_files"][0]
    about, content = (
        http.get(f"/v1/files/{file_id}").json(),
        http.get(f"/v1/files/{file_id}/content"),
    )
    assert (about["purpose"], about["bytes"]) == ("fine-tune-results", len(content.content))
    assert base64.b64decode(content.content).startswith(b"step,train_loss,")


def test_a_running_job_has_no_result_file_yet(http):
    http.post("/_control/jobs", json={"id": "ftjob-early", "running_s": 900})
    done = http.post("/_control/jobs", json={"id": "ftjob-twin", "age_s": 9000}).json()
    assert http.get(f"/v1/files/{done['result_files'][0]}").status_code == 200
    http.post("/_control/jobs", json={"id": "ftjob-twin", "running_s": 900})
    assert http.get(f"/v1/files/{done['result_files'][0]}").status_code == 404


def test_the_training_file_of_a_job_can_be_read(http):
    create(http, training_file="file-mydata")
    about, content = (
        http.get("/v1/files/file-mydata").json(),
        http.get("/v1/files/file-mydata/content"),
    )
    assert (about["purpose"], about["bytes"]) == ("fine-tune", len(content.content))
    assert len(content.text.splitlines()) == 240


def test_an_upload_without_a_file_is_refused(http):
    reply = http.post("/v1/files", files={"purpose": (None, "fine-tune")})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "file")
    assert http.post("/v1/files", content=b"not a form").status_code == 400


def test_every_answer_has_a_request_id_of_its_own(http):
    replies = [http.get(JOBS), http.get(JOBS), http.get("/v1/nowhere")]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 3


def test_a_locked_simulator_lets_only_its_key_in(locked, http):
    url = locked.base_url + "/fine_tuning/jobs"
    right = http.get(url, headers={"Authorization": "Bearer sk-right-key-000001"})
    wrong = http.get(url, headers={"Authorization": "Bearer sk-wrong-key-999999"})
    none = http.get(url)
    assert [right.status_code, wrong.status_code, none.status_code] == [200, 401, 401]
    assert wrong.json()["error"]["code"] == "invalid_api_key"
    assert "sk-" in wrong.json()["error"]["message"]
    assert "wrong-key" not in wrong.json()["error"]["message"]


def test_azure_may_send_its_key_in_its_own_header(locked, http):
    url = locked.base_url + "/fine_tuning/jobs"
    assert http.get(url, headers={"api-key": "sk-right-key-000001"}).status_code == 200


def test_models_are_listed(http):
    assert "Qwen/Qwen3-14B" in ids(http.get("/v1/models"))


def test_a_body_beyond_the_cap_is_refused_unread(simulator):
    with socket.create_connection(
        ("127.0.0.1", simulator.server.server_port), timeout=10
    ) as connection:
        connection.sendall(
            f"POST {JOBS} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".encode()
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        assert connection.recv(1) == b""
