"""/status/: is the monitor itself well?"""

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from dashboard.queries.status import status_page
from dashboard.views import live


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    page = status_page(request.team, timezone.now())
    stands = live.standing(request, request.membership.role, page)
    if stands.is_current:
        return live.unchanged(stands.tag)
    region = live.Live(request.path, stands.tag, live.QUIET_S)
    context = {"page": page, "live": region, "site_banners": stands.banners}
    return live.page(request, "status/status.html", "region", stands.tag, context)
