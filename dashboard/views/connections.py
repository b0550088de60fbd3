"""/connections/: do we still see the provider? Admins add, test and change; editors add jobs and poll."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits
from accounts.access import TeamRequest, came_from, team_required
from accounts.audit import note
from accounts.cipher import CannotOpen, Place, seal, unseal
from accounts.models import Role
from alerts.setup import switch_off_rules_only_of
from dashboard import words
from dashboard.forms.connections import (
    AddJobForm,
    ConfirmNameForm,
    ConnectionForm,
    free_slug,
    initial_of,
)
from dashboard.forms.inbound import WebhookSecretForm
from dashboard.queries import connections as queries
from dashboard.queries.archive import ArchivePanel, archive_panel
from dashboard.queries.catalog import catalog_panel
from dashboard.queries.inbound import webhook_panel
from dashboard.views import live, welcome
from dashboard.views.errors import error_page
from jobs import tracking
from jobs.ledger import counting
from jobs.models import Connection, Health, Job
from outbound.secret import Secret
from providers.base import Account, Check, connect
from providers.traffic import OnReply

FORM_METHODS = ["GET", "HEAD", "POST"]
TEST_PATIENCE_S = 40.0
TOO_MANY_TESTS = "Too many tests in a minute. Nothing is lost: try again soon."
# With one of these another account is asked, or at another pace.
OTHER_MANNERS = {
    *("dialect", "base_url", "sealed_key", "organization", "project", "auth_header"),
    *("extra_headers", "extra_query", "requests_per_minute"),
}
PENDING_KEY = "pending_key"  # session: a key that was tested but not saved yet, sealed
_testers = ThreadPoolExecutor(4, thread_name_prefix="connection-test")


@dataclass(frozen=True, slots=True)
class TestResult:
    checks: tuple[Check, ...]

    @property
    def is_good(self) -> bool:
        return any(check.capability == "jobs" and check.ok for check in self.checks)


@require_safe
@team_required()
def connection_list(request: TeamRequest) -> HttpResponse:
    page = queries.connection_list(request.team)
    tag = live.tag_of(request, request.membership.role, page)
    if live.is_current(request, tag):
        return live.unchanged(tag)
    context = {"page": page, "live": live.Live(request.path, tag, live.QUIET_S)}
    return live.page(request, "connections/list.html", "region", tag, context)


@require_safe
@team_required()
def detail(request: TeamRequest, connection: str) -> HttpResponse:
    return detail_page(request, queries.find_connection(request.team, connection), AddJobForm())


def detail_page(
    request: TeamRequest,
    found: Connection,
    form: AddJobForm,
    result: TestResult | None = None,
    secret_form: WebhookSecretForm | None = None,
) -> HttpResponse:
    """The page of a connection; with status 400 where a form on it has errors."""
    page, panel = queries.connection_page(found), archive_panel(found)
    tag = live.tag_of(request, request.membership.role, page, panel)
    if live.is_current(request, tag):
        return live.unchanged(tag)
    context = {
        "page": page,
        "archive": panel,
        "models": catalog_panel(found, timezone.now().date()),
        "webhooks": webhook_panel(found),
        "live": _region_of(found, tag, panel, is_on=result is None),
        "form": form,
        "secret_form": secret_form or WebhookSecretForm(),
        "result": result,
    }
    answer = live.page(request, "connections/detail.html", "region", tag, context)
    is_wrong = form.errors or (secret_form and secret_form.errors)
    answer.status_code = 400 if is_wrong else 200
    return answer


def _region_of(found: Connection, tag: str, panel: ArchivePanel, *, is_on: bool) -> live.Live:
    """`is_on` False: a refresh would take away what a test said."""
    seconds = live.ACTIVE_S if panel.is_running else live.QUIET_S
    is_watched = not (found.is_paused or found.archived_at)
    url = reverse("connection", args=[found.slug])
    return live.Live(url, tag, seconds, is_on=is_on and (is_watched or panel.is_running))


@sensitive_post_parameters("api_key")
@require_http_methods(FORM_METHODS)
@team_required(Role.ADMIN)
def add(request: TeamRequest) -> HttpResponse:
    """Tests before it saves. What cannot be reached now can be saved all the same."""
    return _edit_form(request, None)


@sensitive_post_parameters("api_key")
@require_http_methods(FORM_METHODS)
@team_required(Role.ADMIN)
def edit(request: TeamRequest, connection: str) -> HttpResponse:
    found = queries.find_connection(request.team, connection)
    if found.origin != Connection.Origin.SITE:
        raise PermissionDenied  # the environment decides; else a team could send the key elsewhere
    return _edit_form(request, found)


def _edit_form(request: TeamRequest, found: Connection | None) -> HttpResponse:
    if request.method != "POST":
        request.session.pop(PENDING_KEY, None)
        initial = initial_of(found) if found else None
        return _form_page(request, found, ConnectionForm(initial=initial, connection=found))
    form = ConnectionForm(request.POST, connection=found)
    form.kept_key = _pending_key(request)
    if not form.is_valid():
        return _form_page(request, found, form)
    wish = request.POST.get("wish", "save")
    is_tested = wish != "save anyway"
    if is_tested and not limits.take(limits.PROVIDER_TEST, request.team.pk):
        return _too_many_tests(request, found, form)
    result = _test_form(form) if is_tested else None
    if wish == "test" or (result and not result.is_good):
        _keep_pending(request, form)
        return _form_page(request, found, form, result)
    saved = _save(request, found, form)
    messages.success(
        request,
        f"{saved.name} is saved. " + ("Its jobs appear as they are found." if not found else ""),
    )
    return welcome.done(request, "connection", saved.slug)


def _form_page(
    request: TeamRequest,
    found: Connection | None,
    form: ConnectionForm,
    result: TestResult | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "connection": found,
        "result": result,
        "webhooks": webhook_panel(found) if found and result else None,
        "has_kept_key": form.kept_key is not None,
    }
    return render(request, "connections/form.html", context, status=400 if form.errors else 200)


def _too_many_tests(
    request: TeamRequest, found: Connection | None, form: ConnectionForm
) -> HttpResponse:
    """The form as it was entered. Its key waits, as one that was tested does."""
    _keep_pending(request, form)
    form.add_error(None, TOO_MANY_TESTS)
    answer = _form_page(request, found, form)
    answer.status_code = 429
    answer.headers["Retry-After"] = str(limits.PROVIDER_TEST.window_s)
    return answer


def _test_form(form: ConnectionForm) -> TestResult:
    try:
        return run_test(form.account())
    except CannotOpen as error:
        return TestResult((Check("jobs", ok=False, detail=f"{error}."),))


def run_test(account: Account, on_reply: OnReply | None = None) -> TestResult:
    """Asks the provider what the key can do, for at most `TEST_PATIENCE_S` seconds."""
    waiting = _testers.submit(lambda: connect(account, on_reply).check())
    try:
        return TestResult(tuple(waiting.result(TEST_PATIENCE_S)))
    except TookTooLong:
        detail = f"No complete answer within {TEST_PATIENCE_S:.0f} s."
    except ValueError as error:
        detail = str(error)
    return TestResult((Check("jobs", ok=False, detail=detail),))


def _pending_place(request: TeamRequest, base_url: str) -> Place:
    return Place(
        "session|pending_key", str(request.team.public_id), f"{request.user.pk}|{base_url}"
    )


def _keep_pending(request: TeamRequest, form: ConnectionForm) -> None:
    """The form never shows a key again, so the one that was tested waits here, bound to its address."""
    if entered := form.cleaned_data["api_key"]:
        place = _pending_place(request, form.cleaned_data["base_url"])
        request.session[PENDING_KEY] = seal(Secret(entered), place)
        form.kept_key = Secret(entered)


def _pending_key(request: TeamRequest) -> Secret | None:
    sealed = request.session.get(PENDING_KEY)
    if not sealed or request.POST.get("api_key"):
        return None
    try:
        return unseal(
            sealed, _pending_place(request, request.POST.get("base_url", "").strip().rstrip("/"))
        )
    except CannotOpen:
        return None


@transaction.atomic
def _save(request: TeamRequest, found: Connection | None, form: ConnectionForm) -> Connection:
    name = form.cleaned_data["name"]
    row = found or Connection(team=request.team, slug=free_slug(request.team, name))
    changed = form.apply_to(row)
    if found:
        row.save(update_fields=changed)
        if not OTHER_MANNERS.isdisjoint(changed):
            tracking.forget_manners(row)
        tracking.poll_now(row)
    else:
        row.save()
    note(request, "connection changed" if found else "connection added", row.name, changed)
    request.session.pop(PENDING_KEY, None)
    return row


@require_POST
@team_required(Role.ADMIN)
def test(request: TeamRequest, connection: str) -> HttpResponse:
    found = queries.find_connection(request.team, connection)
    if not limits.take(limits.PROVIDER_TEST, request.team.pk):
        return too_many(request, limits.PROVIDER_TEST)
    try:
        with counting(found.pk) as on_reply:
            result = run_test(found.account(), on_reply)
    except CannotOpen as error:
        result = TestResult((Check("jobs", ok=False, detail=f"{error}."),))
    note(request, "connection tested", found.name)
    return detail_page(request, found, AddJobForm(), result)


@require_POST
@team_required(Role.ADMIN)
def change(request: TeamRequest, connection: str, action: str) -> HttpResponse:
    """Pause, resume, put away ("archive") or restore."""
    found = queries.find_connection(request.team, connection)
    with transaction.atomic():
        said = apply_change(found, action)
        note(request, f"connection {said}", found.name)
    messages.success(request, f"{found.name} is {'put away' if said == 'archived' else said}.")
    return redirect("connection", found.slug)


SAID = {
    "pause": "paused",
    "resume": "watched again",
    "archive": "archived",
    "restore": "restored",
}


def apply_change(target: Job | Connection, action: str) -> str:
    """Do it, and say in a word what the thing is now."""
    if action in {"pause", "resume"}:
        tracking.set_paused(target, action == "pause")
    elif action == "archive":
        tracking.archive(target)
    else:
        tracking.restore(target)
    return SAID[action]


@require_POST
@team_required(Role.EDITOR)
def poll(request: TeamRequest, connection: str) -> HttpResponse:
    found = queries.find_connection(request.team, connection)
    if not limits.take(limits.POLL_NOW, request.team.pk):
        return too_many(request, limits.POLL_NOW)
    with transaction.atomic():
        tracking.poll_now(found)
        note(request, "connection polled", found.name)
    if queries.is_pacing(found):
        messages.warning(request, "It is asked as soon as its pace allows.")
    elif found.health == Health.LIMITED:
        messages.warning(request, "It is asked again now, though the provider wanted us to wait.")
    else:
        messages.success(request, f"{found.name} is asked with the next tick, within 5 seconds.")
    return redirect("connection", found.slug)


@require_http_methods(FORM_METHODS)
@team_required(Role.ADMIN)
def remove(request: TeamRequest, connection: str) -> HttpResponse:
    found = queries.find_connection(request.team, connection)
    if found.origin == Connection.Origin.ENVIRONMENT:
        raise PermissionDenied  # it would be back with the next start
    form = ConfirmNameForm(found.name, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            switch_off_rules_only_of(found)
            tracking.remove(found)
            note(request, "connection removed", found.name)
        messages.success(request, f"{found.name} and everything recorded under it are removed.")
        return redirect("connections")
    context = {"page": queries.connection_page(found), "form": form}
    return render(request, "connections/remove.html", context, status=400 if form.errors else 200)


@require_POST
@team_required(Role.EDITOR)
def add_job(request: TeamRequest, connection: str) -> HttpResponse:
    found = queries.find_connection(request.team, connection)
    form = AddJobForm(request.POST)
    if not form.is_valid():
        return detail_page(request, found, form)
    try:
        with transaction.atomic():
            job, is_new = tracking.add_job(found, form.cleaned_data["job_id"])
            note(request, "job added", job.provider_id)
    except ValueError as error:
        form.add_error("job_id", str(error))
        return detail_page(request, found, form)
    said = "is watched from now on" if is_new else "was known already; it is asked again now"
    messages.success(request, f"{job.provider_id} {said}.")
    return redirect("job", found.slug, job.provider_id)


def too_many(request: HttpRequest, limit: limits.Limit) -> HttpResponse:
    wait = words.rough(limit.window_s)
    answer = error_page(request, 429, wait=wait, back=came_from(request))
    answer.headers["Retry-After"] = str(limit.window_s)
    return answer
