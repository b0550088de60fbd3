"""/models/: what may be used, and until when; as a page or as CSV."""

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from dashboard.downloads import disposition
from dashboard.models_csv import csv_of
from dashboard.queries.models import ModelFilter, every_row, models


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponseBase:
    asked = ModelFilter.read(request.GET)
    if request.GET.get("format") == "csv":
        return _download(request, asked)
    page = models(request.team, asked, timezone.now())
    return render(request, "models/models.html", {"page": page})


def _download(request: TeamRequest, asked: ModelFilter) -> HttpResponseBase:
    """Nothing is noted in the log: it shows what the page shows, without a content."""
    now = timezone.now()
    name = disposition(f"tunebell-models-{now:%Y%m%d-%H%M}.csv")
    kind = "text/csv; charset=utf-8"
    if request.method == "HEAD":
        answer: HttpResponseBase = HttpResponse(content_type=kind)
    else:
        answer = StreamingHttpResponse(
            csv_of(every_row(request.team, asked, now)), content_type=kind
        )
    answer.headers["Content-Disposition"] = name
    return answer
