"""/insight/: what goes wrong, how long it takes, what worked."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from dashboard.queries.insight import InsightFilter, insight


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    page = insight(request.team, InsightFilter.read(request.GET), timezone.now())
    return render(request, "insight/insight.html", {"page": page})
