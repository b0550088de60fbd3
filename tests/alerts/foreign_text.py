"""Messages whose every field is somebody else's text, as long as it likes and as they sent it."""

from dataclasses import replace

from alerts.message import Entry, Message

TRICKS = (
    "<!channel> @everyone @here <@U123> <b>x</b>\r\nBcc: a@b.c\x00\u202egnp \ud800",
    "<at>dana</at> {{DATE(2026-11-22T14:02:00Z)}} {\u200b{TIME(x)}} < AT >",
    "*bold* _it_ ~no~ `code` ||spoiler|| [here](https://evil.example) # h \\*",
    "&lt;!here&gt; &amp; https://evil.example/?a=1 :tada: <https://evil.example|bank>",
)
# Each the worst of its kind for some vendor: escaped twice, five times, two units, three or four bytes.
FILLERS = ("z", "*", "&", "\\", "漢", "\U0001f514", " ")
LINKS = (
    ("Compare", "https://bell.example.com/compare/?jobs=a,b&x=(1)_[2]"),
    ("Snooze " + "*" * 100, "https://bell.example.com/snooze/"),
    ("Evil", "javascript:alert(1)"),
    ("Broken", "https://bell.example.com/\n<!channel>"),
    ("Broken too", "https://[::1/"),
    ("Empty", "https://"),
    ("Endless", "https://bell.example.com/" + "x" * 4000),
)


def hostile(trick: str, filler: str) -> Message:
    text = trick + filler * 5000
    return Message(
        name="failed",
        type="job.failed",
        word="FAILED",
        subject=text,
        result=text,
        where=text,
        reason=text,
        next_step=text,
        facts=((text, text),) * 8,
        url="https://bell.example.com/jobs/prod-eu/ftjob-a41/",
        thread="job-1",
        at="2026-11-22T14:02:00.000Z",
        data={},
        links=LINKS,
    )


def hostile_digest(trick: str, filler: str) -> Message:
    """Fifty entries, the most there are, and all that a single alert has besides."""
    entries = tuple(Entry("failed", f"FAILED  job-{n} {trick}{filler * 5000}") for n in range(50))
    return replace(hostile(trick, filler), word="90 ALERTS", entries=entries, hidden=40)
