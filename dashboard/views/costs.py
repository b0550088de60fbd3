"""/costs/: what training cost, always as an estimate. Everybody reads; editors set prices."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from dashboard.downloads import disposition
from dashboard.forms.prices import PriceForm
from dashboard.queries import costs as queries
from dashboard.queries import prices as price_queries
from jobs import repricing
from jobs.export import cells
from jobs.record import touch_team

COLUMNS = ("jobs", "jobs_with_estimate", "jobs_without_estimate", "cost_usd_estimate")


@require_safe
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    asked = queries.CostFilter.read(request.GET)
    if request.GET.get("format") == "csv":
        return _csv(request, asked)
    page = queries.cost_page(request.team, asked, timezone.now())
    return render(request, "costs/costs.html", {"page": page})


def _csv(request: TeamRequest, asked: queries.CostFilter) -> HttpResponse:
    lines = [cells.line([asked.by, *COLUMNS])]
    for group in queries.group_rows(request.team, asked):
        found = group.sum
        lines.append(cells.line([group.label, found.jobs, found.known, found.unknown, found.usd]))
    answer = HttpResponse(b"".join(lines), content_type="text/csv; charset=utf-8")
    name = f"tunebell-costs-by-{asked.by}-{timezone.now():%Y%m%d}.csv"
    answer.headers["Content-Disposition"] = disposition(name)
    return answer


@require_safe
@team_required()
def prices(request: TeamRequest) -> HttpResponse:
    return _price_page(request, PriceForm(asked=request.GET.dict()))


def _price_page(request: TeamRequest, form: PriceForm) -> HttpResponse:
    context = {"page": price_queries.price_page(request.team), "form": form}
    return render(request, "costs/prices.html", context, status=400 if form.errors else 200)


@require_POST
@team_required(Role.EDITOR)
def add_price(request: TeamRequest) -> HttpResponse:
    form = PriceForm(request.POST)
    if not form.is_valid():
        return _price_page(request, form)
    price = form.price(request.team)
    try:
        with transaction.atomic():
            repricing.add_price(price)
            note(request, "price added", f"{price} from {price.valid_from}")
            touch_team(request.team.pk)
    except repricing.AlreadyPriced as error:
        form.add_error("valid_from", str(error))
        return _price_page(request, form)
    return _followed(request, "The price is added.")


@require_POST
@team_required(Role.EDITOR)
def remove_price(request: TeamRequest, price: int) -> HttpResponse:
    found = price_queries.find_price(request.team, price)
    with transaction.atomic():
        note(request, "price removed", f"{found} from {found.valid_from}")
        repricing.remove_price(found)
        touch_team(request.team.pk)
    return _followed(request, "The price is removed.")


def _followed(request: TeamRequest, said: str) -> HttpResponse:
    """Estimates follow within the request where there are not too many; the workers do the rest."""
    is_done = repricing.reprice_now(request.team)
    how = "The estimates follow it." if is_done else "The estimates follow it within minutes."
    messages.success(request, f"{said} {how}")
    return redirect("prices")
