"""What is special about Discord."""

from copy import deepcopy
from dataclasses import replace

import pytest

from alerts.channels import kinds
from alerts.channels.base import SendError
from alerts.message import Entry
from tests.alerts.foreign_text import hostile, hostile_digest
from tests.channel_sides.discord import DiscordSide, fault_of, length, read, texts_of
from tests.contracts.test_channels import FAILED, KEY
from tests.receiver import Answer

DISCORD = kinds()["discord"]


@pytest.fixture
def side():
    side = DiscordSide(None)
    yield side
    side.close()


def refusal(side, status: int, body: bytes, headers: dict | None = None) -> SendError:
    side.server.script.append(Answer(status, headers or {}, body))
    with pytest.raises(SendError) as caught:
        DISCORD.send(*side.settings(), FAILED, KEY)
    return caught.value


def embed(body: dict) -> dict:
    return body["embeds"][0]


def test_a_message_is_one_embed_in_the_colour_of_the_state():
    body = DISCORD.body(FAILED)

    assert embed(body)["title"] == r"FAILED support-bot-v7 · invalid\_training\_file"
    assert embed(body)["color"] == 0xCF222E
    assert embed(body)["url"] == FAILED.url
    assert embed(body)["description"].endswith(f"[Open]({FAILED.url})")


@pytest.mark.parametrize(
    ("name", "color"),
    [
        ("succeeded", 0x1F883D),
        ("recovered", 0x1F883D),
        ("cancelled", 0x7D68B0),
        ("stuck", 0xA86A00),
        ("rejected", 0xCF222E),
        ("test", 0x1F6FD6),
    ],
)
def test_a_state_has_its_colour(name, color):
    assert embed(DISCORD.body(replace(FAILED, name=name)))["color"] == color


def test_a_digest_has_the_colour_of_its_worst_entry():
    entries = (Entry("failed", "FAILED a"), Entry("succeeded", "SUCCEEDED b"))

    assert embed(DISCORD.body(replace(FAILED, name="digest", entries=entries)))["color"] == 0xCF222E


@pytest.mark.parametrize("host", ["localhost:8000", "bell"])
def test_an_address_that_discord_takes_for_none_stands_in_the_text_alone(host):
    body = DISCORD.body(replace(FAILED, url=f"http://{host}/jobs/"))

    assert "url" not in embed(body)
    assert f"[Open](http://{host}/jobs/)" in embed(body)["description"]


def test_nobody_is_mentioned():
    assert DISCORD.body(FAILED)["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("make", [hostile, hostile_digest])
def test_signs_of_two_units_are_counted_as_two(make):
    texts = [text for _, text in texts_of(DISCORD.body(make("", "\U0001f514")))]

    assert sum(map(length, texts)) <= 6000


def test_foreign_markdown_is_read_as_it_was_written():
    trick = r"**a** __b__ [c](https://evil.example) \d || e <@1> #f :g:"
    description = embed(DISCORD.body(hostile(trick, "")))["description"]

    assert trick in read(description)
    assert "https://evil" not in description


def test_the_answer_is_waited_for_and_the_thread_kept(side):
    config, secrets = side.settings()
    url = f"{secrets['url']}?thread_id=42&wait=false"
    receipt = DISCORD.send(config, {"url": url}, FAILED, KEY)

    assert side.server.journal[0].path == f"{side.path}?thread_id=42&wait=true"
    assert (receipt.status, receipt.answer) == (200, "message 112233")


@pytest.mark.parametrize(("status", "code"), [(404, 10015), (404, 10003), (401, 50027)], ids=str)
def test_a_webhook_or_channel_that_is_no_more_is_gone(side, status, code):
    error = refusal(side, status, b'{"message": "Unknown", "code": %d}' % code)

    assert error.gone
    assert "Unknown" in error.detail


def test_a_message_that_discord_cannot_take_is_not_tried_again(side):
    assert refusal(side, 400, b'{"message": "Invalid Form Body", "code": 50035}').permanent
    assert refusal(side, 413, b"").permanent


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("", b'{"message": "You are being rate limited.", "retry_after": 1.337}', 1.337),
        ("2", b'{"retry_after": 1.337, "global": false}', 2),
        ("1", b'{"retry_after": 64.57}', 64.57),
        ("65", b"<html>", 65),
        ("", b'{"retry_after": NaN}', None),
        ("", b'{"retry_after": -1}', None),
        ("", b'{"retry_after": %s}' % (b"9" * 400), None),
        ("", b'{"retry_after": "soon"}', None),
        ("", b"[]", None),
    ],
)
def test_the_wait_that_discord_asks_for_is_kept(side, header, body, seconds):
    headers = {"Retry-After": header} if header else {}

    assert refusal(side, 429, body, headers).retry_after == seconds


def test_a_message_without_wait_would_not_be_confirmed(side):
    assert side.judge(side.path, DISCORD.body(FAILED)).status == 204


@pytest.mark.parametrize(
    "breaks",
    [
        lambda body: embed(body).update(title="x" * 257),
        lambda body: embed(body).update(title="\U0001f514" * 129),
        lambda body: embed(body).update(title=""),
        lambda body: embed(body).update(title="**FAILED** x"),
        lambda body: embed(body).update(title="a_b_c"),
        lambda body: embed(body).update(title="\u202egnp"),
        lambda body: embed(body).update(description="x" * 4097),
        lambda body: embed(body).update(description="hello @everyone"),
        lambda body: embed(body).update(description="<@&123>"),
        lambda body: embed(body).update(description="see https://evil.example"),
        lambda body: embed(body).update(color="red"),
        lambda body: embed(body).update(color=0x1000000),
        lambda body: embed(body).update(fields=[{"name": "a", "value": "x" * 1025}]),
        lambda body: embed(body).update(fields=[{"name": "a", "value": ""}]),
        lambda body: embed(body).update(fields=[{"name": "a", "value": "b"}] * 26),
        lambda body: embed(body).update(fields=[{"name": "a", "value": "x" * 1000}] * 6),
        lambda body: embed(body).update(url="javascript:alert(1)"),
        lambda body: body.update(allowed_mentions={"parse": ["everyone"]}),
        lambda body: body.pop("allowed_mentions"),
        lambda body: body.update(nonce="1"),
    ],
)
def test_the_receiver_here_refuses_what_discord_would(breaks):
    body = deepcopy(DISCORD.body(FAILED))
    breaks(body)

    assert fault_of(DISCORD.body(FAILED)) == ""
    assert fault_of(body)
