"""Whom a channel writes to now: the mail to a team's admins goes to who is an admin today."""

from typing import Any

from accounts.models import Membership, Role, Team
from alerts.models import Channel

PLACEHOLDER = "@localhost"  # of the address the demo's admin starts with


def config_of(channel: Channel) -> dict[str, Any]:
    """What its kind sends with. What the row of the admins' mail holds is as old as its last notice."""
    if channel.origin != Channel.Origin.ADMINS:
        return dict(channel.config)
    return {**channel.config, "addresses": addresses_of_admins(channel.team)}


def addresses_of_admins(team: Team) -> list[str]:
    admins = Membership.objects.for_team(team).filter(role=Role.ADMIN, user__is_active=True)
    found = admins.order_by("pk").values_list("user__email", flat=True)
    return [address for address in found if takes_mail(address)]


def takes_mail(address: str) -> bool:
    return not address.endswith(PLACEHOLDER)
