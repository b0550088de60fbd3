"""Feeds as Atom 1.0 (RFC 4287). All text in them is plain: a reader that takes it for markup shows signs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.feedgenerator import Atom1Feed

CONTENT_TYPE = Atom1Feed.content_type
# What XML 1.0 has no way to say, not even escaped.
_UNSPEAKABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """`id`: an IRI that never changes. `happened_at`, `updated_at`: aware."""

    id: str
    title: str
    url: str
    text: str
    category: str
    happened_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """`url`: of the page that it is about. Its own address is a secret, so it is not in it."""

    id: str
    title: str
    subtitle: str
    url: str
    updated_at: datetime
    entries: Sequence[Entry]


class _PlainAtom(Atom1Feed):
    """Django's feed, but that it calls every summary HTML, and dates an empty feed by the clock."""

    def latest_post_date(self) -> datetime:
        updated_at: datetime = self.feed["updated_at"]
        return updated_at

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:  # noqa: ANN401  # Django names no type
        super().add_item_elements(handler, {**item, "description": None})
        handler.addQuickElement("content", item["description"], {"type": "text"})


def write(feed: Feed) -> bytes:
    """The feed as a document in UTF-8; the same for the same feed."""
    document = _PlainAtom(
        title=speakable(feed.title),
        link=feed.url,
        description=None,
        subtitle=speakable(feed.subtitle),
        author_name="TuneBell",
        feed_guid=feed.id,
        language="en",
        updated_at=feed.updated_at,
    )
    for entry in feed.entries:
        document.add_item(
            title=speakable(entry.title),
            link=entry.url,
            description=speakable(entry.text),
            unique_id=entry.id,
            pubdate=entry.happened_at,
            updateddate=entry.updated_at,
            categories=(speakable(entry.category),),
        )
    return document.writeString("utf-8").encode()


def speakable(text: str) -> str:
    r"""The text without signs that XML 1.0 forbids.

    >>> speakable("a\x00b")
    'ab'
    """
    return _UNSPEAKABLE.sub("", text)
