import json
from dataclasses import replace

import pytest

from alerts.channels import secrets_of
from alerts.channels.base import SendError
from alerts.channels.ntfy import KIND, SERVER, NtfyForm, content_of
from alerts.setup import create_channel, update_channel
from tests.alerts import hostile
from tests.channel_sides.ntfy import TOKEN, TOPIC, NtfySide, fault_of
from tests.contracts.test_channels import FAILED, KEY
from tests.receiver import Answer


@pytest.fixture
def side(settings):
    side = NtfySide(settings)
    yield side
    side.close()


@pytest.fixture
def channel(house):
    values = {"topic": TOPIC, "server": SERVER, "token": TOKEN}
    return create_channel(house.team, "ntfy", "Phones", values).channel


KEPT = {"topic": "", "server": SERVER, "token": ""}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"topic": "a/b"}, 400),
        ({"message": "m" * 4096}, 400),
        ({"message": "é" * 2048}, 400),
        ({"title": "t" * 201}, 400),
        ({"priority": 6}, 400),
        ({"priority": "high"}, 400),
        ({"tags": ["a,b"]}, 400),
        ({"click": "javascript:alert(1)"}, 400),
        ({"sequence_id": "a b"}, 400),
        ({"actions": [{"action": "view", "label": "Open", "url": "https://b.ex"}] * 4}, 400),
        ({"actions": [{"action": "view", "label": "Open"}]}, 400),
        ({"prio": 5}, 400),
        ({"message": "\n" * 4000, "title": "é" * 200}, 413),
        ({"message": "\ud800"}, 400),
    ],
)
def test_the_receiver_here_refuses_what_ntfy_does(changed, status):
    content = content_of(FAILED, TOPIC, KEY)
    body = json.dumps({**content, **changed}, ensure_ascii=False)

    assert fault_of(json.dumps(content).encode()) is None
    assert (fault_of(body.encode("utf-8", "surrogatepass")) or [0])[0] == status


@pytest.mark.parametrize("message", hostile.ALL.values(), ids=hostile.ALL)
def test_hostile_text_in_every_field_is_taken_and_reads_as_text(side, message):
    KIND.send(*side.settings(), message, KEY)
    (text,) = side.texts()

    assert [sign for sign in hostile.SIGNS_NEVER_SENT if sign in text] == []


def test_a_digest_of_quotes_and_emoji_stays_below_the_limits():
    message = replace(hostile.EMOJI, entries=(hostile.ENTRY,) * 50)
    body = json.dumps(content_of(message, TOPIC, KEY), ensure_ascii=False).encode()

    assert fault_of(body) is None
    assert "more" in json.loads(body)["message"]


@pytest.mark.parametrize(
    ("name", "is_urgent", "priority", "tag"),
    [
        ("failed", False, 4, "x"),
        ("failed", True, 5, "x"),
        ("rejected", False, 4, "rotating_light"),
        ("stuck", False, 3, "warning"),
        ("succeeded", False, 3, "white_check_mark"),
        ("recovered", False, 3, "green_circle"),
        ("test", False, 3, "bell"),
    ],
)
def test_priority_and_emoji_tell_the_state(name, is_urgent, priority, tag):
    content = content_of(replace(FAILED, name=name, is_urgent=is_urgent), TOPIC, KEY)

    assert (content["priority"], content["tags"]) == (priority, [tag])


def test_the_first_three_links_are_buttons():
    links = tuple((f"Link {n}", f"https://b.example/{n}") for n in range(5))
    actions = content_of(replace(FAILED, links=links), TOPIC, KEY)["actions"]

    assert [one["label"] for one in actions] == ["Open", "Link 0", "Link 1"]


def test_the_token_goes_in_the_header_and_only_where_there_is_one(side):
    config, secrets = side.settings()
    KIND.send(config, secrets, FAILED, KEY)
    with pytest.raises(SendError, match="forbidden") as caught:
        KIND.send(config, {"topic": TOPIC}, FAILED, KEY)

    assert side.server.journal[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in side.server.journal[1].headers
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "is_permanent"), [(400, True), (413, True), (403, False), (429, False)]
)
def test_no_error_shows_topic_or_token(side, status, is_permanent):
    body = f"{TOPIC} is not for {TOKEN}".encode()
    side.server.script.append(Answer(status, {"Retry-After": "9"}, body))
    with pytest.raises(SendError) as caught:
        KIND.send(*side.settings(), FAILED, KEY)

    error = caught.value
    assert error.detail.endswith("[redacted] is not for [redacted]")
    assert (error.permanent, error.retry_after) == (is_permanent, 9)


def test_no_answer_shows_the_topic(side):
    receipt = KIND.send(*side.settings(), FAILED, KEY)
    side.server.script.append(Answer(200, body=json.dumps({"id": TOPIC}).encode()))

    assert receipt.answer == "ntfy took it as xE73Iyuabi."
    assert TOPIC not in KIND.send(*side.settings(), FAILED, KEY).answer


def test_an_answer_that_is_not_ntfys_is_no_success(side):
    side.server.script.append(Answer(200, body=b"<html>hello</html>"))
    with pytest.raises(SendError, match="no ntfy server"):
        KIND.send(*side.settings(), FAILED, KEY)


def test_only_the_server_is_shown(channel):
    assert KIND.show(channel.config) == "ntfy.sh"
    assert channel.config == {"server": SERVER}


def test_another_server_asks_for_the_topic_again_and_gets_no_old_token(channel):
    with pytest.raises(ValueError, match="enter the topic again"):
        update_channel(channel, "Phones", {**KEPT, "server": "https://push.example.com"})
    moved = {**KEPT, "server": "https://push.example.com", "topic": "other"}

    assert secrets_of(update_channel(channel, "Phones", moved).channel) == {"topic": "other"}


def test_what_is_left_empty_stays_and_a_token_can_be_forgotten(channel):
    update_channel(channel, "Phones", KEPT)
    assert secrets_of(channel) == {"topic": TOPIC, "token": TOKEN}
    update_channel(channel, "Phones", {**KEPT, "without_token": True})

    assert secrets_of(channel) == {"topic": TOPIC}


def test_only_an_edit_offers_to_forget_the_token():
    assert "without_token" not in NtfyForm().fields
    assert "without_token" in NtfyForm(is_edit=True).fields
