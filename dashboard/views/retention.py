"""/team/retention/: what is forgotten, and when. Nothing is turned on before its dry run was seen."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from dashboard.forms.retention import RetentionForm
from dashboard.queries import retention as queries
from jobs import retention
from jobs.claims import database_now


@require_safe
@team_required(Role.ADMIN)
def show(request: TeamRequest) -> HttpResponse:
    """With days in the address, what they would remove now; nothing is changed by looking."""
    page = queries.retention_page(request.team)
    rules = page.rules
    form = RetentionForm(
        initial={"snapshot_days": rules.snapshot_days, "event_days": rules.event_days}
    )
    dry_run = None
    if request.GET.keys() & form.fields.keys():
        form = RetentionForm(request.GET)
        if form.is_valid():
            dry_run = queries.dry_run(request.team, form.rules(), database_now())
    context = {"page": page, "form": form, "dry_run": dry_run}
    return render(request, "team/retention.html", context, status=400 if form.errors else 200)


@require_POST
@team_required(Role.ADMIN)
def enable(request: TeamRequest) -> HttpResponse:
    rules = queries.opened(request.team, request.POST.get("seen", ""))
    if rules is None:
        messages.error(request, "Nothing was turned on. Look first at what would go, then confirm.")
        return redirect("retention")
    with transaction.atomic():
        retention.enable(request.team, rules)
        note(request, "retention turned on", queries.rule_words(rules), ["days"])
    messages.success(request, "Retention is on. The first round begins within a minute.")
    return redirect("retention")


@require_POST
@team_required(Role.ADMIN)
def disable(request: TeamRequest) -> HttpResponse:
    with transaction.atomic():
        retention.disable(request.team)
        note(request, "retention turned off")
    messages.success(request, "Retention is off. From now on everything is kept.")
    return redirect("retention")
