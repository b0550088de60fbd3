"""The points of a job's curves: JSON for a program, CSV for a spreadsheet, the section for the page."""

import hashlib

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from dashboard.downloads import disposition
from dashboard.metric_view import MetricView
from dashboard.queries import metrics
from dashboard.queries.job import find_job
from dashboard.views import live
from jobs.models import Job


@require_safe
@team_required()
def show(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    """What the address asks for as the job's page draws it. The page asks for its section alone."""
    job, view = find_job(request.team, connection, job_id), MetricView.read(request.GET)
    if live.is_fragment(request):
        page = metrics.metrics_page(job, view, timezone.now())
        return _private(render(request, "jobs/metrics.html", {"page": page}))
    etag = _etag(request, job)
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _private(unchanged)
    response = _points(request, job, view)
    response.headers["ETag"] = etag
    return _private(response)


def _points(request: TeamRequest, job: Job, view: MetricView) -> HttpResponse:
    panel = request.GET.get("panel", "")
    if request.GET.get("format") != "csv":
        body = metrics.points_json(job, view, panel)
        return HttpResponse(body, content_type="application/json")
    body = metrics.points_csv(job, view, panel)
    response = HttpResponse(body, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = disposition(f"{job.name}-{panel or 'metrics'}.csv")
    return response


def _etag(request: TeamRequest, job: Job) -> str:
    facts = (job.public_id, job.version, request.GET.urlencode())
    return f'"{hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()}"'


def _private(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-cache, private"
    patch_vary_headers(response, ("HX-Request", "Cookie"))
    return response
