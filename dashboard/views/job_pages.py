"""The pages of one job that have an address of their own, but for its events."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from dashboard import downloads
from dashboard.queries import changes, events, files, history, next_step, report, snapshots
from dashboard.queries import job as job_queries
from dashboard.queries.sub_page import sub_page


@require_safe
@team_required()
def timeline(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = job_queries.find_job(request.team, connection, job_id)
    past = history.history(job, timezone.now())
    found = snapshots.timeline(job, past, request.GET.get("before", ""))
    return render(request, "jobs/job_timeline.html", {"page": sub_page(job, found)})


@require_safe
@team_required()
def changed(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = job_queries.find_job(request.team, connection, job_id)
    found = changes.changes(job, changes.ChangesAsked.read(request.GET))
    return render(request, "jobs/job_changes.html", {"page": sub_page(job, found)})


@require_safe
@team_required()
def raw(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = job_queries.find_job(request.team, connection, job_id)
    found = snapshots.raw(job, request.GET.get("snapshot", ""), job.connection.dialect)
    if request.GET.get("as") == "text" and found.chosen:
        return downloads.plain_text(found.text)
    return render(request, "jobs/job_raw.html", {"page": sub_page(job, found)})


@require_safe
@team_required()
def markdown(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    """As plain text: what the button of the job's page copies, for those without scripts."""
    job = job_queries.find_job(request.team, connection, job_id)
    step = next_step.next_step(job, files.files(job), timezone.now())
    url = request.build_absolute_uri(reverse("job", args=[connection, job_id]))
    text = report.report(job, step, events.last_warnings(job), url)
    return downloads.plain_text(text)


@require_safe
@team_required()
def file_preview(request: TeamRequest, connection: str, job_id: str, file_id: str) -> HttpResponse:
    job = job_queries.find_job(request.team, connection, job_id)
    found = files.file_page(job, file_id, request.GET.get("line", ""))
    return render(request, "jobs/file_preview.html", {"page": sub_page(job, found)})


@require_safe
@team_required()
def file_download(request: TeamRequest, connection: str, job_id: str, file_id: str) -> HttpResponse:
    job = job_queries.find_job(request.team, connection, job_id)
    file = job_queries.find_file(job, file_id)
    return downloads.attachment(file, decoded=request.GET.get("as") == "csv")
