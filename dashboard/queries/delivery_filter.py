"""Which deliveries the log is asked for: what its address says, as a filter and in words."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date

from accounts.models import Team
from alerts.models import Delivery
from dashboard import cursors
from jobs.models import Job

DAY = timedelta(days=1)
FIRST_YEAR, LAST_YEAR = 2000, 2100  # of a date that is worth asking for
Choices = tuple[tuple[str, str], ...]  # value, word


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What the address asks to see. Anything unreadable in it is as if it were not there.

    `after`: the row number of the last delivery before this page.
    """

    state: str = ""
    channel: str = ""
    rule: str = ""
    job: str = ""
    first: date | None = None
    last: date | None = None
    digest: str = ""
    after: int | None = None

    @classmethod
    def read(cls, asked: QueryDict) -> "DeliveryFilter":
        state = asked.get("state", "")
        return cls(
            state=state if state in Delivery.State.values else "",
            channel=_public_id(asked.get("channel", "")),
            rule=_public_id(asked.get("rule", "")),
            job=asked.get("job", "").strip()[:200],
            first=_day(asked.get("from", "")),
            last=_day(asked.get("to", "")),
            digest=_public_id(asked.get("digest", "")),
            after=cursors.whole(asked.get("after", "")),
        )

    @property
    def folded(self) -> bool:
        """Whether one of the folded filters is in use."""
        return bool(self.channel or self.rule or self.first or self.last)

    @property
    def is_narrow(self) -> bool:
        return bool(self.folded or self.state or self.job or self.digest)


def _public_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""


def _day(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return day if day and FIRST_YEAR <= day.year <= LAST_YEAR else None


def matches(team: Team, asked: DeliveryFilter) -> Q:
    """All of the filter but its state."""
    wanted = Q()
    for field in ("channel", "rule"):
        if public_id := getattr(asked, field):
            wanted &= Q(**{f"{field}__public_id": public_id})
    if asked.job:
        named = Q(provider_id=asked.job) | Q(suffix__icontains=asked.job)
        wanted &= Q(transition__job__in=Job.objects.for_team(team).filter(named))
    if asked.first:
        wanted &= Q(created_at__gte=_midnight(asked.first))
    if asked.last:
        wanted &= Q(created_at__lt=_midnight(asked.last + DAY))
    if asked.digest:
        wanted &= Q(digest_key=asked.digest)
    return wanted


def _midnight(day: date) -> datetime:
    """In the reader's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def in_words(asked: DeliveryFilter, channels: Mapping[str, str], rules: Mapping[str, str]) -> str:
    """The filter as a person would say it. `channels`, `rules`: names by what the address says."""
    parts = (
        str(Delivery.State(asked.state).label).lower() if asked.state else "",
        f"to {channels.get(asked.channel, 'a channel that is gone')}" if asked.channel else "",
        f"rule {rules.get(asked.rule, 'that is gone')}" if asked.rule else "",
        f"job “{asked.job}”" if asked.job else "",
        f"from {asked.first}" if asked.first else "",
        f"until {asked.last}" if asked.last else "",
        "in one digest" if asked.digest else "",
    )
    return ", ".join(part for part in parts if part)
