"""Part of the style guide: each alert as each channel would send it."""

from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from accounts.models import Role
from alerts.channels import Kind, kinds
from alerts.samples import samples

SAMPLE_KEY = "00000000-0000-4000-8000-000000000000"
FIRST = "email"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message by its name, and exactly what the channel would send."""

    name: str
    headline: str
    sent: str


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    if not (settings.DEBUG or request.membership.may(Role.ADMIN)):
        raise Http404
    kind = kinds().get(request.GET.get("channel", FIRST))
    if kind is None:
        raise Http404
    context = {"kind": kind, "kinds": kinds().values(), "shown": _shown(kind)}
    return render(request, "styleguide_messages.html", context)


def _shown(kind: Kind) -> list[Shown]:
    found = samples(settings.SITE_URL, timezone.now())
    return [
        Shown(name, message.headline, kind.preview(message, SAMPLE_KEY)) for name, message in found
    ]
