"""Tells the team's admins, through other channels, that one channel does not work."""

from dataclasses import replace
from http import HTTPStatus
from uuid import UUID, uuid5

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.models import Team
from alerts.addressees import addresses_of_admins
from alerts.channels import kinds
from alerts.channels.base import SendError
from alerts.channels.email import NO_MAIL
from alerts.message_channel import ChannelFacts, Trouble, notice
from alerts.models import Channel, Delivery
from alerts.schedule import Next
from jobs.claims import database_now

__all__ = ["Trouble", "admins_channel", "of_failure", "tell_admins"]

ADMINS_NAME = "Team's admins"
REFUSALS = 3  # in a row, before admins are asked to look at the channel's settings
# Answers that say "not now" rather than "not like this".
_LATER = {
    *(HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY),
    HTTPStatus.TOO_MANY_REQUESTS,
}

log = structlog.get_logger(__name__)


def of_failure(
    error: SendError, follows: Next, channel_failures: int, *, is_off: bool
) -> Trouble | None:
    """What admins should hear of after a failed try, if anything. `channel_failures`: in a row."""
    if is_off:
        return Trouble.GONE if error.gone else Trouble.WORN_OUT
    if follows.delay_s is None:
        return Trouble.GIVEN_UP
    status = error.status or 0
    is_refusal = HTTPStatus(400) <= status < HTTPStatus(500) and status not in _LATER
    return Trouble.REFUSED if is_refusal and channel_failures >= REFUSALS else None


def tell_admins(channel: Channel, trouble: Trouble, answer: str) -> int:
    """Notices made for the team's other channels; how many.

    Once for each trouble of a channel, which ends with its next success, and once more when it is
    switched off. `channel`: locked by the caller, with its team. Never raises.
    """
    if channel.admins_told_at is not None and not trouble.is_off:
        return 0
    try:
        with transaction.atomic():
            made = Delivery.objects.bulk_create(_notices(channel, trouble, answer))
            Channel.objects.filter(pk=channel.pk).update(admins_told_at=Now())
    except DatabaseError:
        # What became of the alert is written all the same.
        log.exception("admins not told", channel=channel.pk, trouble=trouble.name)
        return 0
    log.warning("admins told", channel=channel.pk, trouble=trouble.name, channels=len(made))
    return len(made)


def _notices(channel: Channel, trouble: Trouble, answer: str) -> list[Delivery]:
    kind = kinds().get(channel.kind)
    label = kind.label if kind else channel.kind
    facts = ChannelFacts(str(channel.public_id), channel.name, label, answer)
    now, url = database_now(), f"{settings.SITE_URL}/alerts/"
    for_admins = notice(facts, trouble, now, url)
    # A chat room has other readers than the admins: what the receiver said is not for them.
    for_others = notice(replace(facts, answer=""), trouble, now, url)
    return [
        Delivery(
            team=channel.team,
            channel=other,
            thread=f"channel-{channel.pk}",
            message=(for_admins if _is_admins(other) else for_others).to_json(),
            is_urgent=True,
        )
        for other in _listeners(channel)
    ]


def _is_admins(channel: Channel) -> bool:
    return channel.origin == Channel.Origin.ADMINS


def _listeners(channel: Channel) -> QuerySet[Channel]:
    """The admins' own mail, and every other channel that works; never the one in trouble."""
    mail = admins_channel(channel.team)
    own = Q(origin=Channel.Origin.ADMINS)
    wanted = (Q(failures=0) & ~own) | Q(pk=mail.pk if mail else None)
    return Channel.objects.for_team(channel.team).enabled().filter(wanted).exclude(pk=channel.pk)


def admins_channel(team: Team) -> Channel | None:
    """Mail to the team's admins, made or refreshed; None where no mail can be sent to any of them."""
    addresses = addresses_of_admins(team)
    if not addresses or settings.EMAIL_BACKEND.endswith(NO_MAIL):
        return None
    channel, _ = Channel.objects.get_or_create(
        # Derived, so that two workers which need it at once make one.
        public_id=_public_id(team),
        defaults={
            "team": team,
            "kind": "email",
            "name": ADMINS_NAME,
            "origin": Channel.Origin.ADMINS,
            "config": {"addresses": addresses},
        },
    )
    if channel.config.get("addresses") != addresses:
        channel.config = {"addresses": addresses}
        channel.save(update_fields=["config"])
    return channel


def _public_id(team: Team) -> UUID:
    return uuid5(team.public_id, "admins")
