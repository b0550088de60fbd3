"""Messages that somebody else wrote: every field is an attack, in one alert and in a digest."""

from alerts.digest import digest
from alerts.message import Entry, Message

HOSTILE = (
    "<!channel> @everyone <b>x</b>&\r\nBcc: a@b.c\x00\u202egnp \ud800 😀\u200b\t\"'\\" + "z" * 5000
)
SIGNS_NEVER_SENT = ("\x00", "\r", "\u202e", "\ud800", "\u200b")

MESSAGE = Message(
    name=HOSTILE,
    type=HOSTILE,
    word=HOSTILE,
    subject=HOSTILE,
    result=HOSTILE,
    where=HOSTILE,
    reason=HOSTILE,
    next_step=HOSTILE,
    facts=((HOSTILE, HOSTILE),) * 30,
    url=HOSTILE,
    thread=HOSTILE,
    at="2026-11-22T14:02:00.000Z",
    data={"job": {"name": HOSTILE}},
    incident=HOSTILE,
    links=((HOSTILE, HOSTILE), ("Long", "https://b.example/" + "z" * 5000)) * 10,
)
WIDE = "😀" * 5000
EMOJI = Message(
    **{
        **{name: getattr(MESSAGE, name) for name in ("at", "data", "name", "type", "incident")},
        **dict.fromkeys(("word", "subject", "result", "where", "reason", "next_step"), WIDE),
        "facts": (('"' * 40, '"\\' * 2000),) * 8,
        "url": "https://bell.example.com/" + "u" * 900,
        "links": (("L" * 40, "https://bell.example.com/" + "l" * 900),) * 6,
        "thread": "job-1",
    }
)
DIGEST = digest([MESSAGE, EMOJI] * 40, "https://bell.example.com/alerts/", "digest-1")
ENTRY = Entry("failed", "FAILED  " + '"\\😀' * 1000, "https://bell.example.com/" + "e" * 900)
ALL = {"single": MESSAGE, "emoji": EMOJI, "digest": DIGEST}
