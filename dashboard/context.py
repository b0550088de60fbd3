"""What every page knows: the banners about this installation itself, and its version."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from dashboard import crews, visits, words
from dashboard.crews import Crew
from dashboard.env import ROOT
from dashboard.models import AuditReport, Heartbeat
from dashboard.queries import news
from dashboard.queries.audit import pulse, trouble

COVERED = "A sweep without the broker does its work meanwhile."
HELPED = "The others of its kind do its work meanwhile."
FRESH_S = 10.0  # with the patience with an idle part and one poll it is a minute


@dataclass(frozen=True, slots=True)
class Banner:
    state: str
    title: str
    text: str
    url: str = ""
    link: str = ""


class Lookout:
    """The banners, and how this process read them last: by that a quiet poll is told from another at
    no query. Judged when they were read, so an old look never makes anybody silent.
    """

    def __init__(self) -> None:
        self._last: tuple[float, tuple[Banner, ...]] | None = None

    def look(self) -> tuple[Banner, ...]:
        (notes, report), now = pulse(), timezone.now()
        return self.keep((*banners(notes, now), *audit_banner(report, notes, now)))

    def keep(self, seen: tuple[Banner, ...]) -> tuple[Banner, ...]:
        self._last = (time.monotonic(), seen)
        return seen

    def remembered(self) -> tuple[Banner, ...] | None:
        """None when that is too long ago."""
        last = self._last
        return last[1] if last and time.monotonic() - last[0] <= FRESH_S else None

    def forget(self) -> None:
        self._last = None


lookout = Lookout()


@cache
def running_version() -> str:
    """The version in pyproject.toml, also where the project is not installed as a package."""
    try:
        return version("tunebell")
    except PackageNotFoundError:
        lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
        found = next(line for line in lines if line.startswith("version"))
        return found.split('"')[1]


def site(request: HttpRequest) -> dict[str, Any]:
    """Lazy: a fragment that shows no banner costs no query."""
    is_member = bool(vars(request).get("team"))
    return {
        "site_banners": SimpleLazyObject(lookout.look) if is_member else (),
        "unseen": SimpleLazyObject(lambda: _unseen(request)) if is_member else "",
        "version": running_version(),
    }


def _unseen(request: HttpRequest) -> str:
    """Failures since the last look at the jobs list: for title and icon."""
    visit = visits.read(request.COOKIES.get(visits.COOKIE, ""), timezone.now())
    return news.unseen(vars(request)["team"], visit.looked_at)


def audit_banner(
    report: AuditReport | None, notes: Iterable[Heartbeat], now: datetime
) -> list[Banner]:
    """At most one: the gravest of what the banners of silent parts leave to say."""
    found = trouble(report, notes, now)
    if found is None:
        return []
    more = f"And {words.counted(found.more, 'more finding')} of the audit." if found.more else ""
    return [Banner("failed", found.gravest, more, reverse("status") + "#audit", "Status")]


def banners(notes: Iterable[Heartbeat], now: datetime) -> list[Banner]:
    """One banner for each part of which somebody has fallen silent; none for parts that never ran here."""
    known = list(notes)
    is_covered = crews.has_standby(known, now)
    return [
        _banner(crew, now, covered=COVERED if is_covered else HELPED if crew.well else "")
        for crew in crews.crews(known, now)
        if crew.silent
    ]


def _banner(crew: Crew, now: datetime, covered: str) -> Banner:
    """`covered`: who does its work, "" when nobody does."""
    silence_s = (now - crew.silent[0].at).total_seconds()
    return Banner(
        state="paused" if covered else "failed",
        title=f"{crew.share_silent} not seen for {words.rough(silence_s)}.",
        text=covered or _consequence(crew.part),
        url=reverse("status"),
        link="Status",
    )


def _consequence(part: str) -> str:
    if part == Heartbeat.Part.ALERTS:
        return "Alerts wait until it is back; none is lost."
    if part == Heartbeat.Part.POLL:
        return "Jobs are not being watched; what is shown may be old."
    return "Nothing is checked on time until it is back."
