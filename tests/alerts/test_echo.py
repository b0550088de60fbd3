"""A receiver that repeats what it was sent: frameworks do so in their error pages. No secret gets into what we keep."""

import json
from urllib.parse import quote

import pytest

from alerts import channels
from alerts.channels.base import SendError
from alerts.channels.webhook import new_secret
from outbound.redact import redact
from tests.contracts.test_channels import FAILED, KEY
from tests.receiver import Answer, Receiver

PART = "s3cr3t-AbCdEfGhIjKlMnOp"
TOPIC, TOKEN = "ops-4f1c9a-topic", "correct-horse"
ROUTING, BOT = "R0123456789abcdef0123456789abcde", "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOpp"
# Kind -> what follows the receiver's address in its URL; the others name a server.
PATHS = {
    "webhook": f"/in/{PART}",
    "slack": f"/services/T024BE7LD/B0123/{PART}",
    "teams": f"/workflows/1/invoke?api-version=1&sig={PART}",
    "discord": f"/api/webhooks/2237/{PART}?thread_id=19&wait=false",
}
SERVED = {
    "ntfy": {"topic": TOPIC, "token": TOKEN},
    "telegram": {"token": BOT},
    "pagerduty": {"routing_key": ROUTING},
}
SECRETS = (PART, TOPIC, TOKEN, ROUTING, BOT)


class Echo(Receiver):
    status = 404

    def answer_to(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        told = (f"Cannot POST {path}", quote(path, safe=""), headers.get("authorization", ""))
        content = json.loads(body)
        own = [str(content.get(name, "")) for name in ("topic", "routing_key")]
        parts = [*told, *own, path.rpartition("/")[2], path.partition("?")[2], json.dumps(path)]
        return Answer(self.status, body=" ".join(parts).encode())


@pytest.fixture
def echo():
    server = Echo().up()
    yield server
    server.down()


def sent_by(name: str, echo: Echo) -> str:
    """What there is to read of one send, be it taken or not."""
    base = f"http://127.0.0.1:{echo.port}"
    config = {"server": base, "region": "other", "chat_id": "-100123"}
    secrets = SERVED.get(name) or {"url": base + PATHS[name], "secret": new_secret()}
    try:
        return channels.kinds()[name].send(config, secrets, FAILED, KEY).answer
    except SendError as error:
        return error.detail


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("name", [*PATHS, *SERVED])
def test_what_a_receiver_repeats_of_our_secrets_is_not_kept(echo, name, status):
    echo.status = status
    told = sent_by(name, echo)

    assert echo.journal
    assert [one for one in SECRETS if one in told] == []


def test_a_secret_at_the_edge_of_what_is_kept_is_not_kept_in_half(receiver):
    receiver.usual = Answer(403, body=b"x" * 190 + b" " + TOPIC.encode())
    config = {"server": f"http://127.0.0.1:{receiver.port}"}
    with pytest.raises(SendError) as caught:
        channels.kinds()["ntfy"].send(config, {"topic": TOPIC}, FAILED, KEY)

    assert TOPIC[:6] not in caught.value.detail


@pytest.mark.parametrize(
    ("name", "secrets"),
    [
        ("ntfy", {"topic": "ops", "token": "gpt-4o-mini-2024-07-18"}),
        ("slack", {"url": "/models/llama-v3p1-8b"}),
    ],
)
def test_a_secret_that_is_a_word_is_not_blanked_in_the_texts_of_others(echo, name, secrets):
    base = f"http://127.0.0.1:{echo.port}"
    if "url" in secrets:
        secrets = {"url": base + secrets["url"]}
    with pytest.raises(SendError):
        channels.kinds()[name].send({"server": base}, secrets, FAILED, KEY)

    told = "gpt-4o-mini-2024-07-18 and accounts/fireworks/models/llama-v3p1-8b"
    assert redact(told) == told
