"""A team with receivers, and what moves time for its deliveries."""

from datetime import UTC, datetime

from alerts.models import Channel, Delivery, Rule
from alerts.setup import create_channel
from jobs.models import Transition
from providers.states import State
from tests.builders import a_connection, a_job, a_rule, a_team, a_transition
from tests.receiver import Receiver

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class House:
    """A team with one connection: `hook()` adds a listening channel, `ends()` lets a job end."""

    def __init__(self) -> None:
        self.team = a_team()
        self.connection = a_connection(self.team, slug="prod-eu", name="Prod EU")

    def hook(self, receiver: Receiver | None, *, kind: str = "webhook", **facts) -> Channel:
        values = {"address": "dana@example.com"} if kind == "email" else {"url": receiver.url}
        channel = create_channel(self.team, kind, f"{kind} channel", values).channel
        Channel.objects.filter(pk=channel.pk).update(created_at=LONG_AGO, **facts)
        a_rule(channel, created_at=LONG_AGO)
        return Channel.objects.get(pk=channel.pk)

    def mail(self) -> Channel:
        return self.hook(None, kind="email")

    def ends(self, state: State = State.FAILED, **facts) -> Transition:
        job = a_job(self.connection, state=state, error_code="invalid_training_file", **facts)
        return a_transition(job)

    def rule(self) -> Rule:
        return Rule.objects.get(team=self.team)


def the_delivery() -> Delivery:
    return Delivery.objects.get()


def make_due() -> None:
    """Let the waiting times pass, as far as the rows go."""
    Channel.objects.update(wait_until=None)
    Delivery.objects.filter(state="pending").update(next_attempt_at=LONG_AGO)


def end_leases() -> None:
    Delivery.objects.exclude(lease_token=None).update(lease_until=LONG_AGO)
