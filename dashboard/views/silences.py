"""What editors do so that a job does not ring. Messages link to the page that snoozes."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from alerts import silences
from dashboard.forms.silences import SnoozeForm
from dashboard.queries.job import find_job
from dashboard.queries.silences import silence_of
from dashboard.views.connections import FORM_METHODS


@require_POST
@team_required(Role.EDITOR)
def mute(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = find_job(request.team, connection, job_id)
    with transaction.atomic():
        silences.mute(job, request.user)
        note(request, "job muted", job.provider_id)
    messages.success(request, f"{job.name} is muted: nobody is told of it until it is unmuted.")
    return redirect("job", connection, job_id)


@require_POST
@team_required(Role.EDITOR)
def wake(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = find_job(request.team, connection, job_id)
    with transaction.atomic():
        silences.wake(job)
        note(request, "job unmuted", job.provider_id)
    messages.success(request, f"{job.name} rings again.")
    return redirect("job", connection, job_id)


@require_http_methods(FORM_METHODS)
@team_required(Role.EDITOR)
def snooze(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    """Asks for how long; looking at it changes nothing, for mail programs follow links too."""
    job = find_job(request.team, connection, job_id)
    form = SnoozeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        span = form.cleaned_data["span"]
        with transaction.atomic():
            silences.snooze(job, span, request.user)
            note(request, "job snoozed", job.provider_id)
        words = silences.SPANS[span][1]
        messages.success(request, f"{job.name} is snoozed for {words}. Its end still rings.")
        return redirect("job", connection, job_id)
    context = {"job": job, "form": form, "silence": silence_of(job, timezone.now())}
    status = 400 if request.method == "POST" else 200
    return render(request, "jobs/job_snooze.html", context, status=status)
