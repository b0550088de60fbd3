"""Saved views of the jobs list: everybody has their own, editors also the team's."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from dashboard import saved_views
from dashboard.forms.saved_views import TEAM, NewViewForm, PointForm, ViewForm
from dashboard.list_url import list_url
from dashboard.models import SavedView
from dashboard.queries import saved_views as queries
from dashboard.views.connections import FORM_METHODS


@require_http_methods(FORM_METHODS)
@team_required()
def view_list(request: TeamRequest) -> HttpResponse:
    """The views there are; by POST one more."""
    form = NewViewForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (view := _save(request, form)):
        messages.success(request, f"Saved as “{view.name}”.")
        return redirect(list_url(view.query))
    views = queries.views_of(request.team, request.user)
    rows = queries.rows_of(views, Role(request.membership.role))
    shown = queries.shows(form.data.get("query", "")) if form.is_bound else ""
    context = {"rows": rows, "form": form, "shows": shown}
    return render(request, "views/list.html", context, status=400 if form.errors else 200)


def _save(request: TeamRequest, form: NewViewForm) -> SavedView | None:
    told = form.cleaned_data
    is_shared = told["whose"] == TEAM
    if is_shared and not request.membership.may(Role.EDITOR):
        _refuse(request)
    owner = None if is_shared else request.user
    try:
        with transaction.atomic():
            view = saved_views.save(
                request.team, owner, told["name"], told["query"], is_default=told["is_default"]
            )
            note(request, "view saved", view.name, [told["whose"] or "me"])
    except ValueError as error:
        form.add_error("name", str(error))
        return None
    return view


@require_http_methods(FORM_METHODS)
@team_required()
def edit(request: TeamRequest, view: UUID) -> HttpResponse:
    found = _changeable(request, view)
    first = {"name": found.name, "is_default": found.is_default}
    form = ViewForm(request.POST if request.method == "POST" else None, initial=first)
    if request.method == "POST" and form.is_valid() and _change(request, found, form):
        messages.success(request, f"“{found.name}” is saved.")
        return redirect("views")
    context = {"view": found, "form": form, "shows": queries.shows(found.query)}
    context |= {"url": list_url(found.query)}
    return render(request, "views/edit.html", context, status=400 if form.errors else 200)


def _change(request: TeamRequest, view: SavedView, form: ViewForm) -> bool:
    told = form.cleaned_data
    try:
        with transaction.atomic():
            saved_views.change(view, told["name"], is_default=told["is_default"])
            note(request, "view changed", view.name, form.changed_data)
    except ValueError as error:
        form.add_error("name", str(error))
        return False
    return True


@require_POST
@team_required()
def update(request: TeamRequest) -> HttpResponse:
    """A view that is there shows from now on what the list shows."""
    form = PointForm(request.POST)
    if "view" not in request.POST or form.has_error("view"):
        raise Http404
    found = _changeable(request, form.cleaned_data["view"])
    if form.errors:
        messages.error(request, str(form.errors["query"][0]))
        return redirect("view", found.public_id)
    query = form.cleaned_data["query"]
    with transaction.atomic():
        saved_views.point(found, query)
        note(request, "view changed", found.name, ["query"])
    messages.success(request, f"“{found.name}” shows this from now on.")
    return redirect(list_url(query))


@require_POST
@team_required()
def remove(request: TeamRequest, view: UUID) -> HttpResponse:
    found = _changeable(request, view)
    with transaction.atomic():
        saved_views.remove(found)
        note(request, "view removed", found.name)
    messages.success(request, f"“{found.name}” is removed, and its feed with it.")
    return redirect("views")


@require_POST
@team_required()
def open_feed(request: TeamRequest, view: UUID) -> HttpResponse:
    """Shown in this answer and nowhere else; only its digest is stored."""
    found = _changeable(request, view)
    with transaction.atomic():
        token = saved_views.open_feed(found)
        note(request, "feed made", found.name)
    address = f"{settings.SITE_URL}{reverse('feed', args=[token])}"
    return render(request, "views/feed_once.html", {"view": found, "address": address})


@require_POST
@team_required()
def close_feed(request: TeamRequest, view: UUID) -> HttpResponse:
    found = _changeable(request, view)
    with transaction.atomic():
        saved_views.close_feed(found)
        note(request, "feed switched off", found.name)
    messages.success(request, f"The feed of “{found.name}” answers no more.")
    return redirect("view", found.public_id)


def _changeable(request: TeamRequest, public_id: UUID) -> SavedView:
    """One's own, or for editors the team's. Raises Http404, PermissionDenied."""
    found = queries.find_view(request.team, request.user, public_id)
    if found.owner_id is None and not request.membership.may(Role.EDITOR):
        _refuse(request)
    return found


def _refuse(request: TeamRequest) -> None:
    note(request, "access.refused", request.path)
    raise PermissionDenied
