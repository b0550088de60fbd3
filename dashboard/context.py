"""What every page knows: the banners about this installation itself, and its version."""

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

from dashboard import heartbeats, words
from dashboard.env import ROOT
from dashboard.models import Heartbeat

COVERED = "A sweep without the broker does its work meanwhile."


@dataclass(frozen=True, slots=True)
class Banner:
    state: str
    title: str
    text: str
    url: str = ""
    link: str = ""


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
        "site_banners": SimpleLazyObject(_banners) if is_member else (),
        "version": running_version(),
    }


def _banners() -> list[Banner]:
    return banners(Heartbeat.objects.order_by("pk"), timezone.now())


def banners(notes: Iterable[Heartbeat], now: datetime) -> list[Banner]:
    """One banner for each part that has fallen silent; none for parts that never ran here."""
    known = list(notes)
    is_covered = heartbeats.has_standby(known, now)
    return [
        Banner(
            state="paused" if is_covered else "failed",
            title=f"{note.get_part_display()} not seen for {words.rough((now - note.at).total_seconds())}.",
            text=COVERED if is_covered else _consequence(note.part),
            url=reverse("status"),
            link="Status",
        )
        for note in heartbeats.late_parts(known, now)
    ]


def _consequence(part: str) -> str:
    if part == Heartbeat.Part.ALERTS:
        return "Alerts wait until it is back; none is lost."
    if part == Heartbeat.Part.POLL:
        return "Jobs are not being watched; what is shown may be old."
    return "Nothing is checked on time until it is back."
