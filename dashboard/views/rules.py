"""Rules: editors add, change, try, switch and remove them. The page of alerts lists them."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import limits
from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from alerts import setup
from alerts.models import Channel, Rule
from alerts.quiet_hours import zone_names
from dashboard.forms.rules import RuleForm
from dashboard.queries import rules as queries
from dashboard.views import welcome
from dashboard.views.connections import FORM_METHODS


@require_http_methods(FORM_METHODS)
@team_required(Role.EDITOR)
def add(request: TeamRequest) -> HttpResponse:
    return _form_page(request, None)


@require_http_methods(FORM_METHODS)
@team_required(Role.EDITOR)
def edit(request: TeamRequest, public_id: UUID) -> HttpResponse:
    return _form_page(request, queries.find_rule(request.team, public_id))


def _form_page(request: TeamRequest, rule: Rule | None) -> HttpResponse:
    is_preview = "preview" in request.POST
    zone, asked = request.user.time_zone, request.POST or None
    form = RuleForm(
        request.team, asked, rule=rule, asked=request.GET, zone=zone, is_preview=is_preview
    )
    is_good = request.method == "POST" and form.is_valid()
    # Thousands of changes are looked at: a second of work for patterns with many stars.
    is_too_often = is_good and is_preview and not limits.take(limits.RULE_PREVIEW, request.team.pk)
    if is_too_often:
        form.add_error(None, "Too many previews in a minute. Nothing is lost: try again soon.")
        is_good = False
    elif is_good and not is_preview:
        try:
            return _saved(request, rule, form)
        except ValueError as error:
            form.add_error(None, str(error))
    context = {
        "form": form,
        "rule": rule,
        "preview": queries.preview_panel(request.team, form.facts()) if is_good else None,
        "has_channels": Channel.objects.for_team(request.team).exists(),
        "zones": zone_names(),
    }
    status = 429 if is_too_often else 400 if form.errors else 200
    answer = render(request, "alerts/rule_form.html", context, status=status)
    if is_too_often:
        answer.headers["Retry-After"] = str(limits.RULE_PREVIEW.window_s)
    return answer


def _saved(request: TeamRequest, rule: Rule | None, form: RuleForm) -> HttpResponse:
    """Raises ValueError."""
    with transaction.atomic():
        if rule is None:
            note(request, "rule added", setup.create_rule(request.team, form.facts()))
        else:
            setup.update_rule(rule, form.facts())
            note(request, "rule changed", rule, form.changed_data)
    said = "The rule is changed." if rule else "The rule is on."
    messages.success(request, f"{said} It rings for what happens from now on.")
    return welcome.done(request, "alerts")


@require_POST
@team_required(Role.EDITOR)
def switch(request: TeamRequest, public_id: UUID, *, is_enabled: bool) -> HttpResponse:
    rule = queries.find_rule(request.team, public_id)
    word = "on" if is_enabled else "off"
    with transaction.atomic():
        setup.set_rule_enabled(rule, is_enabled)
        note(request, f"rule switched {word}", rule)
    messages.success(request, f"The rule is {word}.")
    return redirect("alerts")


@require_POST
@team_required(Role.EDITOR)
def remove(request: TeamRequest, public_id: UUID) -> HttpResponse:
    rule = queries.find_rule(request.team, public_id)
    with transaction.atomic():
        note(request, "rule removed", rule)
        setup.remove_rule(rule)
    messages.success(request, "The rule is removed. What it announced already is still delivered.")
    return redirect("alerts")
