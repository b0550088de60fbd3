"""A provider's webhook comes in at a real site, and an alert goes out long before the next poll is due."""

import time

import pytest

from alerts.endpoint import add_secret
from alerts.models import InboundEvent
from jobs.models import Connection, Transition
from outbound.secret import Secret
from simulator.webhooks import Announcer, Target
from tests.builders import NOON
from tests.servers import eventually
from tests.signing import SECRET, path_of
from tests.stack.town import has_told, keys_told

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]
AN_HOUR_S = 3600


@pytest.fixture
def watched(town, provider, site, valkey):
    """A connection that is polled once an hour and whose provider sends webhooks."""
    connection = town.watch(provider, poll_interval_s=AN_HOUR_S)
    add_secret(connection, Secret(SECRET))
    url = site(REDIS_URL=valkey.url).url + path_of(connection)
    announcer = Announcer(provider.running.desk.ledger, Target.parse(url, SECRET))
    announcer.start()
    yield announcer
    announcer.close()


def test_an_end_is_told_long_before_the_next_poll(town, provider, receiver, watched):
    town.hook(receiver)
    town.start()
    first, second, third = town.follow(provider, 3)
    for job_id, end in ((first, "succeeded"), (second, "failed"), (third, "cancelled")):
        provider.serves(job_id, end)
        eventually(lambda job_id=job_id: has_told(receiver, job_id), what=f"the alert of {job_id}")
    town.comes_to_rest()

    assert {len(keys) for keys in keys_told(receiver).values()} == {1}
    assert InboundEvent.objects.filter(is_known_job=True).count() == 3
    assert Transition.objects.filter(to_state__in=["succeeded", "failed", "cancelled"]).count() == 3


def test_a_job_we_have_not_seen_yet_is_found_by_its_event(town, provider, receiver, watched):
    """It was created after the last look at the list, and ended before the next."""
    town.hook(receiver)
    town.start()
    town.follow(provider)
    Connection.objects.update(last_sweep_at=NOON)
    job_id = provider.serves(status="failed", created_at=int(time.time()))
    eventually(lambda: has_told(receiver, job_id), what="the alert of the new job")

    assert len(receiver.journal) == 1
