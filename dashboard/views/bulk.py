"""/jobs/bulk/: one thing done with many jobs. The address carries the list's filter, to go back to it."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from dashboard import bulk
from dashboard.forms.labels import TagsForm
from dashboard.list_url import list_url
from dashboard.queries import bulk as queries
from dashboard.queries.export import EVERY

SURE = "is_sure"


@require_POST
@team_required(Role.EDITOR)
def change(request: TeamRequest) -> HttpResponse:
    doing = bulk.DOINGS.get(request.POST.get("action", ""))
    if doing is None:
        raise BadRequest("no such action")
    try:
        found = queries.chosen(request.team, request.POST, request.GET)
    except queries.TooMany as error:
        messages.error(request, str(error))
        return _back(request)
    if not found.ids:
        messages.warning(request, "Nothing was changed: tick the jobs first.")
        return _back(request)
    return _with_tags(request, found) if doing.needs_tags else _plainly(request, found)


def _plainly(request: TeamRequest, found: queries.Chosen) -> HttpResponse:
    doing, is_all = bulk.DOINGS[request.POST["action"]], request.POST.get(EVERY) == "1"
    is_asked = doing.is_asked or bool(is_all and doing.warning)
    if is_asked and request.POST.get(SURE) != "1":
        return _ask(request, found, None)
    _carry_out(request, found, ())
    return _back(request)


def _with_tags(request: TeamRequest, found: queries.Chosen) -> HttpResponse:
    form = TagsForm(request.POST if "tags" in request.POST else None)
    if not form.is_valid():
        return _ask(request, found, form)
    try:
        _carry_out(request, found, form.cleaned_data["tags"])
    except ValueError as error:
        form.add_error("tags", str(error))
        return _ask(request, found, form)
    return _back(request)


def _carry_out(request: TeamRequest, found: queries.Chosen, tags: tuple[str, ...]) -> None:
    action = request.POST["action"]
    order = bulk.Order(request.team, request.user, found.ids, tags)
    with transaction.atomic():
        outcome = bulk.carry_out(action, order)
        note(request, bulk.DOINGS[action].said, found.subject, tags)
    level = messages.SUCCESS if outcome.changed else messages.WARNING
    messages.add_message(request, level, bulk.tell(action, outcome, tags))


def _ask(request: TeamRequest, found: queries.Chosen, form: TagsForm | None) -> HttpResponse:
    action = request.POST["action"]
    context = {"found": found, "form": form, "action": action, "doing": bulk.DOINGS[action]}
    context["back"] = list_url(request.GET.urlencode())
    status = 400 if form is not None and form.errors else 200
    return render(request, "jobs/job_bulk_ask.html", context, status=status)


def _back(request: TeamRequest) -> HttpResponse:
    return redirect(list_url(request.GET.urlencode()))
