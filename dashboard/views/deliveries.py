"""/alerts/deliveries/: did it arrive? Everybody reads; editors send again."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from alerts import outbox
from alerts.models import Delivery
from dashboard import words
from dashboard.queries import deliveries as queries
from dashboard.queries.delivery_filter import DeliveryFilter, matches
from dashboard.views import live


@require_safe
@team_required()
def log(request: TeamRequest) -> HttpResponse:
    team = request.team
    tag = live.tag_of(request, team.public_id, *queries.marks_of(team))
    if live.is_current(request, tag):
        return live.unchanged(tag)
    asked = DeliveryFilter.read(request.GET)
    may_read = request.membership.may(Role.EDITOR)
    page = queries.delivery_log(team, asked, timezone.now(), with_answers=may_read)
    seconds = live.ACTIVE_S if page.waiting else live.QUIET_S
    region = live.Live(request.get_full_path(), tag, seconds)
    return live.page(
        request, "alerts/deliveries.html", "region", tag, {"page": page, "live": region}
    )


@require_POST
@team_required(Role.EDITOR)
def resend(request: TeamRequest, key: UUID) -> HttpResponse:
    delivery = queries.find_delivery(request.team, key)
    try:
        with transaction.atomic():
            is_due = outbox.resend(delivery)
            note(request, "alert resent", delivery.key)
    except ValueError as error:
        messages.error(request, str(error))
    else:
        said = (
            "It is sent again now, under the same key." if is_due else "It is being sent right now."
        )
        messages.success(request, said)
    return _to_the_job(delivery) if request.GET.get("back") == "job" else _back(request)


@require_POST
@team_required(Role.EDITOR)
def resend_given_up(request: TeamRequest) -> HttpResponse:
    asked = matches(request.team, DeliveryFilter.read(request.GET))
    with transaction.atomic():
        count = outbox.resend_dead(request.team, asked)
        note(request, "given up alerts resent", count)
    if count:
        said = words.counted(count, "alert is", "alerts are")
        messages.success(request, f"{said} sent again now, each under its own key.")
    else:
        messages.warning(
            request,
            "Nothing is sent again: no alert was given up on a channel that is switched on.",
        )
    return _back(request)


@require_POST
@team_required(Role.EDITOR)
def dismiss_given_up(request: TeamRequest) -> HttpResponse:
    asked = matches(request.team, DeliveryFilter.read(request.GET))
    with transaction.atomic():
        count = outbox.dismiss_dead(request.team, asked)
        note(request, "given up alerts dismissed", count)
    said = words.counted(count, "alert is", "alerts are")
    messages.success(
        request, f"{said} dismissed: still in the log as given up, no longer a warning."
    )
    return _back(request)


def _to_the_job(delivery: Delivery) -> HttpResponse:
    job = delivery.transition.job if delivery.transition else None
    if job is None:
        return redirect("deliveries")
    return redirect(reverse("job", args=[job.connection.slug, job.provider_id]) + "#alerts")


def _back(request: TeamRequest) -> HttpResponse:
    """To the log as it was looked at: the form's address carries the filter."""
    asked = request.GET.urlencode()
    return redirect(reverse("deliveries") + (f"?{asked}" if asked else ""))
