"""The broker is disposable: emptied, replaced or dead, it takes no alert with it."""

import shutil
import subprocess
import sys

import pytest

from alerts.models import Delivery
from dashboard.models import Heartbeat
from dashboard.supervisor_plan import sweep_command
from tests.alerts.house import LONG_AGO
from tests.servers import ROOT, Server, eventually
from tests.stack.town import has_told, keys_told, make_all_due

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def mortal_valkey(valkey):
    """Other tests find it alive again."""
    yield valkey
    if not valkey.server.is_running:
        valkey.start()


@pytest.fixture
def standby(town):
    """`sweep --loop`, as the supervisor runs it; nobody else has swept lately."""
    server = Server(sweep_command(), env=town.stack.env)

    def start() -> Server:
        Heartbeat.objects.update(at=LONG_AGO)
        return server.start()

    yield start
    server.stop()


def end(provider, job_id: str) -> None:
    provider.serves(job_id, status="cancelled")


def test_an_emptied_and_a_replaced_broker_lose_nothing(town, provider, receiver, mortal_valkey):
    """Only beat and the hints wake the workers here: a message of the test would repair the broker."""
    connection = town.watch(provider)
    town.hook(receiver)
    town.start()
    first, second = town.follow(provider, 2)
    mortal_valkey.flush()
    end(provider, first)
    eventually(lambda: has_told(receiver, first), what="the alert after the broker was emptied")
    mortal_valkey.kill()
    shutil.rmtree(mortal_valkey.folder / "appendonlydir")
    end(provider, second)
    mortal_valkey.start()
    eventually(lambda: has_told(receiver, second), what="the alert after the broker was replaced")
    town.looks_again(connection)

    assert len(receiver.journal) == 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_without_a_broker_the_sweep_polls_and_alerts(
    town, provider, receiver, mortal_valkey, standby
):
    connection = town.watch(provider)
    town.hook(receiver)
    town.start()
    by_hand, by_standby = town.follow(provider, 2)
    mortal_valkey.kill()
    end(provider, by_hand)
    make_all_due()
    command = [sys.executable, "manage.py", "sweep", "--once"]
    swept = subprocess.run(
        command, env=town.stack.env, cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "1 alerts made, 1 sent" in swept.stdout
    assert list(keys_told(receiver)) == [by_hand]
    end(provider, by_standby)
    make_all_due()
    standby()
    eventually(lambda: has_told(receiver, by_standby), what="the alert of the standby")
    mortal_valkey.start()
    town.looks_again(connection)

    assert len(receiver.journal) == 2
