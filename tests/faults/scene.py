"""What the rows of the fault matrix have in common: jobs that run, jobs that end, and the time that passes."""

from django.utils import timezone

from alerts.models import Delivery
from alerts.outbox import deliver
from jobs.models import Connection, Job, Transition
from jobs.poll import poll_due
from tests.alerts.house import House, end_leases, make_due
from tests.builders import NOON
from tests.faults.oracle import Verdict, judge

SOME_ROUNDS = 12


class Scene(House):
    """`runs` jobs, `ends` them at the provider, `comes_to_rest`, and `verdict`."""

    def __init__(self, provider, receivers) -> None:
        super().__init__()
        self.provider, self.receivers = provider, receivers
        Connection.objects.update(base_url=provider.url, created_at=timezone.now())
        self.connection.refresh_from_db()
        self.channels = [self.hook(one) for one in receivers]

    def runs(self, count: int = 1) -> list[str]:
        """Jobs that were seen running."""
        ids = [self.provider.serves(status="running") for _ in range(count)]
        self.poll()
        return ids

    def over(self, ids: list[str], status: str = "failed") -> None:
        """Ended at the provider; nobody has looked yet."""
        for job_id in ids:
            self.provider.serves(job_id, status=status, finished_at=int(timezone.now().timestamp()))

    def poll(self) -> None:
        make_all_due()
        poll_due(budget_s=20)

    def comes_to_rest(self) -> None:
        """Time passes and the sweep comes round, until nothing is left to do."""
        for _ in range(SOME_ROUNDS):
            end_all_leases()
            self.poll()
            make_due()
            deliver()
            if is_at_rest():
                return

    def verdict(self) -> Verdict:
        return judge(self.provider, *self.receivers)


def make_all_due() -> None:
    Connection.objects.update(next_sweep_at=NOON, wait_until=None, paced_until=None)
    Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)


def end_all_leases() -> None:
    """As if the leases of everybody who died had run out."""
    for model in (Job, Connection):
        model.objects.exclude(lease_token=None).update(lease_until=NOON)
    end_leases()


def is_at_rest() -> bool:
    return not (
        Transition.objects.filter(announced_at=None).exists()
        or Delivery.objects.filter(state="pending").exists()
    )
