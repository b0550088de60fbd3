"""Pure: many messages for one channel -> one that names them all, failures first."""

from collections import Counter
from collections.abc import Mapping, Sequence

from alerts.message import Entry, Message

MAX_ENTRIES = 50
# Who must not be overlooked stands first; what is not named here comes last, in order of time.
_FIRST: Mapping[str, int] = {
    name: rank
    for rank, name in enumerate(
        (
            *("channel_off", "channel_failing"),
            *("failed", "rejected", "unreachable", "out_of_quota", "unreadable", "missing"),
            *("stuck", "no_progress", "diverging", "overfitting", "eta_slipped", "retiring"),
            *("cancelled", "succeeded", "recovered"),
        )
    )
}


def digest(messages: Sequence[Message], url: str, thread: str) -> Message:
    """One message about all of them, the same for the same messages. `url`: where all are listed.

    Names at most 50, failures before all else, and counts the rest.
    """
    ordered = sorted(messages, key=lambda one: _FIRST.get(one.name, len(_FIRST)))
    entries = tuple(Entry(one.name, one.headline, one.url) for one in ordered[:MAX_ENTRIES])
    counts = Counter(one.word for one in ordered)
    hidden = len(ordered) - len(entries)
    return Message(
        name="digest",
        type="digest",
        word=f"{len(ordered)} ALERTS",
        subject=", ".join(f"{number} {word.lower()}" for word, number in counts.items()),
        result="",
        where="",
        reason="",
        next_step="",
        facts=(("More", f"{hidden} more, not listed here"),) if hidden else (),
        url=url,
        thread=thread,
        at=max((one.at for one in messages), default=""),
        data={"counts": dict(Counter(one.name for one in ordered)), "links": {"open": url}},
        is_urgent=any(one.is_urgent for one in messages),
        entries=entries,
        hidden=hidden,
    )
