"""What editors say of a job: its tags and its note."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from dashboard.forms.labels import LabelsForm
from dashboard.queries.job import find_job
from dashboard.queries.labels import initial_of
from dashboard.views.connections import FORM_METHODS
from jobs.models import Job


@require_http_methods(FORM_METHODS)
@team_required(Role.EDITOR)
def change(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = find_job(request.team, connection, job_id)
    if request.method != "POST":
        form = LabelsForm(initial=initial_of(job))
    else:
        form = LabelsForm(request.POST)
        if form.is_valid() and _save(request, job, form):
            return redirect("job", connection, job_id)
    context = {"job": job, "form": form}
    return render(request, "jobs/job_labels.html", context, status=400 if form.errors else 200)


def _save(request: TeamRequest, job: Job, form: LabelsForm) -> bool:
    try:
        with transaction.atomic():
            changed = form.save(request.team, job)
            if changed:
                note(request, "job labelled", job.provider_id, changed)
    except ValueError as error:
        form.fail(error)
        return False
    said = " and ".join(changed)
    messages.success(request, f"Saved: {said}." if changed else "Nothing was changed.")
    return True
