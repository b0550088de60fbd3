"""Who may open a view: signed in, in a team, with the role it asks for."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.audit import note
from accounts.models import Membership, Role, Team, User


class TeamRequest(HttpRequest):
    """A request that `team_required` has let through: its user, team and membership exist."""

    user: User
    team: Team
    membership: Membership


class NoTeam(PermissionDenied):
    """Signed in, and a member of no team."""


P = ParamSpec("P")
TeamView = Callable[Concatenate[TeamRequest, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def team_required(role: Role = Role.VIEWER) -> Callable[[TeamView[P]], View[P]]:
    """Sends strangers to sign in; answers 403 to members whose role does not cover `role`, and to who is none."""

    def decorate(view: TeamView[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            membership = cast("Membership | None", vars(request)["membership"])
            if membership is None:
                raise NoTeam
            if not membership.may(role):
                note(request, "access.refused", request.path)
                raise PermissionDenied
            return view(cast("TeamRequest", request), *args, **kwargs)

        return cast("View[P]", guarded)

    return decorate


def to_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """And from there back to the page; of what a button sends, to the page with the button."""
    if request.method in {"GET", "HEAD"}:
        return redirect_to_login(request.get_full_path())
    return redirect_to_login(came_from(request) or settings.LOGIN_REDIRECT_URL)


def came_from(request: HttpRequest) -> str:
    """The path of the page of this site that led here; "" where the browser names none."""
    said = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(said, {request.get_host()}):
        return ""
    parts = urlsplit(said)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return path if url_has_allowed_host_and_scheme(path, allowed_hosts=None) else ""
