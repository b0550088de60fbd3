"""The outbox: announce what happened, deliver what is due. Neither needs a broker.

A delivery is claimed (lease and token), sent outside any transaction, and marked sent only after
the receiver took it. Whoever dies in between leaves a lease that runs out, and the next one sends
again under the same key.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.cipher import CannotOpen
from accounts.models import Team
from alerts import claims, hints, results
from alerts.addressees import config_of
from alerts.announcing import announce, announce_some
from alerts.channels import Receipt, SendError, kind_of, secrets_of
from alerts.channels.base import SEND_DEADLINE_S
from alerts.claims import Held
from alerts.digest import digest
from alerts.message import Message
from alerts.models import Channel, Delivery
from alerts.results import Fate, Taken
from alerts.schedule import MAX_CLAIMS
from alerts.senders import MAX_SENDERS, NotBegun, Outcome, Sender, Senders
from jobs.failpoints import failpoint

BUDGET_S = 40.0
MAX_PER_CHANNEL = 6  # of the 8 quick senders
# Claimed for a channel that takes everything, so that its senders need not wait for the database.
MOST_CLAIMED = 24
# A send that takes longer counts among the slow ones: they hold none of the quick senders.
SLOW_AFTER_S = 0.3
# Channels that fail are tried by these at most, however many there are.
MOST_TRIALS = 24
# A channel that gave nothing, because it gathers a digest or has its one trial, is left alone so long.
REST_S = 0.5
# Claimed and not settled, of all channels: what a dying worker leaves until its leases end.
MOST_AT_HAND = 96
# Every send should end by itself within SEND_DEADLINE_S; one that does not is left behind.
ABANDON_AFTER_S = SEND_DEADLINE_S + 3
LOOK_AGAIN_S = 0.1  # for new work, while senders are busy

log = structlog.get_logger(__name__)

__all__ = [
    "Tally",
    "announce",
    "announce_all",
    "deliver",
    "deliver_all",
    "dismiss_dead",
    "message_of",
    "resend",
    "resend_dead",
]


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


def resend_dead(team: Team, asked: Q | None = None) -> int:
    """Try again what was given up and not dismissed, on channels that are on; how many."""
    given_up = Delivery.objects.for_team(team).given_up().filter(asked or Q())
    return _resend(given_up.filter(channel__in=Channel.objects.enabled()))


def dismiss_dead(team: Team, asked: Q | None = None) -> int:
    """What was given up stays so and warns no longer, whether its channel is on or off; how many."""
    given_up = Delivery.objects.for_team(team).given_up().filter(asked or Q())
    return given_up.update(dismissed_at=Now())


def _resend(rows: QuerySet[Delivery]) -> int:
    """What was settled goes by itself, or into another digest; a digest that still waits goes whole."""
    anew: dict[str, object] = {"reason": "", "failures": 0, "quiet_until": None}
    anew |= {"next_attempt_at": Now(), "dismissed_at": None}
    pending = Delivery.State.PENDING
    with transaction.atomic():
        channel_ids = list(rows.order_by().values_list("channel_id", flat=True).distinct())
        waiting = rows.filter(state=pending).order_by()
        keys = list(waiting.exclude(digest_key=None).values_list("digest_key", flat=True))
        together = Q(digest_key__in=keys) | Q(pk__in=waiting.values("pk"))
        unheld = Delivery.objects.exclude(claims.LIVE_LEASE)
        hurried = unheld.filter(together, state=pending).update(**anew, **results.FREED)
        settled = rows.exclude(claims.LIVE_LEASE).exclude(state=pending)
        begun = settled.update(state=pending, digest_key=None, **anew, **results.FREED)
        Channel.objects.filter(pk__in=channel_ids).update(wait_until=None)
        transaction.on_commit(hints.ring)
    return hurried + begun


@dataclass(frozen=True, slots=True)
class _Flight:
    held: Held
    started: float

    @property
    def flies_s(self) -> float:
        return time.monotonic() - self.started

    @property
    def is_trial(self) -> bool:
        return self.held.first.channel.is_failing


class _Run:
    """One run of `deliver`: this thread claims and writes, the senders only send."""

    def __init__(self, senders: Senders, until: float) -> None:
        self.senders = senders
        self.until = until
        self.flights: dict[Sender, _Flight] = {}
        self.ready: dict[int, deque[Held]] = defaultdict(deque)  # claimed, not begun
        self.unsettled: list[tuple[Held, Outcome]] = []
        self.counts: Counter[Fate] = Counter()
        # Slow start: a channel earns more claims by success, so that a hanging one takes one sender.
        self.pace: dict[int, int] = {}
        self.rests: dict[int, float] = {}  # until when a channel is left alone
        self.looked_at = 0.0
        self.found_work = True
        self.has_more_news = False  # left to announce

    def drain(self) -> Tally:
        while True:
            if time.monotonic() >= self.until:
                self._give_back(list(self.ready))
            elif self._should_look():
                self._announce()
                self._claim_due()
            self._begin()
            if self.flights or self._may_settle():
                self._collect()
            elif not self.has_more_news or time.monotonic() >= self.until:
                break
        return Tally(*(self.counts[fate] for fate in Fate))

    def _should_look(self) -> bool:
        """Each look costs some queries: while there is enough at hand, only now and then."""
        if not self.flights or time.monotonic() - self.looked_at >= LOOK_AGAIN_S:
            return True
        return self.found_work and sum(map(len, self.ready.values())) < MAX_PER_CHANNEL

    def _announce(self) -> None:
        self.has_more_news = False
        try:
            self.has_more_news = announce_some()
        except Exception:
            # What is due already must go out all the same; the next round announces again.
            log.exception("announcing failed")

    def _claim_due(self) -> None:
        self.looked_at, self.found_work = time.monotonic(), False
        trials = sum(flight.is_trial for flight in self.flights.values())
        resting = {one for one, until in self.rests.items() if until > self.looked_at}
        full = [one for one in self._at_hand() if 2 * self._room(one) < self._pace_of(one)]
        for channel_id in claims.channels_due([*full, *resting], with_trials=trials < MOST_TRIALS):
            if len(self.flights) + sum(map(len, self.ready.values())) >= MOST_AT_HAND:
                break
            self._claim(channel_id)

    def _claim(self, channel_id: int) -> None:
        try:
            held = claims.claim_from(channel_id, self._room(channel_id))
        except DatabaseError:
            # A deadlock, or a lock that took too long: nothing was claimed, others go on.
            log.exception("nothing claimed", channel=channel_id)
            _mend_connection()
            held = []
        self.ready[channel_id].extend(held)
        self.found_work = self.found_work or bool(held)
        if not held:
            self.rests[channel_id] = time.monotonic() + REST_S

    def _at_hand(self) -> Counter[int]:
        """Messages of each channel that are claimed and not settled."""
        return self._flying() + Counter({one: len(held) for one, held in self.ready.items()})

    def _flying(self) -> Counter[int]:
        return Counter(flight.held.channel_id for flight in self.flights.values())

    def _pace_of(self, channel_id: int) -> int:
        return self.pace.get(channel_id, 1)

    def _room(self, channel_id: int) -> int:
        return self._pace_of(channel_id) - self._at_hand()[channel_id]

    def _begin(self) -> None:
        while (held := self._next()) is not None:
            self._start(held)

    def _next(self) -> Held | None:
        """Of the channel with the fewest sends under way, as long as there is a sender for it."""
        quick = sum(flight.flies_s < SLOW_AFTER_S for flight in self.flights.values())
        if quick >= MAX_SENDERS or not self.senders.free:
            return None
        flying = self._flying()
        waiting = [one for one, held in self.ready.items() if held]
        channel_id = min(waiting, key=lambda one: flying[one], default=None)
        if channel_id is None or flying[channel_id] >= MAX_PER_CHANNEL:
            return None
        return self.ready[channel_id].popleft()

    def _start(self, held: Held) -> None:
        failpoint("deliver.claimed")
        if held.claims > MAX_CLAIMS:
            self._count(held, results.bury(held, "worker lost"))
            return
        fresh: Held | None = held
        if held.lease_left_s < claims.RENEW_BELOW_S:
            fresh = claims.renew(held)
        failpoint("deliver.renewed")
        if fresh is None:
            self._count(held, Fate.STALE)
            return
        sender = self.senders.start(_work(fresh))
        self.flights[sender] = _Flight(fresh, time.monotonic())

    def _give_back(self, channel_ids: Iterable[int]) -> None:
        """What was claimed ahead and not begun; should that fail, its lease runs out."""
        for channel_id in channel_ids:
            held = self.ready.pop(channel_id, ())
            try:
                claims.release(held)
            except DatabaseError:
                log.exception("not given back", channel=channel_id)
                _mend_connection()

    def _collect(self) -> None:
        for sender, outcome in self.senders.finished(LOOK_AGAIN_S):
            self.unsettled.append((self.flights.pop(sender).held, outcome))
        overdue = [one for one, flight in self.flights.items() if flight.flies_s > ABANDON_AFTER_S]
        for sender in overdue:
            self.senders.abandon(sender)
            error = SendError("The receiver took too long.")
            outcome = Outcome(None, error, int(ABANDON_AFTER_S * 1000))
            self.unsettled.append((self.flights.pop(sender).held, outcome))
        failing = {held.channel_id for held, outcome in self.unsettled if outcome.receipt is None}
        self._give_back(failing)
        # The senders go on while this thread writes, so that more outcomes are written at once.
        self._begin()
        self._settle_all()

    def _settle_all(self) -> None:
        unsettled, self.unsettled = self.unsettled, []
        taken = [(held, outcome) for held, outcome in unsettled if outcome.receipt is not None]
        if taken:
            self._settle(taken, partial(results.settle_taken, [_taken(*one) for one in taken]))
        for one in unsettled:
            if one not in taken:
                self._settle([one], partial(_settle_one, *one))

    def _settle(
        self, tried: list[tuple[Held, Outcome]], write: Callable[[], Sequence[Fate]]
    ) -> None:
        try:
            fates = write()
        except DatabaseError:
            log.exception("outcome not written yet", delivery=tried[0][0].first.pk)
            self.unsettled += tried
            _mend_connection()
            return
        for (held, _outcome), fate in zip(tried, fates, strict=True):
            self._count(held, fate)
            self._set_pace(held.channel_id, fate)

    def _count(self, held: Held, fate: Fate) -> None:
        self.counts[fate] += len(held.deliveries)

    def _set_pace(self, channel_id: int, fate: Fate) -> None:
        if fate is Fate.SENT:
            self.pace[channel_id] = min(self._pace_of(channel_id) * 2, MOST_CLAIMED)
            return
        self.pace[channel_id] = 1
        self._give_back([channel_id])

    def _may_settle(self) -> bool:
        """Whether an outcome is still to be written under a lease that is still ours."""
        self.unsettled = [one for one in self.unsettled if one[0].lease_left_s > 0]
        return bool(self.unsettled)


def _mend_connection() -> None:
    """It may be the connection that is broken; the next query opens another."""
    if not connection.in_atomic_block:
        connection.close()


def _settle_one(held: Held, outcome: Outcome) -> list[Fate]:
    return [results.settle(held, outcome)]


def _taken(held: Held, outcome: Outcome) -> Taken:
    assert outcome.receipt is not None  # noqa: S101  # chosen by it
    return Taken(held, outcome.receipt, outcome.duration_ms)


def _work(held: Held) -> partial[Receipt]:
    """All that the sender needs, read here: its thread never meets the database."""
    channel = held.first.channel
    try:
        kind, secrets = kind_of(channel), secrets_of(channel)
    except CannotOpen as error:
        return partial(_refuse, SendError(f"The channel's secrets cannot be opened: {error}."))
    except SendError as error:
        return partial(_refuse, error)
    message, key = message_of(held.deliveries), str(held.key)
    return partial(_send, held, partial(kind.send, config_of(channel), secrets, message, key))


def message_of(deliveries: Sequence[Delivery]) -> Message:
    """What is sent about these: the message of one, a digest of several. The same on every try."""
    messages = [Message.from_json(one.message) for one in deliveries]
    if len(messages) == 1:
        return messages[0]
    first = deliveries[0]
    url = f"{settings.SITE_URL}/alerts/deliveries/?digest={first.digest_key}"
    return digest(messages, url, f"digest-{first.channel.public_id}")


def _send(held: Held, send: "partial[Receipt]") -> Receipt:
    if held.lease_left_s < SEND_DEADLINE_S:
        raise NotBegun
    return send()


def _refuse(error: SendError) -> Receipt:
    raise error
