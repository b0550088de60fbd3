"""/metrics: figures for Prometheus. Totals for everybody, slugs for the holder of the operator's token."""

import structlog
from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import ApiToken, Team, digest_of
from dashboard.exposition import exposition

PLAIN = "text/plain; charset=utf-8"

log = structlog.get_logger(__name__)


class UnknownToken(Exception):
    """Send the token as 'Authorization: Bearer <token>', or none at all."""


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    try:
        body, content_type = exposition(request.headers.get("Accept", ""), _team_told(request))
    except UnknownToken:
        answer = HttpResponse(f"{UnknownToken.__doc__}\n", content_type=PLAIN, status=401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    except DatabaseTrouble as error:
        log.warning("metrics_not_read", error=str(error))
        return HttpResponse("The database does not answer.\n", content_type=PLAIN, status=503)
    return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})


def _team_told(request: HttpRequest) -> Team | None:
    """Whose slugs the token opens: the operator's own its team's, any other none. Raises UnknownToken."""
    given = request.headers.get("Authorization", "")
    if not given:
        return None
    scheme, _, secret = given.partition(" ")
    token = ApiToken.objects.matching(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise UnknownToken
    is_operators = bool(settings.API_TOKEN) and token.digest == digest_of(settings.API_TOKEN)
    return token.team if is_operators else None
