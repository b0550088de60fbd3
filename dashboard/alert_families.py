"""What /metrics tells of alerts, of the audit, and of what rings: read from the tables like all of it."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min, Q
from prometheus_client.metrics_core import HistogramMetricFamily, Metric

from alerts.models import Channel, Delivery, InboundEvent, Silence
from dashboard.families import add_histogram, age_s, gauge, gauges
from dashboard.findings import Code, known
from dashboard.latency import BOUNDS_S
from dashboard.models import LatencyTally
from dashboard.queries import readiness, waiting
from dashboard.queries.audit import last_report
from jobs.models import Condition


def alerts(now: datetime) -> Iterator[Metric]:
    states = delivery_counts().items()
    yield gauges("deliveries", "Alerts by state; dead ones were given up.", "state", states)
    queues = waiting.queues(now)
    yield gauges(
        "oldest_unsent_alert_seconds",
        "Age of the oldest alert that waits, by how the channel it goes to does.",
        "channel",
        ((word, age_s(made, now)) for word, made in waiting.oldest(queues, now).items()),
    )
    yield gauge(
        "alert_overdue_seconds",
        "How long an alert is due that neither its channel nor quiet hours nor a rate holds back.",
        waiting.longest_overdue(queues, now).total_seconds(),
    )
    failing = Channel.objects.enabled().filter(failures__gt=0).count()
    yield gauge("channels_failing", "Enabled channels whose last message failed.", failing)
    transitions = readiness.unannounced().aggregate(number=Count("pk"), oldest=Min("recorded_at"))
    yield gauge(
        "unannounced_transitions",
        "Changes recorded that no alert was made of yet.",
        transitions["number"],
    )
    yield gauge(
        "oldest_unannounced_transition_seconds",
        "Age of the oldest of them.",
        age_s(transitions["oldest"], now),
    )


def delivery_counts() -> dict[str, int]:
    """By state. Nearly all were sent, so the others are counted by their index, and those as what is left."""
    unsent = Delivery.objects.unsent().order_by().values_list("state").annotate(Count("pk"))
    numbers = {state.value: 0 for state in Delivery.State} | dict(unsent)
    numbers[Delivery.State.SENT] = max(Delivery.objects.count() - sum(numbers.values()), 0)
    return numbers


def latency(_now: datetime) -> Iterator[Metric]:
    rows = LatencyTally.objects.values_list("upper_s", "number", "total_s")
    found = {upper_s: (number, total_s) for upper_s, number, total_s in rows}
    family = HistogramMetricFamily(
        "tunebell_delivery_latency_seconds",
        "From the making of an alert, or the end of its quiet hours, until the receiver took it.",
        labels=[],
    )
    add_histogram(family, [], found, BOUNDS_S)
    yield family


def audit(now: datetime) -> Iterator[Metric]:
    report = last_report()
    yield gauge(
        "audit_age_seconds", "Age of the last audit.", age_s(report.at, now) if report else None
    )
    numbers = {finding.code: finding.count for finding in known(report.findings if report else ())}
    yield gauges(
        "audit_findings",
        "What the last audit found that should not be, by kind; 0 when it was clean.",
        "finding",
        ((code, numbers.get(code, 0)) for code in Code) if report else (),
    )
    taken_at = report.taken_at if report else None
    yield gauge(
        "heartbeat_url_age_seconds",
        "Time since the receiver behind the heartbeat URL took a call; missing before the first.",
        age_s(taken_at, now) if taken_at else None,
    )


def rings(now: datetime) -> Iterator[Metric]:
    """What decides who is told: open conditions, silenced jobs, events from outside."""
    open_ones = Condition.objects.filter(resolved_at=None).order_by().values_list("kind")
    numbers = dict(open_ones.annotate(Count("pk")))
    yield gauges(
        "conditions_open",
        "Conditions that were raised and last, by kind.",
        "kind",
        ((kind.value, numbers.get(kind.value, 0)) for kind in Condition.Kind),
    )
    silenced = Silence.objects.filter(Q(until=None) | Q(until__gt=now)).count()
    yield gauge("silenced_jobs", "Jobs that nobody is told of.", silenced)
    events = InboundEvent.objects.count()
    yield gauge("inbound_events", "Events of providers' webhooks that are kept.", events)
