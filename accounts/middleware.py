"""Puts the signed-in user's team on the request, and the user's time zone on the answer."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import Membership, User

# Asked by programs with a signature or a token: a cookie neither counts there nor costs a query.
COOKIELESS = ("/webhooks/", "/v1/", "/api/", "/feeds/")
CHOSEN_TEAM = "team"  # session key: slug of the team a user with several looks at


class TeamMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(COOKIELESS):
            vars(request).update(membership=None, team=None)
            return self.get_response(request)
        membership = find_membership(request) if request.user.is_authenticated else None
        vars(request).update(membership=membership, team=membership.team if membership else None)
        with timezone.override(zone_of(request)):
            return self.get_response(request)


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The user's time zone; UTC for strangers and for a name that no longer exists."""
    try:
        return ZoneInfo(getattr(request.user, "time_zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def find_membership(request: HttpRequest) -> Membership | None:
    """The membership in the chosen team, else in the oldest one; None for a user without a team."""
    mine = memberships_of(request.user)
    chosen = request.session.get(CHOSEN_TEAM)
    return next((one for one in mine if one.team.slug == chosen), mine[0] if mine else None)


def memberships_of(user: User | AnonymousUser) -> tuple[Membership, ...]:
    """With their teams, the oldest first: as they came with the user, else read now."""
    held = getattr(user, "held_memberships", None)
    if held is None:
        mine = Membership.objects.filter(user_id=user.pk or 0)
        held = tuple(mine.select_related("team").order_by("pk"))
    return held
