"""/welcome/: the first steps of an installation, each done or open."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from accounts.models import Role
from dashboard.queries.welcome import welcome_page


@require_safe
@team_required(Role.ADMIN)
def show(request: TeamRequest) -> HttpResponse:
    return render(
        request, "signin/welcome.html", {"page": welcome_page(request.team, request.user)}
    )
