"""The feed of a saved view: what became of its jobs, the newest fifty."""

from datetime import datetime
from uuid import uuid5

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.urls import reverse

from accounts.models import Membership, digest_of
from alerts.plaintext import safe
from dashboard.atom import Entry, Feed
from dashboard.list_url import list_url
from dashboard.models import SavedView
from dashboard.queries.export import chosen_jobs
from dashboard.queries.saved_views import shows
from jobs.models import Condition, Job, Transition
from jobs.models.job import OVER
from providers.states import State

SHOWN = 50
NAME, REASON = 120, 500  # characters
_WORDS = {state.value: state.word for state in State}
_CONDITIONS = {str(kind): str(label) for kind, label in Condition.Kind.choices}
_READ = (
    *("kind", "from_state", "to_state", "reason", "happened_at", "recorded_at"),
    *("job__public_id", "job__provider_id", "job__suffix", "job__base_model"),
    *("connection__name", "connection__slug"),
)


def find_feed(token: str) -> SavedView | None:
    """The view whose feed has this token. None too for a view of somebody who is no member any more."""
    member = Membership.objects.filter(
        team=OuterRef("team"), user=OuterRef("owner"), user__is_active=True
    )
    views = SavedView.objects.filter(Q(owner=None) | Exists(member))
    return views.select_related("team").filter(feed_digest=digest_of(token)).first()


def feed_of(view: SavedView) -> Feed:
    entries = [_entry(one) for one in _happenings(view)]
    name = safe(f"{view.name} · {view.team.name}", NAME)
    return Feed(
        id=view.public_id.urn,
        title=name,
        subtitle=safe(shows(view.query), REASON),
        url=f"{settings.SITE_URL}{list_url(view.query)}",
        updated_at=max((one.updated_at for one in entries), default=view.created_at),
        entries=entries,
    )


def _happenings(view: SavedView) -> "QuerySet[Transition]":
    """A view of states tells of jobs that came into one of them, wherever they are by now."""
    asked = QueryDict(view.query, mutable=True)
    states = asked.pop("state", [])
    jobs = chosen_jobs(view.team, asked)
    # Asked of each, from the newest on: most views have their fifty after a few hundred. Naming the
    # team or its connections here as well would have SQLite collect and sort all of theirs first.
    found = Transition.objects.filter(Exists(jobs.order_by().filter(pk=OuterRef("job"))))
    if states:
        came = Q(kind=Transition.Kind.STATE, to_state__in=states)
        found = found.filter(came | (~Q(kind=Transition.Kind.STATE) & Q(job__state__in=states)))
    # What was over when we first heard of it is history, not news.
    history = Q(from_state="", kind=Transition.Kind.STATE, to_state__in=OVER, rings=False)
    found = found.exclude(history).select_related("job", "connection").only(*_READ)
    return found.order_by("-pk")[:SHOWN]


def _entry(transition: Transition) -> Entry:
    job, connection = transition.job, transition.connection
    assert job is not None  # noqa: S101  # it was found by its job
    name = safe(job.name, NAME)
    happened_at = transition.happened_at or transition.recorded_at
    path = reverse("job", args=[connection.slug, job.provider_id])
    return Entry(
        id=uuid5(job.public_id, f"transition {transition.pk}").urn,
        title=f"{word_of(transition)}: {name}",
        url=f"{settings.SITE_URL}{path}",
        text=_text(transition, job, happened_at),
        category=transition.to_state,
        happened_at=happened_at,
        updated_at=max(happened_at, transition.recorded_at),
    )


def word_of(transition: Transition) -> str:
    """What happened, as a headline begins."""
    before, after = transition.from_state, transition.to_state
    if transition.kind == Transition.Kind.MISSING:
        return "Missing at the provider" if after == "missing" else "Found again at the provider"
    if transition.kind == Transition.Kind.CONDITION:
        is_over = bool(before)
        label = _CONDITIONS.get(before if is_over else after, before or after)
        return f"Recovered: {label.lower()}" if is_over else label
    word = _WORDS.get(after, after)
    return word if before else f"New, {word.lower()}"


def _text(transition: Transition, job: Job, happened_at: datetime) -> str:
    before = _WORDS.get(transition.from_state, "")
    lines = {
        "Why": safe(transition.reason, REASON),
        "Before": before.lower() if transition.kind == Transition.Kind.STATE else "",
        "Base model": safe(job.base_model, NAME),
        "Connection": safe(transition.connection.name, NAME),
        "Job": safe(job.provider_id, NAME),
        "When": f"{happened_at:%Y-%m-%d %H:%M} UTC",
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items() if value)
