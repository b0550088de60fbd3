"""The outbox: announce what happened, deliver what is due. Neither needs a broker.

A delivery is claimed (lease and token), sent outside any transaction, and marked sent only after
the receiver took it. Whoever dies in between leaves a lease that runs out, and the next one sends
again under the same key.
"""

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.cipher import CannotOpen
from accounts.models import Team
from alerts import claims, hints, results
from alerts.announcing import announce
from alerts.channels import Receipt, SendError, kind_of, secrets_of
from alerts.channels.base import SEND_DEADLINE_S
from alerts.claims import Held
from alerts.message import Message
from alerts.models import Channel, Delivery
from alerts.results import Fate
from alerts.schedule import MAX_CLAIMS
from alerts.senders import NotBegun, Outcome, Sender, Senders
from jobs.failpoints import failpoint

BUDGET_S = 40.0
MAX_PER_CHANNEL = 6  # of the 8 senders
# Every send should end by itself within SEND_DEADLINE_S; one that does not is left behind.
ABANDON_AFTER_S = SEND_DEADLINE_S + 3
LOOK_AGAIN_S = 0.1  # for new work, while senders are busy

log = structlog.get_logger(__name__)

__all__ = ["Tally", "announce", "announce_all", "deliver", "deliver_all", "resend", "resend_dead"]


@dataclass(frozen=True, slots=True)
class Tally:
    """What one run did. `stale`: results dropped because the row was not ours any more."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    stale: int = 0


def deliver(budget_s: float = BUDGET_S) -> Tally:
    """Announce and send until nothing is due; begin nothing new after `budget_s` seconds."""
    results.suppress_disabled()
    with Senders() as senders:
        return _Run(senders, time.monotonic() + budget_s).drain()


def announce_all() -> int:
    """Deliveries made from everything unannounced: for the sweep without a broker."""
    return announce()


def deliver_all(budget_s: float = BUDGET_S) -> Tally:
    """Everything due, sent or tried: for the sweep without a broker."""
    return deliver(budget_s)


def resend(delivery: Delivery) -> bool:
    """Try again now under the same key. False while it is being sent; ValueError: channel is off."""
    if not Channel.objects.enabled().filter(pk=delivery.channel_id).exists():
        raise ValueError("The channel is switched off. Switch it on first.")
    return _resend(Delivery.objects.filter(pk=delivery.pk)) > 0


def resend_dead(team: Team) -> int:
    """Try everything again that was given up, on channels that are on; how many."""
    given_up = Delivery.objects.for_team(team).filter(state=Delivery.State.DEAD)
    return _resend(given_up.filter(channel__in=Channel.objects.enabled()))


def _resend(rows: QuerySet[Delivery]) -> int:
    with transaction.atomic():
        channel_ids = list(rows.values_list("channel_id", flat=True).distinct())
        changed = rows.exclude(claims.LIVE_LEASE).update(
            state=Delivery.State.PENDING,
            reason="",
            failures=0,
            next_attempt_at=Now(),
            **results.FREED,
        )
        Channel.objects.filter(pk__in=channel_ids).update(wait_until=None)
        transaction.on_commit(hints.ring)
    return changed


@dataclass(frozen=True, slots=True)
class _Flight:
    held: Held
    started: float

    @property
    def is_overdue(self) -> bool:
        return time.monotonic() - self.started > ABANDON_AFTER_S


class _Run:
    """One run of `deliver`: this thread claims and writes, the senders only send."""

    def __init__(self, senders: Senders, until: float) -> None:
        self.senders = senders
        self.until = until
        self.flights: dict[Sender, _Flight] = {}
        self.unsettled: list[tuple[Held, Outcome]] = []
        self.counts: Counter[Fate] = Counter()
        # Slow start: a channel earns more senders by success, so that a hanging one takes one.
        self.pace: dict[int, int] = {}

    def drain(self) -> Tally:
        while True:
            if time.monotonic() < self.until:
                self._announce()
                self._start_due()
            if not self.flights and not self._may_settle():
                break
            self._collect()
        return Tally(*(self.counts[fate] for fate in Fate))

    def _announce(self) -> None:
        try:
            announce()
        except Exception:
            # What is due already must go out all the same; the next round announces again.
            log.exception("announcing failed")

    def _start_due(self) -> None:
        full = [channel_id for channel_id in self._busy_channels() if not self._room(channel_id)]
        if not self.senders.free:
            return
        for channel_id in claims.channels_due(full):
            limit = min(self.senders.free, self._room(channel_id))
            if limit > 0:
                for held in claims.claim_from(channel_id, limit):
                    self._start(held)

    def _busy_channels(self) -> Counter[int]:
        return Counter(flight.held.delivery.channel_id for flight in self.flights.values())

    def _room(self, channel_id: int) -> int:
        return self.pace.get(channel_id, 1) - self._busy_channels()[channel_id]

    def _start(self, held: Held) -> None:
        failpoint("deliver.claimed")
        if held.delivery.claims > MAX_CLAIMS:
            self.counts[results.bury(held, "worker lost")] += 1
            return
        fresh: Held | None = held
        if held.lease_left_s < claims.RENEW_BELOW_S:
            fresh = claims.renew(held)
        failpoint("deliver.renewed")
        if fresh is None:
            self.counts[Fate.STALE] += 1
            return
        sender = self.senders.start(_work(fresh))
        self.flights[sender] = _Flight(fresh, time.monotonic())

    def _collect(self) -> None:
        for sender, outcome in self.senders.finished(LOOK_AGAIN_S):
            self.unsettled.append((self.flights.pop(sender).held, outcome))
        for sender in [one for one, flight in self.flights.items() if flight.is_overdue]:
            self.senders.abandon(sender)
            error = SendError("The receiver took too long.")
            duration_ms = int(ABANDON_AFTER_S * 1000)
            self.unsettled.append(
                (self.flights.pop(sender).held, Outcome(None, error, duration_ms))
            )
        unsettled, self.unsettled = self.unsettled, []
        for held, outcome in unsettled:
            self._settle(held, outcome)

    def _settle(self, held: Held, outcome: Outcome) -> None:
        try:
            fate = results.settle(held, outcome)
        except DatabaseError:
            log.exception("outcome not written yet", delivery=held.delivery.pk)
            self.unsettled.append((held, outcome))
            if not connection.in_atomic_block:
                connection.close()  # it may be the connection that is broken
            return
        self.counts[fate] += 1
        self._set_pace(held.delivery.channel_id, fate)

    def _set_pace(self, channel_id: int, fate: Fate) -> None:
        is_good = fate is Fate.SENT
        faster = min(self.pace.get(channel_id, 1) * 2, MAX_PER_CHANNEL)
        self.pace[channel_id] = faster if is_good else 1

    def _may_settle(self) -> bool:
        """Whether an outcome is still to be written under a lease that is still ours."""
        self.unsettled = [one for one in self.unsettled if one[0].lease_left_s > 0]
        return bool(self.unsettled)


def _work(held: Held) -> partial[Receipt]:
    """All that the sender needs, read here: its thread never meets the database."""
    channel = held.delivery.channel
    try:
        kind, secrets = kind_of(channel), secrets_of(channel)
    except CannotOpen as error:
        return partial(_refuse, SendError(f"The channel's secrets cannot be opened: {error}."))
    except SendError as error:
        return partial(_refuse, error)
    message = Message.from_json(held.delivery.message)
    key = str(held.delivery.key)
    return partial(_send, held, partial(kind.send, channel.config, secrets, message, key))


def _send(held: Held, send: "partial[Receipt]") -> Receipt:
    if held.lease_left_s < SEND_DEADLINE_S:
        raise NotBegun
    return send()


def _refuse(error: SendError) -> Receipt:
    raise error
