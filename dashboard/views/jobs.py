"""The jobs list, the page of one job and its events: request, query, render."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import TeamRequest, team_required
from accounts.models import Role, Team
from dashboard import visits
from dashboard.list_url import list_url
from dashboard.metric_view import MetricView
from dashboard.queries import events, hearing, saved_views
from dashboard.queries import job as job_queries
from dashboard.queries import jobs as jobs_queries
from dashboard.queries.checkpoint_hit import job_of_checkpoint
from dashboard.queries.export import EVERY, TICKED, TooMany, compare_all_url, compare_url
from dashboard.queries.job_filter import JobFilter
from dashboard.queries.sub_page import sub_page
from dashboard.views import live
from jobs import searching


@require_safe
@team_required()
def job_list(request: TeamRequest) -> HttpResponse:
    team, now = request.team, timezone.now()
    stands = live.standing(request, team.public_id, team.version)
    if stands.is_current:
        return live.unchanged(stands.tag)
    views = [] if live.is_fragment(request) else saved_views.views_of(team, request.user)
    if not request.META["QUERY_STRING"] and (opening := saved_views.opening_url(views)):
        return redirect(opening)
    asked = JobFilter.read(request.GET)
    hits = searching.hits([team.pk], asked.q) if asked.q else None
    if address := _named(team, asked.q, hits):
        return redirect(address)
    visit = visits.read(request.COOKIES.get(visits.COOKIE, ""), now)
    page = jobs_queries.job_list(team, asked, visit=visit, now=now, hits=hits)
    seconds = live.ACTIVE_S if page.is_active else live.QUIET_S
    region = live.Live(request.get_full_path(), stands.tag, seconds)
    context = {"page": page, "live": region, "unseen": page.unseen, "site_banners": stands.banners}
    if not live.is_fragment(request) and not page.is_first_run:
        role = Role(request.membership.role)
        context["warnings"] = hearing.warnings(page.hearing, role)
        context["views"] = saved_views.tabs_of(views, request.GET, role)
    response = live.page(request, "jobs/job_list.html", "region", stands.tag, context)
    if not live.is_fragment(request):
        remember_visit(response, visits.go_on(visit, now, was_told=asked.tells_failures))
    return response


def _named(team: Team, q: str, hits: searching.Hits | None) -> str:
    """The page of the one job that the search names by an id of it, or of a checkpoint; "" for none."""
    if hit := jobs_queries.exact_hit(team, hits):
        return reverse("job", args=[hit.connection.slug, hit.provider_id])
    if hit := job_of_checkpoint(team, q, hits):
        return reverse("job", args=[hit.connection.slug, hit.provider_id]) + "#checkpoints"
    return ""


def remember_visit(response: HttpResponse, visit: visits.Visit) -> None:
    """For every page: each counts the failures since the last look at the list."""
    response.set_cookie(
        visits.COOKIE,
        visit.cookie,
        max_age=30 * 86_400,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


# POST as all that is done to ticked jobs: they are boxes of one form, which carries a token.
@require_POST
@team_required()
def compare_ticked(request: TeamRequest) -> HttpResponse:
    """Leads to the page that compares the ticked jobs, or asks for some where none is ticked.

    The address carries the list's filter, for where all of the list is meant.
    """
    if request.POST.get(EVERY) != "1":
        return redirect(compare_url(request.team, request.POST.getlist(TICKED)))
    try:
        return redirect(compare_all_url(request.team, request.GET))
    except TooMany as error:
        messages.error(request, str(error))
        return redirect(list_url(request.GET.urlencode()))


@require_safe
@team_required()
def job_detail(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    team = request.team
    job, now = job_queries.find_job(team, connection, job_id), timezone.now()
    stands = live.standing(request, team.public_id, *job_queries.marks_of(job, now))
    if stands.is_current:
        return live.unchanged(stands.tag)
    view, address = MetricView.read(request.GET), request.build_absolute_uri(request.path)
    page = job_queries.job_page(job, now, address, view)
    region = live.Live(request.get_full_path(), stands.tag, is_on=not job.is_settled)
    context = {"page": page, "live": region, "site_banners": stands.banners}
    return live.page(request, "jobs/job_detail.html", "region", stands.tag, context)


@require_safe
@team_required()
def job_events(request: TeamRequest, connection: str, job_id: str) -> HttpResponse:
    job = job_queries.find_job(request.team, connection, job_id)
    found = events.events(job, events.EventFilter.read(request.GET))
    return render(request, "jobs/job_events.html", {"page": sub_page(job, found)})
