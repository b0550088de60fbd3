"""What chat rooms behind a secret URL share: the form, the send, and foreign text cut to size."""

import json
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms

from alerts.channels.base import ChannelForm, Kind, Receipt, Stored, Values
from alerts.channels.http import (
    Verdict,
    clean_url,
    host_of,
    post,
    receipt_of,
    secrets_in,
    verdict_of,
    wait_of,
)
from alerts.channels.layout import Gravity, gravity
from alerts.facts import MAX_FACTS
from alerts.message import Message
from alerts.plaintext import clean
from outbound.client import Reply
from outbound.redact import remember

HEADERS = {"content-type": "application/json"}
DIGEST_FACTS = 3  # beside its entries
MAX_LINE = 240  # characters of an entry in a digest, where there is room
UNSAFE_IN_A_LINK = {ord(sign): f"%{ord(sign):02X}" for sign in ' "<>()\\^`{|}'}


class UrlForm(ChannelForm):
    """The address a vendor made for one room: whoever knows it may write there."""

    secret_fields = ("url",)
    example: ClassVar[str]  # how such a URL begins

    url = forms.CharField(
        label="Webhook URL",
        max_length=2000,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # Django's own
        super().__init__(*args, **kwargs)
        told = f"Like {self.example} Everything after the host is kept secret."
        self.fields["url"].help_text = told

    def clean_url(self) -> str:
        url = clean_url(self.cleaned_data["url"])
        if url:
            self.check_place(url)
        return url

    def check_place(self, url: str) -> None:
        """Raises ValidationError for a URL that the vendor would refuse every message at."""


class ChatRoom(Kind):
    """A kind whose URL is its only secret and whose message is one JSON body."""

    @abstractmethod
    def body(self, message: Message) -> dict[str, Any]:
        """What is sent, within every limit of the vendor, whatever the message holds."""

    def address(self, url: str) -> str:
        return url

    def receipt(self, reply: Reply, hidden: Collection[str]) -> Receipt:
        return receipt_of(reply, hidden)

    def judge(self, reply: Reply) -> Verdict:
        """What the vendor's refusal says about the next try."""
        return verdict_of(reply)

    def seconds_to_wait(self, reply: Reply) -> float | None:
        """What the vendor's refusal asks for."""
        return wait_of(reply)

    def store(self, cleaned: Values, known_config: Values, known_secrets: Values) -> Stored:
        del known_config
        url = str(cleaned.get("url") or known_secrets.get("url", ""))
        return Stored({"host": host_of(url)}, {"url": url})

    def show(self, config: Values) -> str:
        return str(config.get("host", ""))

    def preview(self, message: Message, key: str) -> str:
        del key
        return json.dumps(self.body(message), indent=2, ensure_ascii=False)

    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        del config, key
        url = str(secrets["url"])
        remember(url)
        hidden = secrets_in(url)
        content = json.dumps(self.body(message), separators=(",", ":"), allow_nan=False).encode()
        reply = post(
            self.address(url),
            content,
            HEADERS,
            reads_wait=self.seconds_to_wait,
            judges=self.judge,
            hidden=hidden,
        )
        return self.receipt(reply, hidden)


@dataclass(frozen=True, slots=True)
class Script:
    """How a vendor counts text, and what it makes signs literal with."""

    length: Callable[[str], int] = len
    escapes: Mapping[int, str] = field(default_factory=dict)

    def fit(self, text: object, limit: int) -> str:
        """One clean line, escaped, at most `limit` long as the vendor counts it."""
        line = clean(text, limit)
        written = line.translate(self.escapes)
        if self.length(written) <= limit:
            return written
        room = limit - self.length("…")
        kept: list[str] = []
        for sign in line:
            piece = sign.translate(self.escapes)
            room -= self.length(piece)
            if room < 0:
                break
            kept.append(piece)
        return "".join(kept).rstrip() + "…"

    def entries(self, message: Message, room: int) -> list[str]:
        """A line for every entry of a digest, all of them together at most `room` long.

        Each gets the same share: a line cut short still names its job, one left out does not.
        """
        share = min(MAX_LINE, room // max(len(message.entries), 1) - self.length("\n"))
        return [self.fit(entry.headline, share) or "…" for entry in message.entries]


class Tone(Enum):
    """The colours of states that hold on light and dark grounds, as in static/css/tokens.css."""

    BAD = 0xCF222E
    GOOD = 0x1F883D
    WARNING = 0xA86A00
    ENDED = 0x7D68B0
    CALM = 0x1F6FD6


_TONES: Mapping[Gravity, Tone] = {
    Gravity.TROUBLE: Tone.BAD,
    Gravity.WARNING: Tone.WARNING,
    Gravity.GOOD: Tone.GOOD,
    Gravity.NOTE: Tone.CALM,
}


def tone_of(message: Message) -> Tone:
    """The colour of its state; a digest has that of its gravest entry."""
    is_cancelled = message.name == "cancelled"
    return Tone.ENDED if is_cancelled else _TONES[gravity(message)]


def headline_of(message: Message) -> str:
    """The headline as one line that is never empty: no vendor takes an empty title."""
    return clean(message.headline, 1000) or "TuneBell"


def told_of(message: Message) -> list[tuple[str, str]]:
    """The reason and the next step, as far as they are known; a digest's room is its entries'."""
    told = () if message.is_digest else (("Why", message.reason), ("Do", message.next_step))
    return [(label, text) for label, text in told if clean(text, 10)]


def facts_of(message: Message) -> list[tuple[str, str]]:
    """Label and text of the facts that have both."""
    facts = message.facts[: DIGEST_FACTS if message.is_digest else MAX_FACTS]
    return [(label, text) for label, text in facts if clean(label, 10) and clean(text, 10)]


def links_of(message: Message, longest: int) -> list[tuple[str, str]]:
    """Label and URL of every link that can be opened, the job's own page first."""
    links = [("Open", message.url), *message.links]
    found = [(label, web_url(url, longest)) for label, url in links if clean(label, 10)]
    return [(label, url) for label, url in found if url]


def web_url(url: str, longest: int) -> str:
    """The URL where it leads to the web, safe to stand in brackets; else ""."""
    safe = url.translate(UNSAFE_IN_A_LINK)
    try:
        has_host = bool(urlsplit(safe).hostname)
    except ValueError:
        return ""
    is_web = safe.startswith(("https://", "http://")) and safe.isascii() and safe.isprintable()
    return safe if has_host and is_web and len(safe) <= longest else ""
