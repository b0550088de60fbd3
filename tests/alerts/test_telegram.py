import logging
from dataclasses import replace

import pytest

from alerts.channels.base import SendError
from alerts.channels.telegram import KIND, SERVER, content_of
from alerts.models import Attempt, Channel
from alerts.outbox import deliver
from alerts.setup import create_channel, update_channel
from outbound.redact import RedactFilter
from tests.alerts import hostile
from tests.alerts.house import the_delivery
from tests.builders import a_rule
from tests.channel_sides.telegram import CHAT, TOKEN, TelegramSide, fault_of, read_html, refused
from tests.contracts.test_channels import FAILED, KEY
from tests.receiver import Answer

GOOD = {"chat_id": CHAT, "text": "<b>a</b> &lt; b", "parse_mode": "HTML"}


@pytest.fixture
def side(settings):
    side = TelegramSide(settings)
    yield side
    side.close()


def refusal(side, answer: Answer) -> SendError:
    side.server.script.append(answer)
    with pytest.raises(SendError) as caught:
        KIND.send(*side.settings(), FAILED, KEY)
    return caught.value


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": "a < b"}, "parse entities"),
        ({"text": "a & b"}, "parse entities"),
        ({"text": "<b>a"}, "end tag"),
        ({"text": "<b>a</i>"}, "Unmatched"),
        ({"text": "<b onclick='x'>a</b>"}, "start tag"),
        ({"text": "<script>a</script>"}, "start tag"),
        ({"text": "<b></b>"}, "empty"),
        ({"text": "😀" * 2049}, "too long"),
        ({"text": "\ud800"}, "UTF-8"),
        ({"chat_id": "1"}, "chat not found"),
        ({"parse_mode": "html5"}, "parse_mode"),
        ({"disable_web_page_preview": True}, "unknown"),
        *(
            ({"reply_markup": {"inline_keyboard": [[{"text": "Open", "url": url}]]}}, "Wrong HTTP")
            for url in ("http://127.0.0.1/", "http://localhost/", "tg://user?id=1")
        ),
    ],
)
def test_the_receiver_here_refuses_what_telegram_does(changed, words):
    assert fault_of(GOOD) == ""
    assert words in fault_of({**GOOD, **changed})


@pytest.mark.parametrize("message", hostile.ALL.values(), ids=hostile.ALL)
def test_hostile_text_in_every_field_is_taken_and_reads_as_text(side, message):
    KIND.send(*side.settings(), message, KEY)
    (text,) = side.texts()

    assert [sign for sign in hostile.SIGNS_NEVER_SENT if sign in text] == []
    assert "@everyone" not in text  # a word joiner stands between


def test_the_first_line_is_bold_and_the_rest_is_escaped():
    message = replace(FAILED, subject="a<b>&c", reason="5 < 6")
    first, second, *_ = content_of(message, CHAT)["text"].splitlines()

    assert first == "<b>FAILED a&lt;b&gt;&amp;c · invalid_training_file</b>".replace(" a", "  a")
    assert second == "Why: 5 &lt; 6"


def test_a_digest_that_is_too_long_counts_what_is_left_out():
    text = read_html(content_of(replace(hostile.DIGEST, url="http://10.1.2.3/"), CHAT)["text"])

    assert len(text.encode("utf-16-le")) // 2 <= 4096
    assert "more\nOpen: http://10.1.2.3/" in text


def test_entries_of_a_digest_open_their_pages():
    message = replace(hostile.DIGEST, entries=(replace(hostile.ENTRY, headline="v7 failed"),))

    assert f'<a href="{hostile.ENTRY.url}">v7 failed</a>' in content_of(message, CHAT)["text"]


def test_links_are_buttons_and_a_loopback_address_is_a_line_of_text():
    message = replace(FAILED, url="http://127.0.0.1:8000/x/", links=(("Mute", "https://b.ex/m"),))
    content = content_of(message, CHAT)

    assert content["text"].endswith("\nOpen: http://127.0.0.1:8000/x/")
    assert content["reply_markup"] == {
        "inline_keyboard": [[{"text": "Mute", "url": "https://b.ex/m"}]]
    }


def test_success_is_silent_unless_it_is_urgent():
    done = replace(FAILED, name="succeeded")

    assert content_of(done, CHAT)["disable_notification"]
    assert not content_of(replace(done, is_urgent=True), CHAT)["disable_notification"]
    assert not content_of(FAILED, CHAT)["disable_notification"]


def test_the_wait_that_telegram_asks_for_is_read_from_its_answer(side):
    answer = refused(429, "Too Many Requests: retry after 34", parameters={"retry_after": 34})

    assert refusal(side, answer).retry_after == 34
    assert refusal(side, Answer(429, {"Retry-After": "7"}, b"[]")).retry_after == 7


@pytest.mark.parametrize(
    ("status", "words", "is_permanent"),
    [
        (400, "Bad Request: chat not found", True),
        (403, "Forbidden: bot was blocked by the user", True),
        (401, "Unauthorized", False),
        (404, "Not Found", False),
        (502, "Bad Gateway", False),
    ],
)
def test_only_what_cannot_be_mended_is_permanent(side, status, words, is_permanent):
    error = refusal(side, refused(status, words))

    assert error.permanent is is_permanent
    assert words in error.detail


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b'{"ok": false}', b"{" * 9000])
def test_an_answer_that_is_not_telegrams_is_no_success(side, body):
    assert "no Bot API server" in refusal(side, Answer(200, body=body)).detail


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, body=f"cannot POST /bot{TOKEN}/sendMessage".encode()),
        Answer(404, body=f"/bot{TOKEN.replace(':', '%3A')}/sendMessage".encode()),
        Answer(302, {"Location": f"https://elsewhere.example/bot{TOKEN}/sendMessage"}),
        Answer(200, body=f"/bot{TOKEN}/sendMessage".encode()),
        Answer(500, body=b" " * 780 + f"/bot{TOKEN}".encode()),
    ],
)
def test_no_error_shows_the_token(side, answer):
    beginning_of_secret = TOKEN.partition(":")[2][:4]

    assert beginning_of_secret not in refusal(side, answer).detail


def test_a_server_that_is_not_there_does_not_show_the_token(side):
    values = side.settings()
    side.close()
    with pytest.raises(SendError) as caught:
        KIND.send(*values, FAILED, KEY)

    assert TOKEN not in f"{caught.value.detail} {caught.value.__cause__}"


def test_no_log_line_shows_the_token(side, caplog):
    caplog.handler.addFilter(redacting := RedactFilter())
    with caplog.at_level(logging.DEBUG, logger="httpx"):
        KIND.send(*side.settings(), FAILED, KEY)
    caplog.handler.removeFilter(redacting)

    assert caplog.records
    assert TOKEN not in caplog.text


def test_no_attempt_keeps_the_token(house, side):
    config, secrets = side.settings()
    channel = create_channel(house.team, "telegram", "Ops", {**config, **secrets}).channel
    Channel.objects.update(created_at="2020-01-01T00:00Z")
    a_rule(channel, created_at="2020-01-01T00:00Z")
    house.ends()
    side.server.script.append(Answer(500, body=f"/bot{TOKEN}/sendMessage".encode()))
    deliver()
    kept = [*Attempt.objects.values_list("answer", flat=True), the_delivery().reason]

    assert "[redacted]" in kept[0]
    assert TOKEN not in " ".join([*kept, channel.sealed_secrets, str(channel.config)])


def test_another_server_asks_for_the_token_again(house):
    values = {"token": TOKEN, "chat_id": CHAT, "server": SERVER}
    channel = create_channel(house.team, "telegram", "Ops", values).channel
    kept = {**values, "token": ""}
    assert update_channel(channel, "Ops", {**kept, "chat_id": "@ops_room"}).channel.config == {
        "server": SERVER,
        "chat_id": "@ops_room",
    }
    with pytest.raises(ValueError, match="enter the token again"):
        update_channel(channel, "Ops", {**kept, "server": "https://bots.example.com"})


def test_a_server_of_ones_own_is_shown_beside_the_chat():
    assert KIND.show({"chat_id": CHAT, "server": SERVER}) == CHAT
    assert KIND.show({"chat_id": CHAT, "server": "https://bots.example.com"}) == (
        f"{CHAT} at bots.example.com"
    )
