"""A team that watches providers through real workers: what the stories have in common."""

from collections import defaultdict

from django.utils import timezone

from alerts.models import Delivery
from alerts.tasks import announce_due
from jobs.models import Connection, Job, Transition
from jobs.tasks import poll_due
from tests.alerts.house import House
from tests.builders import NOON, a_connection
from tests.provider_double import ProviderDouble
from tests.receiver import Arrival, Receiver
from tests.servers import Valkey, eventually

TICKING = ("poll", "alerts")


class Town(House):
    """`watch` a provider, `start` the workers, then let jobs end."""

    def __init__(self, stack, broker: Valkey) -> None:
        super().__init__()
        self.connection.delete()
        self.stack, self.broker = stack, broker

    def start(self, *queues: str) -> None:
        """All of them with beat, or only the ones that are named."""
        self.stack.start(queues or TICKING, beat=not queues)

    def watch(self, provider: ProviderDouble | str, **facts) -> Connection:
        url = provider if isinstance(provider, str) else provider.url
        facts = {"poll_interval_s": 1, "created_at": timezone.now(), **facts}
        return a_connection(self.team, base_url=url, **facts)

    def follow(self, provider: ProviderDouble, count: int = 1) -> list[str]:
        """Jobs that run, once they are known here and were read in full."""
        ids = [provider.serves(status="running") for _ in range(count)]
        self.knows(ids)
        return ids

    def knows(self, job_ids: list[str]) -> None:
        known = Job.objects.filter(provider_id__in=job_ids, state="running")
        read = known.exclude(retrieved_at=None)
        self.sees(lambda: read.count() == len(job_ids), "the first look at the jobs")

    def sees(self, truth, what: str) -> None:
        """Wakes the poll worker, as the intervals would have in time, until `truth`."""
        self.poll()
        eventually(truth, what=what)

    def poll(self) -> None:
        make_all_due()
        self.wake(poll_due)

    def alert(self) -> None:
        self.wake(announce_due)

    def wake(self, task) -> None:
        with task.app.connection_for_write(self.broker.url) as broker:
            task.apply_async(connection=broker, retry=False)

    def looks(self, connection: Connection) -> None:
        """One complete look at the list."""
        connection.refresh_from_db()
        later = Connection.objects.filter(last_sweep_at__gt=connection.last_sweep_at or NOON)
        self.sees(later.filter(pk=connection.pk).exists, "another look at the list")

    def looks_again(self, connection: Connection) -> None:
        """Whatever would be told twice is told by then."""
        self.looks(connection)
        self.looks(connection)
        self.comes_to_rest()

    def comes_to_rest(self) -> None:
        self.alert()
        eventually(is_at_rest, what="the last alert")


def make_all_due() -> None:
    """As if the intervals had passed; a wait that a provider asked for stays."""
    Connection.objects.update(next_sweep_at=NOON)
    Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)


def is_at_rest() -> bool:
    """Nothing to announce, nothing to send, nobody holds a delivery."""
    return not (
        Transition.objects.filter(announced_at=None).exists()
        or Delivery.objects.filter(state="pending").exists()
        or Delivery.objects.exclude(lease_token=None).exists()
    )


def job_of(arrival: Arrival) -> str:
    return arrival.content["data"]["job"]["id"]


def keys_told(receiver: Receiver) -> dict[str, set[str]]:
    """Job id -> the keys under which its end was told."""
    found = defaultdict(set)
    for arrival in receiver.accepted:
        found[job_of(arrival)].add(arrival.key)
    return dict(found)


def has_told(receiver: Receiver, *job_ids: str) -> bool:
    return set(job_ids) <= keys_told(receiver).keys()
