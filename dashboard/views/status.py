"""/status/: is the monitor itself well?"""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from dashboard.queries.status import status_page


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    return render(
        request, "status/status.html", {"page": status_page(request.team, timezone.now())}
    )
