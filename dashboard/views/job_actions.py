"""What editors do to a job here. Nothing of it reaches the provider: the training goes on."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import limits
from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from dashboard.forms.connections import ConfirmNameForm
from dashboard.queries.connections import find_tracked_job
from dashboard.views.connections import FORM_METHODS, apply_change, too_many
from jobs import tracking


@require_POST
@team_required(Role.EDITOR)
def change(request: TeamRequest, connection: str, job_id: str, action: str) -> HttpResponse:
    """Pause, resume, archive or restore."""
    job = find_tracked_job(request.team, connection, job_id)
    with transaction.atomic():
        said = apply_change(job, action)
        note(request, f"job {said}", job.provider_id)
    messages.success(request, f"{job.name} is {said} here. The training itself is not touched.")
    return redirect("job", connection, job_id)


@require_POST
@team_required(Role.EDITOR)
def poll(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = find_tracked_job(request.team, connection, job_id)
    if not limits.take(limits.POLL_NOW, request.team.pk):
        return too_many(request, limits.POLL_NOW)
    with transaction.atomic():
        tracking.poll_now(job)
        note(request, "job polled", job.provider_id)
    messages.success(request, f"{job.name} is asked about with the next tick, within 5 seconds.")
    return redirect("job", connection, job_id)


@require_http_methods(FORM_METHODS)
@team_required(Role.EDITOR)
def remove(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = find_tracked_job(request.team, connection, job_id)
    form = ConfirmNameForm(job.name, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            tracking.remove(job)
            note(request, "job removed", job.provider_id)
        messages.success(request, f"{job.name} and everything recorded of it are removed here.")
        return redirect("jobs")
    return render(
        request,
        "connections/remove_job.html",
        {"job": job, "form": form},
        status=400 if form.errors else 200,
    )
