"""What Slack, Teams and Discord keep to alike: each behind a receiver that looks at the payload."""

import json

import pytest

from alerts import channels
from alerts.channels.base import SendError
from alerts.message import Message
from alerts.setup import create_channel
from tests.alerts.foreign_text import FILLERS, TRICKS, hostile, hostile_digest
from tests.builders import a_team
from tests.channel_sides import SIDES, discord, slack, teams
from tests.receiver import Answer

ROOMS = {"slack": slack, "teams": teams, "discord": discord}
KEY = "0191f3a2-7c1e-7d11-9a55-0d0e6d2f3a11"


@pytest.fixture(params=list(ROOMS))
def name(request):
    return request.param


@pytest.fixture
def kind(name):
    return channels.kinds()[name]


@pytest.fixture
def side(name):
    side = SIDES[name](None)
    yield side
    side.close()


def read(name: str, body: dict) -> str:
    return SIDES[name].text_of(None, body)


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("make", [hostile, hostile_digest])
def test_hostile_text_of_any_filling_is_inert_and_within_the_limits(name, kind, make, trick):
    bodies = [kind.body(make(trick, filler)) for filler in FILLERS]

    assert [ROOMS[name].fault_of(body) for body in bodies] == [""] * len(FILLERS)


@pytest.mark.parametrize(("make", "parts"), [(hostile, 1), (hostile_digest, 50)])
def test_hostile_text_is_readable(name, kind, make, parts):
    text = read(name, kind.body(make(TRICKS[0], "z")))

    assert text.count("<!channel>") >= parts
    assert "everyone" in text
    assert not {"\x00", "\u202e", "\ud800", "\r"} & set(text)


def test_a_digest_names_all_fifty(name, kind):
    text = read(name, kind.body(hostile_digest("", "漢")))

    assert [n for n in range(50) if f"job-{n} " not in text] == []


def test_links_can_be_opened_and_what_is_none_is_left_out(name, kind):
    sent = json.dumps(kind.body(hostile("", "z")))

    assert "https://bell.example.com/jobs/prod-eu/ftjob-a41/" in sent
    assert "https://bell.example.com/compare/?jobs=a,b&x=%281%29_[2]" in sent
    assert [label for label in ("javascript", "Broken", "Empty") if label in sent] == []


def test_an_empty_message_is_still_one(name, kind):
    body = kind.body(Message.from_json({}))

    assert ROOMS[name].fault_of(body) == ""
    assert "TuneBell" in read(name, body)


def test_the_preview_is_what_is_sent(kind, side):
    message = hostile(TRICKS[0], "z")
    config, secrets = side.settings()
    kind.send(config, secrets, message, KEY)

    assert json.loads(kind.preview(message, KEY)) == side.server.journal[0].content
    assert "s3cr3t" not in kind.preview(message, KEY)


def test_the_host_is_kept_to_show_and_the_url_as_a_secret(name, kind):
    stored = kind.store(SIDES[name].form, {}, {})
    kept = kind.store({"url": ""}, stored.config, stored.secrets)

    assert stored.secrets == SIDES[name].form
    assert kind.show(stored.config) in SIDES[name].form["url"]
    assert kept == stored


def test_a_changed_url_needs_nothing_else(name, kind):
    stored = kind.store({"url": "https://new.example.com/a"}, {"host": "old.example.com"}, {})

    assert stored.config == {"host": "new.example.com"}
    assert stored.secrets == {"url": "https://new.example.com/a"}


def test_a_test_arrives_at_the_stored_url(db, name, side):
    channel = create_channel(a_team(), name, "Ops", {"url": side.server.url}).channel

    assert channels.send_test(channel).answer
    assert channels.show(channel) == f"127.0.0.1:{side.server.port}"
    assert "this channel works" in side.texts()[0]


def test_a_url_that_is_echoed_is_not_shown(kind, side):
    config, secrets = side.settings()
    path = secrets["url"].partition("://")[2].partition("/")[2]
    side.server.script.append(Answer(500, body=f"cannot post to /{path}".encode()))
    with pytest.raises(SendError) as caught:
        kind.send(config, secrets, hostile("", "z"), KEY)

    assert "s3cr3t" not in caught.value.detail


def test_a_wrong_url_is_gone(kind, side):
    """The vendor knows no such webhook: people are told now, not after a day of tries."""
    config, secrets = side.settings()
    with pytest.raises(SendError) as caught:
        kind.send(config, {"url": secrets["url"].replace("s3cr3t", "0ther")}, hostile("", "z"), KEY)

    assert caught.value.gone


def test_a_proxy_that_refuses_is_tried_again(kind, side):
    side.server.script.append(Answer(404, body=b"<html>Not found</html>"))
    side.server.script.append(Answer(400, body=b'{"code": {}, "error": [], "retry_after": []}'))
    config, secrets = side.settings()
    for _ in range(2):
        with pytest.raises(SendError) as caught:
            kind.send(config, secrets, hostile("", "z"), KEY)
        assert caught.value.retryable
