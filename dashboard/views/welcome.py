"""/welcome/: the first steps of an installation, each done or open. What a step opens leads back here."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from alerts.models import Channel
from alerts.setup import RuleFacts, create_rule, has_listener
from dashboard.queries.welcome import welcome_page
from dashboard.views import live

FIRST_RULE = ("succeeded", "failed", "cancelled", "stuck")


@require_safe
@team_required(Role.ADMIN)
def show(request: TeamRequest) -> HttpResponse:
    return page(request)


def page(request: TeamRequest, tried: object = None) -> HttpResponse:
    """`tried`: how a test message went, see `dashboard.views.alerts.Tried`."""
    found = welcome_page(request.team, request.user)
    tag = live.tag_of(request, found)
    if live.is_current(request, tag):
        return live.unchanged(tag)
    # A refresh would take away what the test said.
    region = live.Live(reverse("welcome"), tag, is_on=found.is_moving and tried is None)
    context = {"page": found, "tried": tried, "live": region}
    return live.page(request, "signin/welcome.html", "region", tag, context)


@require_POST
@team_required(Role.ADMIN)
def ring(request: TeamRequest) -> HttpResponse:
    """The first rule: every ending and everything stuck, told to every channel there is."""
    channels = list(Channel.objects.for_team(request.team).set_up().filter(is_enabled=True))
    if not channels:
        messages.warning(request, "Add a channel first: a rule tells somebody.")
    elif not has_listener(request.team):
        with transaction.atomic():
            create_rule(request.team, RuleFacts(FIRST_RULE, channels, name="Every ending"))
            note(request, "rule added", "Every ending")
        messages.success(request, "From now on every job that ends or hangs rings.")
    return redirect("welcome")


def is_origin(request: HttpRequest) -> bool:
    """Whether the page was opened from the first steps: it ends there then."""
    return request.GET.get("from") == "welcome"


def done(request: HttpRequest, page: str, *args: str) -> HttpResponse:
    """On to `page`, or back to the first steps where these led here."""
    return redirect("welcome") if is_origin(request) else redirect(page, *args)
