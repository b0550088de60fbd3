"""How long alerts took: counted once each, from their attempts, whoever sent them."""

import uuid
from datetime import timedelta

import pytest

from alerts.models import Attempt, Channel, Delivery
from dashboard import exposition, latency
from dashboard.models import AuditReport, LatencyTally
from jobs.claims import database_now
from jobs.models import Count
from tests.builders import a_channel, a_delivery
from tests.dashboard.metrics.scraping import scrape, value

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def fresh_shelf():
    exposition.shelf.clear()
    yield
    exposition.shelf.clear()


def sent(channel: Channel, took_s: float, ago_s: float = 40, **facts) -> Delivery:
    at = database_now() - timedelta(seconds=ago_s)
    times = {"created_at": at - timedelta(seconds=took_s), "sent_at": at, "next_attempt_at": None}
    return a_delivery(channel, state="sent", **{**times, **facts})


def tried(delivery: Delivery) -> None:
    at = {"started_at": delivery.sent_at, "duration_ms": 20}
    Attempt.objects.create(delivery=delivery, is_sent=False, **at)
    Attempt.objects.create(delivery=delivery, is_sent=True, **at)


@pytest.fixture
def counted():
    """The audit counted before, a minute ago."""
    before = database_now() - timedelta(minutes=2)
    return AuditReport.objects.create(at=database_now(), counted_until=before)


@pytest.mark.both_databases
def test_each_alert_is_counted_once_by_how_long_it_took(client, counted):
    channel = a_channel()
    for took_s, ago_s in ((0.1, 40), (0.2, 90), (4, 50), (50_000, 40), (1, 10), (1, 300)):
        tried(sent(channel, took_s, ago_s))
    assert latency.count_sent() == 4
    assert latency.count_sent() == 0
    tallies = dict(LatencyTally.objects.values_list("upper_s", "number"))
    assert tallies == {0.3: 2, 5.0: 1, 1e9: 1}
    family = scrape(client)["tunebell_delivery_latency_seconds"]
    buckets = {one.labels["le"]: one.value for one in family.samples if "le" in one.labels}
    assert (buckets["0.3"], buckets["5.0"], buckets["36000.0"], buckets["+Inf"]) == (2, 3, 3, 4)


@pytest.mark.both_databases
def test_what_was_sent_a_moment_ago_is_counted_the_next_time(counted):
    tried(sent(a_channel(), 1, ago_s=10))
    assert latency.count_sent() == 0
    Delivery.objects.update(sent_at=database_now() - 31 * SECOND)
    AuditReport.objects.update(counted_until=database_now() - 35 * SECOND)
    assert latency.count_sent() == 1


def test_quiet_hours_are_no_delay(counted):
    held = sent(a_channel(), 30_000)
    Delivery.objects.update(quiet_until=held.sent_at - 2 * SECOND)
    tried(held)
    latency.count_sent()
    assert LatencyTally.objects.get().upper_s == 2


@pytest.mark.both_databases
def test_a_digest_counts_once_and_each_alert_in_it(client, counted):
    channel, key = a_channel(), uuid.uuid4()
    rows = [sent(channel, 3, digest_key=key) for _ in range(3)]
    tried(rows[0])
    assert latency.count_sent() == 3
    assert Count.objects.get(name=latency.DIGESTS_SENT).number == 1
    AuditReport.objects.update(counted_until=database_now() - 35 * SECOND)
    tried(sent(channel, 3, ago_s=32, digest_key=key))
    assert latency.count_sent() == 1
    name = "tunebell_digests_sent"
    assert value(scrape(client), f"{name}_total", name) == 1


def test_old_attempts_are_not_read_again(counted):
    for ago_s in (600, 500, 40):
        tried(sent(a_channel(), 1, ago_s))
    latency.count_sent()
    known = AuditReport.objects.get().counted_attempt
    over = Attempt.objects.filter(pk__lte=known)
    assert over.count() == 4
    assert all(one.delivery.sent_at < database_now() - 90 * SECOND for one in over)
