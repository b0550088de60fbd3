"""What is special about Microsoft Teams."""

import json
from copy import deepcopy

import pytest

from alerts.channels import kinds
from alerts.channels.base import SendError
from tests.alerts.foreign_text import FILLERS, hostile, hostile_digest
from tests.channel_sides.teams import MOST_BYTES, TeamsSide, fault_of, texts_of
from tests.contracts.test_channels import FAILED, KEY
from tests.receiver import Answer

TEAMS = kinds()["teams"]


@pytest.fixture
def side():
    side = TeamsSide(None)
    yield side
    side.close()


def refusal(side, status: int, body: bytes) -> SendError:
    side.server.script.append(Answer(status, body=body))
    with pytest.raises(SendError) as caught:
        TEAMS.send(*side.settings(), FAILED, KEY)
    return caught.value


def coded(code: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": "No."}}).encode()


def card(body: dict) -> dict:
    return body["attachments"][0]["content"]


def test_a_card_is_title_reason_facts_and_actions():
    content = card(TEAMS.body(FAILED))

    assert [part["type"] for part in content["body"]] == [
        *["RichTextBlock"] * 2,
        *["ColumnSet"] * 2,
    ]
    assert texts_of(content["body"][0]) == ["FAILED support-bot-v7 · invalid_training_file"]
    assert content["body"][0]["inlines"][0]["color"] == "Attention"
    assert content["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": FAILED.url}]


@pytest.mark.parametrize("make", [hostile, hostile_digest])
def test_a_card_stays_well_below_what_teams_takes(make):
    sizes = [len(json.dumps(TEAMS.body(make("", filler)))) for filler in FILLERS]

    assert max(sizes) < 22_000 < MOST_BYTES


def test_what_begins_a_mention_or_a_date_is_taken_apart():
    tricky = "<at>dana</at> {{TIME(2026-11-22T14:02:00Z)}} {\u200b{DATE(x)}} a < b"
    text = "\n".join(texts_of(card(TEAMS.body(hostile(tricky, "")))))

    assert "< at>dana< /at> { {TIME(2026-11-22T14:02:00Z)}} { {DATE(x)}} a < b" in text


def test_a_workflow_answers_with_nothing_and_the_receipt_says_so(side):
    receipt = TEAMS.send(*side.settings(), FAILED, KEY)

    assert (receipt.status, receipt.answer) == (202, "The workflow was started.")


@pytest.mark.parametrize("code", ["WorkflowNotFound", "DirectApiAuthorizationRequired"])
def test_a_workflow_that_is_no_more_or_not_ours_is_gone(side, code):
    error = refusal(side, 404, coded(code))

    assert error.gone
    assert code in error.detail


@pytest.mark.parametrize(
    ("status", "body"), [(400, coded("TriggerInputSchemaMismatch")), (413, b"")]
)
def test_a_card_that_does_not_fit_is_not_tried_again(side, status, body):
    assert refusal(side, status, body).permanent


@pytest.mark.parametrize("body", [coded("WorkflowTriggerIsNotEnabled"), b"[]", b"null", b"\xff"])
def test_a_workflow_that_is_switched_off_is_tried_again(side, body):
    assert refusal(side, 400, body).retryable


def test_a_url_that_only_signed_in_people_may_call_is_refused_by_the_form():
    url = "https://prod-96.westeurope.logic.azure.com:443/workflows/b8?api-version=2016-06-01"
    form = TEAMS.form_class({"url": url})

    assert not form.is_valid()
    assert "signature" in str(form.errors["url"])


def run(body: dict, **changes: object) -> None:
    card(body)["body"][0]["inlines"][0].update(changes)


@pytest.mark.parametrize(
    "breaks",
    [
        lambda body: run(body, text=""),
        lambda body: run(body, text="<at>everyone</at>"),
        lambda body: run(body, text="{{DATE(2026-11-22T14:02:00Z)}}"),
        lambda body: run(body, text="\u202egnp"),
        lambda body: run(body, color="red"),
        lambda body: card(body).update(version="1.5"),
        lambda body: card(body).update(msteams={"entities": []}),
        lambda body: card(body)["body"].append({"type": "TextBlock", "text": "**bold**"}),
        lambda body: card(body)["body"].append({"type": "FactSet", "facts": []}),
        lambda body: card(body)["actions"][0].update(url="javascript:alert(1)"),
        lambda body: card(body)["actions"].extend(card(body)["actions"] * 6),
        lambda body: body.update(type="MessageCard"),
        lambda body: body.pop("attachments"),
        lambda body: body["attachments"][0].update(contentType="application/json"),
    ],
)
def test_the_receiver_here_refuses_what_teams_would(breaks):
    body = deepcopy(TEAMS.body(FAILED))
    breaks(body)

    assert fault_of(TEAMS.body(FAILED)) == ""
    assert fault_of(body)


def test_the_receiver_here_refuses_a_card_that_is_too_large(side):
    body = TEAMS.body(FAILED)
    run(body, text="x" * MOST_BYTES)

    assert side.judge(side.path, body).status == 413
