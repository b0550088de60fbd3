"""/alerts/news/: what a page asks for while its reader wants notifications on this computer."""

from dataclasses import asdict

from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from dashboard import visits
from dashboard.queries import news as queries
from dashboard.views import live


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    """A quiet answer is a 304 that reads no job: every ending raises the team's version."""
    team, cookie = request.team, request.COOKIES.get(visits.COOKIE, "")
    tag = live.tag_of(request, team.public_id, team.version, cookie)
    if request.headers.get(live.TAG_HEADER) == tag:
        return live.unchanged(tag)
    mark = queries.Mark.read(request.GET.get("after", ""))
    visit = visits.read(cookie, timezone.now())
    found = queries.news(team, mark, visit.looked_at)
    return live.marked(JsonResponse(asdict(found)), tag)
