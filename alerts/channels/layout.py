"""Pure: what the layouts of messages share: how grave one is, harmless text, and what fits."""

import re
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from alerts.facts import MAX_FACT, MAX_FACTS, MAX_NAME
from alerts.message import MAX_REASON, Entry, Message
from alerts.plaintext import clean
from outbound.policy import is_public

MAX_LABEL = 40
MAX_LINE = 300
MAX_URL = 1000
MAX_LINKS = 6
TAIL_ROOM = 40  # for "… and 12 more", in whatever is counted
_WEB = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+\Z")
_LOCAL_NAMES = ("local", "localhost", "internal", "lan", "home", "arpa")


class Gravity(IntEnum):
    """How much somebody should mind."""

    GOOD = 0
    NOTE = 1
    WARNING = 2
    TROUBLE = 3


_GRAVITY = {
    **dict.fromkeys(("succeeded", "recovered"), Gravity.GOOD),
    **dict.fromkeys(("cancelled", "test"), Gravity.NOTE),
    **dict.fromkeys(("failed", "missing"), Gravity.TROUBLE),
    **dict.fromkeys(("rejected", "unreachable", "out_of_quota", "unreadable"), Gravity.TROUBLE),
}


def gravity(message: Message) -> Gravity:
    """Of a digest: its gravest entry. A name that is not known here is a warning."""
    names = [entry.name for entry in message.entries] or [message.name]
    return max(_GRAVITY.get(name, Gravity.WARNING) for name in names)


def harmless(message: Message) -> Message:
    """The message with every text cleaned and cut, and without what is no web address.

    `compose` does so already; a layout must hold for any message, for a text that cannot be encoded
    would be an alert that is never sent.
    """
    return replace(
        message,
        name=clean(message.name, MAX_LABEL),
        type=clean(message.type, MAX_LABEL),
        word=clean(message.word, MAX_LABEL),
        subject=clean(message.subject, MAX_LINE if message.is_digest else MAX_NAME),
        result=clean(message.result, MAX_NAME),
        where=clean(message.where, MAX_NAME),
        reason=clean(message.reason, MAX_REASON),
        next_step=clean(message.next_step, MAX_REASON),
        facts=_facts(message),
        url=web_url(message.url),
        thread=clean(message.thread, MAX_NAME),
        at=clean(message.at, MAX_LABEL),
        links=_links(message),
        entries=tuple(_entry(entry) for entry in message.entries),
    )


def web_url(text: str) -> str:
    """The text where it is an http(s) address of plain ASCII, else ""."""
    return text if len(text) <= MAX_URL and _WEB.match(text) else ""


def is_reachable_from_outside(url: str) -> bool:
    """Whether a vendor takes the address for a public one: a name with a dot, or a public IP."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    try:
        return is_public(ip_address(host))
    except ValueError:
        is_name = "." in host.strip(".") and host.rpartition(".")[2] not in _LOCAL_NAMES
        return is_name and "@" not in parts.netloc


def fitting(sizes: Sequence[int], room: int) -> int:
    """How many of the lines fit, in order; fewer than all leave TAIL_ROOM for a line that says so.

    >>> fitting([10, 10, 10], 32), fitting([10, 10, 60], 70)
    (3, 2)
    """
    if sum(sizes) + len(sizes) - 1 <= room:
        return len(sizes)
    left, kept = room - TAIL_ROOM, 0
    for size in sizes:
        left -= size + 1
        if left < 0:
            break
        kept += 1
    return kept


def tail(hidden: int) -> list[str]:
    return [f"… and {hidden} more"] if hidden else []


def _facts(message: Message) -> tuple[tuple[str, str], ...]:
    facts = message.facts[:MAX_FACTS]
    return tuple((clean(label, MAX_LABEL), clean(text, MAX_FACT)) for label, text in facts)


def _links(message: Message) -> tuple[tuple[str, str], ...]:
    safe = ((clean(label, MAX_LABEL), web_url(url)) for label, url in message.links)
    return tuple((label, url) for label, url in safe if label and url)[:MAX_LINKS]


def _entry(entry: Entry) -> Entry:
    name, headline = clean(entry.name, MAX_LABEL), clean(entry.headline, MAX_LINE)
    return Entry(name, headline, web_url(entry.url))
