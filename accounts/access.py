"""Who may open a view: signed in, in a team, with the role it asks for."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from accounts.audit import note
from accounts.models import Membership, Role, Team, User


class TeamRequest(HttpRequest):
    """A request that `team_required` has let through: its user, team and membership exist."""

    user: User
    team: Team
    membership: Membership


P = ParamSpec("P")
TeamView = Callable[Concatenate[TeamRequest, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def team_required(role: Role = Role.VIEWER) -> Callable[[TeamView[P]], View[P]]:
    """Sends strangers to sign in; answers 403 to members whose role does not cover `role`."""

    def decorate(view: TeamView[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            membership = cast("Membership | None", vars(request)["membership"])
            if membership is None or not membership.may(role):
                note(request, "access.refused", request.path)
                raise PermissionDenied
            return view(cast("TeamRequest", request), *args, **kwargs)

        return cast("View[P]", guarded)

    return decorate
