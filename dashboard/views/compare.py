"""/compare/: jobs side by side. Its address holds the view, so that it can be handed on."""

from collections.abc import Sequence
from dataclasses import replace

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, team_required
from dashboard.downloads import disposition
from dashboard.queries import compare as queries
from dashboard.queries import compare_choice as choices
from dashboard.queries.compare_asked import FEWEST, MOST_CURVES, MOST_ROWS, Asked
from dashboard.views import live
from jobs.models import Job


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    asked = Asked.read(request.GET)
    if asked.number > MOST_ROWS:
        page = choices.LimitPage(asked, asked.number)
        return render(request, "compare/limit.html", {"page": page})
    jobs = queries.find_jobs(request.team, asked)
    if asked.ids:
        refs = tuple(map(queries.ref_of, jobs))
        q = asked.q if asked.is_choosing or len(jobs) < FEWEST else ""
        return redirect(replace(asked, refs=refs, ids=(), q=q).url)
    if asked.is_choosing or len(jobs) < FEWEST:
        chooser = choices.choice_page(request.team, jobs, asked)
        return render(request, "compare/choose.html", {"page": chooser})
    if len(jobs) > MOST_CURVES and not asked.is_table:
        page = choices.limit_page(jobs, asked)
        return render(request, "compare/limit.html", {"page": page})
    return _compared(request, jobs, asked)


def _compared(request: TeamRequest, jobs: Sequence[Job], asked: Asked) -> HttpResponse:
    page = queries.compare_page(jobs, asked, timezone.now())
    if not asked.is_csv:
        return _shown(request, page)
    answer = HttpResponse(queries.csv_of(page), content_type="text/csv; charset=utf-8")
    name = f"tunebell-comparison-{timezone.now():%Y%m%d-%H%M}.csv"
    answer.headers["Content-Disposition"] = disposition(name)
    return answer


def _shown(request: TeamRequest, page: queries.ComparePage) -> HttpResponse:
    """The whole page; only its verdict and what is below where the curves are asked for in another way."""
    name = "compared" if live.is_fragment(request) else "compare"
    response = render(request, f"compare/{name}.html", {"page": page})
    patch_vary_headers(response, ("HX-Request", "Cookie"))
    return response
