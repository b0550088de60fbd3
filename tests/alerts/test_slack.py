"""What is special about Slack."""

from copy import deepcopy

import pytest

from alerts.channels import kinds
from alerts.channels.base import SendError
from tests.alerts.foreign_text import hostile, hostile_digest
from tests.channel_sides.slack import SlackSide, fault_of
from tests.contracts.test_channels import FAILED, KEY
from tests.receiver import Answer

SLACK = kinds()["slack"]


@pytest.fixture
def side():
    side = SlackSide(None)
    yield side
    side.close()


def refusal(side, status: int, body: bytes, headers: dict | None = None) -> SendError:
    side.server.script.append(Answer(status, headers or {}, body))
    with pytest.raises(SendError) as caught:
        SLACK.send(*side.settings(), FAILED, KEY)
    return caught.value


def test_a_message_is_header_section_fields_and_buttons():
    body = SLACK.body(FAILED)
    kinds_of_blocks = [block["type"] for block in body["blocks"]]

    assert kinds_of_blocks == ["header", "section", "section", "actions"]
    assert body["text"] == "FAILED support-bot-v7 · invalid_training_file"
    assert body["blocks"][3]["elements"][0]["url"] == FAILED.url


def test_a_digest_is_chunked_into_few_sections():
    blocks = SLACK.body(hostile_digest("", "&"))["blocks"]
    texts = [block["text"]["text"] for block in blocks if "text" in block]

    assert len(blocks) < 10
    assert max(map(len, texts)) <= 3000
    assert sum(text.count("FAILED job-") for text in texts) == 50


def test_an_entity_is_never_cut_in_two():
    assert fault_of(SLACK.body(hostile("", "<&>"))) == ""


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (404, b"no_service"),
        (404, b"channel_not_found"),
        (410, b"channel_is_archived"),
        (403, b"invalid_token"),
        (400, b"user_not_found"),
    ],
)
def test_a_webhook_or_channel_that_is_no_more_is_gone(side, status, word):
    error = refusal(side, status, word)

    assert error.gone
    assert word.decode() in error.detail


def test_a_message_that_slack_cannot_read_is_not_tried_again(side):
    error = refusal(side, 400, b"invalid_payload")

    assert error.permanent
    assert not error.gone


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b"action_prohibited"),
        (500, b"rollup_error"),
        (503, b"no_service"),
        (400, b"<html>Bad request</html>"),
    ],
)
def test_what_may_pass_is_tried_again(side, status, body):
    assert refusal(side, status, body).retryable


def test_the_wait_that_slack_asks_for_is_kept(side):
    assert refusal(side, 429, b"rate_limited", {"Retry-After": "30"}).retry_after == 30


def header(body: dict, text: object) -> None:
    body["blocks"][0]["text"]["text"] = text


def field(body: dict, **changes: object) -> None:
    body["blocks"][2]["fields"][0].update(changes)


@pytest.mark.parametrize(
    "breaks",
    [
        lambda body: header(body, "x" * 151),
        lambda body: header(body, ""),
        lambda body: header(body, "a\x00b"),
        lambda body: header(body, "\ud800"),
        lambda body: header(body, "<!channel>"),
        lambda body: header(body, "R&D"),
        lambda body: field(body, text="x" * 2001),
        lambda body: field(body, type="mrkdwn"),
        lambda body: body.update(text="see <https://evil.example|bank>"),
        lambda body: body.update(unfurl_links=True),
        lambda body: body.update(channel="#general"),
        lambda body: body.pop("text"),
        lambda body: body["blocks"].extend(body["blocks"][:1] * 47),
        lambda body: body["blocks"].append({"type": "section"}),
        lambda body: body["blocks"].append({"type": "actions", "elements": []}),
        lambda body: body["blocks"][3]["elements"][0].update(url="javascript:alert(1)"),
        lambda body: body["blocks"][2]["fields"].extend(body["blocks"][2]["fields"] * 5),
    ],
)
def test_the_receiver_here_refuses_what_slack_would(breaks):
    body = deepcopy(SLACK.body(FAILED))
    breaks(body)

    assert fault_of(SLACK.body(FAILED)) == ""
    assert fault_of(body)
