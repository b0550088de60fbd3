"""The day a base model retires, set by hand."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from dashboard.forms.catalog import RetirementForm
from dashboard.queries.catalog import catalog_panel
from dashboard.queries.connections import find_connection
from jobs.catalog import set_retirement


@require_POST
@team_required(Role.EDITOR)
def set_day(request: TeamRequest, connection: str) -> HttpResponse:
    """An empty day leaves it to the provider again."""
    found = find_connection(request.team, connection)
    form = RetirementForm(catalog_panel(found, timezone.now().date()).names, request.POST)
    if not form.is_valid():
        reasons = [str(reason) for errors in form.errors.values() for reason in errors]
        messages.error(request, f"Nothing was saved. {' '.join(reasons)}")
        return redirect(f"/connections/{found.slug}/#models")
    name, day = form.cleaned_data["model"], form.cleaned_data["day"]
    with transaction.atomic():
        set_retirement(found, name, day)
        note(request, "retirement day set" if day else "retirement day cleared", name, ["day"])
    said = f"{name} retires on {day}." if day else f"{name} goes by what the provider says."
    messages.success(request, said)
    return redirect(f"/connections/{found.slug}/#models")
