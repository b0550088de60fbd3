"""Providers that answer nonsense, hang or refuse: their jobs keep their state, the others go on."""

import time

import pytest
from django.utils import timezone

from alerts import hints
from alerts.tasks import announce_due
from jobs.models import Connection, Job, Transition
from jobs.poll import PROBES, THREADS
from jobs.record import announce_later
from tests.builders import NOON, a_job, a_transition
from tests.servers import eventually
from tests.stack.town import has_told, job_of, keys_told, make_all_due

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

RETRY_AFTER_S = 120
KEY = "sk-town-000000000001"
SLOW_DOWN = {
    "kind": "status",
    "status": 429,
    "headers": {"Retry-After": str(RETRY_AFTER_S)},
    "body": {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}},
}
# Name -> the fault, and what the connection says then.
TROUBLES = {
    "html": ({"kind": "html"}, "HTML page"),
    "error": ({"kind": "status", "status": 500}, "Injected fault"),
    "asked to wait": (SLOW_DOWN, "Rate limit reached"),
    "hangs": ({"kind": "hang"}, "took too long"),
    "revoked": (None, "Incorrect API key"),
}
HANGING = 8
JOBS_EACH = 6


class Outage:
    """One connection for each trouble, with a job that runs."""

    def __init__(self, town, a_provider) -> None:
        self.doubles = {name: a_provider(key=KEY) for name in TROUBLES}
        self.connections = {
            name: town.watch(double, key=KEY, poll_interval_s=60)
            for name, double in self.doubles.items()
        }
        self.job_ids = [self.serves(name, "running") for name in TROUBLES]

    def serves(self, name: str, status: str) -> str:
        return self.doubles[name].serves(f"ftjob-{name.replace(' ', '-')}", status=status)

    def begins(self) -> None:
        for name, (fault, _) in TROUBLES.items():
            if fault:
                self.doubles[name].breaks(**fault)
            else:
                self.doubles[name].control("key", {"revoke": KEY})

    def ends(self) -> None:
        for name, double in self.doubles.items():
            double.heals()
            self.serves(name, "succeeded")
        self.doubles["revoked"].control("key", {"restore": KEY})
        self.rows().update(wait_until=None)

    def rows(self):
        return Connection.objects.filter(pk__in=[one.pk for one in self.connections.values()])

    def is_known(self) -> bool:
        return not self.rows().filter(health_reason="").exists()

    def wait_of(self, name: str) -> float:
        """Seconds until the next try."""
        until = self.rows().get(pk=self.connections[name].pk).wait_until
        return (until - timezone.now()).total_seconds()


@pytest.fixture
def outage(town, a_provider):
    return Outage(town, a_provider)


def test_each_trouble_costs_its_own_connection_only(town, outage, provider, receiver):
    town.watch(provider)
    town.hook(receiver)
    good_id = provider.serves(status="running")
    town.start()
    town.knows([good_id, *outage.job_ids])
    outage.begins()
    town.poll()
    provider.serves(good_id, status="succeeded")
    make_all_due()
    eventually(lambda: has_told(receiver, good_id), what="the alert of the healthy connection")
    eventually(outage.is_known, what="what is wrong with each connection")

    assert list(keys_told(receiver)) == [good_id]
    hidden = Job.objects.filter(provider_id__in=outage.job_ids)
    assert set(hidden.values_list("state", "raw_status")) == {("running", "running")}
    for name, (_, words) in TROUBLES.items():
        assert words in outage.rows().get(pk=outage.connections[name].pk).health_reason
        assert outage.wait_of(name) > 0
    assert outage.wait_of("asked to wait") > outage.wait_of("error") + 30

    outage.ends()
    town.sees(lambda: has_told(receiver, *outage.job_ids), "the end of the jobs that were hidden")
    assert all(len(keys) == 1 for keys in keys_told(receiver).values())


def test_who_asks_to_wait_is_not_asked_about_the_other_jobs(town, a_provider, provider):
    double = a_provider()
    double.breaks(**SLOW_DOWN)
    busy, well = town.watch(double), town.watch(provider)
    for _ in range(JOBS_EACH * 4):
        a_job(busy, next_poll_at=NOON)
    town.start()
    limited = Connection.objects.filter(pk=busy.pk, health="limited")
    town.sees(limited.exists, "what the provider asked for")
    town.looks(well)

    assert len(double.requests()) <= PROBES


def test_a_list_that_hangs_holds_up_none_of_its_jobs(town, provider, receiver):
    town.watch(provider)
    town.hook(receiver)
    town.start()
    (job_id,) = town.follow(provider)
    provider.breaks("hang", match="/v1/fine_tuning/jobs")
    provider.serves(job_id, status="succeeded")

    town.sees(lambda: has_told(receiver, job_id), "the alert")


def test_many_providers_that_hang_hold_up_no_other_job(town, a_provider, provider, receiver):
    hanging = a_provider()
    well = town.watch(provider)
    town.hook(receiver)
    town.start()
    (job_id,) = town.follow(provider)
    hanging.breaks("hang")
    silent = [town.watch(hanging, poll_interval_s=60) for _ in range(HANGING)]
    for connection in silent:
        for _ in range(JOBS_EACH):
            a_job(connection, next_poll_at=NOON)
    town.looks(well)
    eventually(lambda: len(hanging.requests()) >= HANGING, what="the requests that hang")
    provider.serves(job_id, status="succeeded")
    make_all_due()
    eventually(lambda: has_told(receiver, job_id), what="the alert")

    # Not one of the hanging requests was given up by then.
    assert not Connection.objects.filter(base_url=hanging.url).exclude(health_reason="").exists()


@pytest.fixture
def bell(monkeypatch, valkey):
    """Hints of this process reach the workers, as those of the site do."""
    bell = hints.Bell()
    monkeypatch.setattr(hints, "bell", bell)
    with announce_due.app.connection_for_write(valkey.url) as broker:
        bell.options = {"connection": broker}
        yield bell


def test_an_alert_arrives_while_every_poll_slot_hangs(town, a_provider, receiver, bell):
    hanging = a_provider()
    hanging.breaks("hang")
    for _ in range(THREADS + 4):
        town.watch(hanging, poll_interval_s=60)
    other = town.watch("http://127.0.0.1:9/v1", is_paused=True)
    town.hook(receiver)
    town.start()
    town.poll()
    eventually(lambda: len(hanging.requests()) >= THREADS, what="a request in every slot")
    ended = a_transition(a_job(other, state="failed"))
    began = time.monotonic()
    announce_later()
    eventually(lambda: receiver.accepted, what="the alert")
    print(f"\nFrom the commit to the receiver: {time.monotonic() - began:.3f} s")

    assert job_of(receiver.accepted[0]) == ended.job.provider_id
    assert len(hanging.requests()) == THREADS
    assert not Transition.objects.filter(kind="health").exists()
