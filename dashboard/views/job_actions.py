"""What editors do to a job: here, where the training goes on, and at the provider."""

from functools import partial

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
from dashboard.queries import job_action
from dashboard.queries.connections import find_tracked_job
from dashboard.queries.job import find_job
from dashboard.views.connections import FORM_METHODS, apply_change, too_many
from jobs import actions, tracking
from jobs.actions import Action, NotAsked, Outcome, Verdict
from jobs.claims import database_now
from jobs.models import Job

LEVELS = {
    Verdict.ACCEPTED: messages.SUCCESS,
    Verdict.REFUSED: messages.ERROR,
    Verdict.UNKNOWN: messages.WARNING,
    Verdict.NOT_SENT: messages.ERROR,
}


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
    if unwatched := _unwatched(job):
        messages.warning(request, f"Nothing was asked: {unwatched}.")
        return redirect("job", connection, job_id)
    if not limits.take(limits.POLL_NOW, request.team.pk):
        return too_many(request, limits.POLL_NOW)
    with transaction.atomic():
        tracking.poll_now(job)
        note(request, "job polled", job.provider_id)
    messages.success(request, f"{job.name} is asked about with the next tick, within 5 seconds.")
    return redirect("job", connection, job_id)


def _unwatched(job: Job) -> str:
    """Why nobody looks at it; "" while somebody does."""
    reasons = (
        (job.connection.archived_at, f"the connection {job.connection.name} is put away"),
        (job.connection.is_paused, f"watching of {job.connection.name} is paused"),
        (job.archived_at, f"{job.name} is archived"),
        (job.is_paused, f"watching of {job.name} is paused"),
    )
    return next((words for is_so, words in reasons if is_so), "")


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


@require_http_methods(FORM_METHODS)
@team_required(Role.EDITOR)
def at_provider(request: TeamRequest, connection: str, job_id: str, action: str) -> HttpResponse:
    """Asks first; then sends one request and shows what the provider answered."""
    job = find_job(request.team, connection, job_id)
    if request.method == "POST":
        return _ask(request, job, Action(action))
    return _confirmation(request, job, Action(action))


def _confirmation(
    request: TeamRequest, job: Job, action: Action, status: int = 200
) -> HttpResponse:
    page = job_action.confirmation(job, action, database_now())
    return render(request, "jobs/job_provider_action.html", {"page": page}, status=status)


def _ask(request: TeamRequest, job: Job, action: Action) -> HttpResponse:
    """No transaction is open here: the provider may take its time."""
    stage = request.POST.get("stage", "")
    if not stage.isascii() or not stage.isdecimal():
        messages.error(request, "Nothing was sent: the form was incomplete. Here it is again.")
        return _confirmation(request, job, action, status=400)
    try:
        outcome = actions.ask(job, action, partial(note, request), int(stage))
    except NotAsked as reason:
        messages.warning(request, f"Nothing was sent. {reason}")
        return redirect(f"job-provider-{action}", job.connection.slug, job.provider_id)
    said = actions.sentence(job, action, outcome)
    messages.add_message(request, LEVELS[outcome.verdict], f"{said} {_next_look(job, outcome)}")
    return redirect("job", job.connection.slug, job.provider_id)


def _next_look(job: Job, outcome: Outcome) -> str:
    """When this page shows what came of it."""
    if outcome.verdict in {Verdict.REFUSED, Verdict.NOT_SENT}:
        return ""
    if job.is_paused or job.connection.is_paused:
        return "Watching is paused here: watch it again to see what came of it."
    return "This page follows with the next look."
