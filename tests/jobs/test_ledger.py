"""What is counted of the traffic, and that counting loses nothing and never falls."""

from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections
from django.db.models import Sum

from jobs import ledger as ledgers
from jobs.claims import database_now
from jobs.ledger import BEYOND_S, EVER, Ledger, bound_of, counting, outcome_of, raise_count, roll_up
from jobs.models import Count, Job, LatenessTally, RequestTally
from jobs.poll import Run, poll_due
from providers.ratelimits import RateLimits
from providers.traffic import Traffic
from tests.builders import NOON, a_connection

pytestmark = pytest.mark.django_db(transaction=True)
SAID_NOTHING = RateLimits()


def told(status=200, capability="jobs", limits=SAID_NOTHING, at=NOON):
    return Traffic(status, 0.25, limits, at, capability)


def counted():
    rows = RequestTally.objects.values_list("capability", "outcome", "number")
    return {(capability, outcome): number for capability, outcome, number in rows}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"), (204, "ok"), (404, "missing"), (410, "missing"), (401, "refused"), (403, "refused"),
        (429, "limited"), (400, "invalid"), (402, "invalid"), (302, "invalid"), (500, "broken"), (503, "broken"),
        (None, "unanswered"),
    ],
)  # fmt: skip
def test_each_status_has_its_outcome(status, outcome):
    assert outcome_of(status) == outcome


@pytest.mark.parametrize(
    ("late_s", "bound"), [(0, 1), (1, 1), (1.01, 2), (7, 10), (299, 300), (301, BEYOND_S)]
)
def test_a_lateness_is_counted_below_its_bound(late_s, bound):
    assert bound_of(late_s) == bound


def test_requests_counted_are_those_the_provider_served(provider, poll):
    a_connection(base_url=provider.url)
    provider.serves(status="running")
    provider.serves(status="queued")
    provider.breaks("status", match="*/checkpoints*", status=500, times=1)
    provider.breaks("status", match="/v1/files/*", status=404)
    poll(3)
    served = Tally(outcome_of(request["http_status"]).value for request in provider.requests())
    ours = Tally()
    for (_, outcome), number in counted().items():
        ours[outcome] += number
    assert ours == served
    assert {"ok", "broken", "missing"} <= set(ours)


def test_an_answer_that_never_came_is_counted_too(poll):
    a_connection(base_url="http://127.0.0.1:9/v1")
    poll()
    assert counted()["jobs", "unanswered"] == 1
    assert {outcome for _, outcome in counted()} == {"unanswered"}


@pytest.mark.both_databases
def test_writers_at_once_lose_nothing():
    pks = [a_connection().pk for _ in range(3)]

    def work(_):
        mine = Ledger()
        for turn in range(40):
            mine.hear(pks[turn % 3], told(capability=("jobs", "events")[turn % 2]))
            mine.note_start(LatenessTally.Work.SWEEP, turn)
            mine.count("stale_writes")
            mine.flush()
        connections.close_all()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(work, range(6)))
    sums = RequestTally.objects.aggregate(number=Sum("number"), elapsed_ms=Sum("elapsed_ms"))
    assert sums == {"number": 240, "elapsed_ms": 60_000}
    assert LatenessTally.objects.aggregate(n=Sum("number"))["n"] == 240
    assert Count.objects.get().number == 240


def test_what_the_database_does_not_take_is_written_the_next_time():
    mine, row = Ledger(), a_connection()
    mine.hear(row.pk, told())

    def refuse(*_):
        raise OperationalError("database is locked")

    with connection.execute_wrapper(refuse):
        mine.flush()
    mine.hear(row.pk, told())
    mine.flush()
    assert counted() == {("jobs", "ok"): 2}


def test_a_connection_removed_meanwhile_takes_only_its_own_counts_along():
    mine, gone, kept = Ledger(), a_connection(), a_connection()
    mine.hear(gone.pk, told())
    mine.hear(kept.pk, told())
    gone.delete()
    mine.flush()
    assert RequestTally.objects.get().connection == kept


@pytest.mark.both_databases
def test_old_tallies_become_one_row_and_totals_stay():
    row, now = a_connection(), database_now()
    for days in (0, 29, 31, 32, 400):
        RequestTally.objects.create(
            connection=row, hour=now - timedelta(days=days), capability="jobs", outcome="ok",
            number=10, elapsed_ms=500,
        )  # fmt: skip
        LatenessTally.objects.create(
            hour=now - timedelta(days=days), work="sweep", upper_s=1.0, number=2, total_s=0.5
        )
    roll_up(now)
    roll_up(now)
    assert RequestTally.objects.get(hour=EVER).number == 30
    assert RequestTally.objects.count() == LatenessTally.objects.count() == 3
    assert RequestTally.objects.aggregate(n=Sum("number"))["n"] == 50
    assert LatenessTally.objects.aggregate(n=Sum("number"), s=Sum("total_s")) == {"n": 10, "s": 2.5}


def test_the_start_of_late_work_is_counted_by_how_late_it_is(provider, poll):
    a_connection(base_url=provider.url)
    provider.serves(status="queued")
    poll()
    LatenessTally.objects.all().delete()
    Job.objects.update(next_poll_at=database_now() - timedelta(seconds=40))
    poll_due()
    late = LatenessTally.objects.get(work="retrieve")
    assert (late.upper_s, late.number) == (60.0, 1)
    assert 40 <= late.total_s < 60


def test_a_wait_the_provider_asked_for_is_no_lateness(provider):
    now = database_now()
    a_connection(base_url=provider.url, next_sweep_at=NOON, wait_until=now - timedelta(seconds=1))
    poll_due()
    assert LatenessTally.objects.get(work="sweep").upper_s <= 30


def test_a_result_that_came_too_late_is_counted_as_a_stale_write(provider, poll):
    a_connection(base_url=provider.url)
    provider.serves(status="running")
    poll()
    Job.objects.update(next_poll_at=NOON)
    run = Run(0)
    run.queued.extend(run._due_jobs())
    Job.objects.update(lease_token=None)
    run.start()
    while run.under_way:
        run.finish_some()
    run.ledger.flush()
    assert Count.objects.get(name="stale_writes").number == 1


def test_what_a_provider_says_of_its_limits_is_stored(db):
    mine, row = Ledger(), a_connection()
    limits = RateLimits(limit_requests=500, remaining_requests=499, reset_requests_s=0.12)
    mine.hear(row.pk, told(limits=limits, at=database_now()))
    mine.hear(row.pk, told(at=database_now()))  # says nothing: what was said before stays
    mine.flush()
    row.refresh_from_db()
    assert (row.limit_requests, row.remaining_requests) == (500, 499)
    assert row.limit_resets_at - row.limits_said_at == timedelta(seconds=0.12)


@pytest.mark.parametrize("number", [10**30, 2**63])
def test_absurd_limits_are_stored_bounded(number):
    mine, row = Ledger(), a_connection()
    limits = RateLimits(limit_requests=number, remaining_requests=number, reset_requests_s=1e17)
    mine.hear(row.pk, told(limits=limits, at=database_now()))
    mine.flush()
    row.refresh_from_db()
    assert row.remaining_requests == ledgers.LARGEST


def test_requests_outside_polling_are_counted_as_well():
    row = a_connection()
    with counting(row.pk) as on_reply:
        on_reply(told(status=403, capability="files"))
    assert counted() == {("files", "refused"): 1}


def test_a_counter_is_raised_at_once():
    raise_count("hints_failed")
    raise_count("hints_failed", 2)
    assert Count.objects.get(name="hints_failed").number == 3
