"""How often something may be asked for: a count per key and window, taken by one atomic UPDATE."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from accounts.models import RequestCount, digest_of

KEPT = timedelta(days=1)  # counters older than this are swept away by the next new one


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` requests of one `name` and subject within `window`."""

    name: str
    most: int
    window: timedelta

    def key(self, subject: object) -> str:
        return digest_of(f"{self.name}|{subject}")

    @property
    def window_s(self) -> int:
        return int(self.window.total_seconds())


SIGN_IN_FROM_IP = Limit("sign-in from ip", 30, timedelta(minutes=5))
SIGN_IN_TO_ACCOUNT = Limit("sign-in to account", 10, timedelta(minutes=5))
PROVIDER_TEST = Limit("provider test", 20, timedelta(minutes=1))
CHANNEL_TEST = Limit("channel test", 20, timedelta(minutes=1))
RULE_PREVIEW = Limit("rule preview", 30, timedelta(minutes=1))
POLL_NOW = Limit("poll now", 30, timedelta(minutes=1))
INVITATION = Limit("invitation", 30, timedelta(hours=1))
FEED = Limit("feed", 30, timedelta(minutes=1))
# Under way at the same time; given back at the end, else after the window.
EXPORTS_OF_TEAM = Limit("exports of team", 3, timedelta(minutes=30))
EXPORTS = Limit("exports", 8, timedelta(minutes=30))


def take(limit: Limit, subject: object) -> bool:
    """Count one request; False when the window is full. Right also for requests at the same time."""
    now, key = timezone.now(), limit.key(subject)
    return _count_up(limit, key, now) or _begin(limit, key, now) or _count_up(limit, key, now)


def give_back(limit: Limit, subject: object) -> None:
    """Uncount one request that turned out to be a good one."""
    RequestCount.objects.filter(key=limit.key(subject), count__gt=0).update(count=F("count") - 1)


def _count_up(limit: Limit, key: str, now: datetime) -> bool:
    live = RequestCount.objects.filter(key=key, began_at__gt=now - limit.window)
    return bool(live.filter(count__lt=limit.most).update(count=F("count") + 1))


def _begin(limit: Limit, key: str, now: datetime) -> bool:
    over = RequestCount.objects.filter(key=key, began_at__lte=now - limit.window)
    if over.update(began_at=now, count=1):
        return True
    _fresh, created = RequestCount.objects.get_or_create(key=key, defaults={"began_at": now})
    if created:
        RequestCount.objects.filter(began_at__lt=now - KEPT).delete()
    return created
