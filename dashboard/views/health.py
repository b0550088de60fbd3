"""For load balancers and humans with curl: no team data, no names, no sign-in."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.queries import readiness


@require_safe
def livez(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    found = readiness.readiness(timezone.now())
    word = "not ready" if found.reasons else "degraded" if found.degraded else "ready"
    answer = {
        "status": word,
        "reasons": list(found.reasons),
        "degraded": found.degraded,
        **found.ages,
    }
    return JsonResponse(answer, status=503 if found.reasons else 200)
