"""/alerts/: who is told, and did it arrive? Editors resend; admins set up channels."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits
from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.cipher import CannotOpen
from accounts.models import Role
from alerts import setup
from alerts.channels import Kind, SendError, kinds, send_test
from alerts.channels.base import ChannelForm
from alerts.models import Channel
from dashboard.forms.alerts import ChannelNameForm
from dashboard.forms.connections import ConfirmNameForm
from dashboard.queries import alerts as queries
from dashboard.queries import hearing
from dashboard.views import live, once, welcome
from dashboard.views.connections import FORM_METHODS, too_many

FROM_ENVIRONMENT = (
    "{} comes from the environment, and the next start would undo this. "
    "Change TUNEBELL_WEBHOOK_URL and start TuneBell again."
)
SAVED_ALREADY = (
    "This channel is saved already, and its secret was shown that once. "
    "Lost it? Remove the channel and add it again."
)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a receiver answered to a test of the channel with this public id."""

    channel: UUID
    is_good: bool
    status: int | None
    duration_ms: int
    answer: str


@require_safe
@team_required()
def overview(request: TeamRequest) -> HttpResponse:
    return _overview_page(request)


def _overview_page(request: TeamRequest, tried: Tried | None = None) -> HttpResponse:
    role, may_read = Role(request.membership.role), request.membership.may(Role.EDITOR)
    page = queries.alerts_page(request.team, timezone.now(), with_answers=may_read)
    warnings = hearing.warnings(hearing.hearing(request.team), role)
    tag = live.tag_of(request, role, page, warnings)
    if live.is_current(request, tag):
        return live.unchanged(tag)
    seconds = live.ACTIVE_S if page.waiting else live.QUIET_S
    # A refresh would take away what the test said.
    region = live.Live(reverse("alerts"), tag, seconds, is_on=tried is None)
    context = {"page": page, "warnings": warnings, "tried": tried, "live": region}
    return live.page(request, "alerts/overview.html", "region", tag, context)


@require_safe
@team_required(Role.ADMIN)
def choose_kind(request: TeamRequest) -> HttpResponse:
    return render(request, "alerts/channel_kinds.html", {"kinds": kinds().values()})


@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
@team_required(Role.ADMIN)
def add_channel(request: TeamRequest, kind: str) -> HttpResponse:
    if kind not in kinds():
        raise Http404
    if once.is_again(request):
        messages.warning(request, SAVED_ALREADY)
        return welcome.done(request, "alerts")

    def save(name: str, facts: dict[str, object]) -> setup.Created:
        return setup.create_channel(request.team, kind, name, facts)

    return _channel_form(request, kinds()[kind], None, save)


@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
@team_required(Role.ADMIN)
def edit_channel(request: TeamRequest, public_id: UUID) -> HttpResponse:
    channel = queries.find_set_up_channel(request.team, public_id)
    if channel.kind not in kinds():
        raise Http404
    if queries.is_from_environment(channel):
        return _not_here(request, channel)

    def save(name: str, facts: dict[str, object]) -> setup.Created:
        return setup.update_channel(channel, name, facts)

    return _channel_form(request, kinds()[channel.kind], channel, save)


def _not_here(request: TeamRequest, channel: Channel) -> HttpResponse:
    messages.error(request, FROM_ENVIRONMENT.format(channel.name))
    return redirect("alerts")


Save = Callable[[str, dict[str, object]], setup.Created]


def _channel_form(
    request: TeamRequest, kind: Kind, channel: Channel | None, save: Save
) -> HttpResponse:
    known = {**channel.config, **_naming_of(channel)} if channel else {"name": kind.label}
    naming = ChannelNameForm(request.POST or None, initial=known)
    form = kind.form_class(request.POST or None, initial=known, is_edit=channel is not None)
    if request.method == "POST" and naming.is_valid() and form.is_valid():
        try:
            created = _save_channel(request, channel, save, naming, form)
        except (ValueError, CannotOpen) as error:
            form.add_error(None, str(error))
        else:
            return _saved_channel(request, created)
    context = {"naming": naming, "form": form, "kind": kind, "channel": channel}
    status = 400 if naming.errors or form.errors else 200
    return render(request, "alerts/channel_form.html", context, status=status)


def _naming_of(channel: Channel) -> dict[str, object]:
    return {"name": channel.name, "messages_per_minute": channel.messages_per_minute}


@transaction.atomic
def _save_channel(
    request: TeamRequest,
    channel: Channel | None,
    save: Save,
    naming: ChannelNameForm,
    form: ChannelForm,
) -> setup.Created:
    """Raises ValueError, CannotOpen."""
    name = naming.cleaned_data["name"]
    created = save(name, form.cleaned_data)
    setup.set_pace(created.channel, naming.cleaned_data["messages_per_minute"])
    changed = [*naming.changed_data, *form.changed_data] if channel else []
    note(request, "channel changed" if channel else "channel added", name, changed)
    return created


def _saved_channel(request: TeamRequest, created: setup.Created) -> HttpResponse:
    if not created.new_secret:
        messages.success(
            request, f"{created.channel.name} is saved. Send a test to see whether it arrives."
        )
        return welcome.done(request, "alerts")
    # Shown in this answer and nowhere else: a redirect would have to store it somewhere.
    once.note_taken(request)
    return render(
        request,
        "alerts/secret_once.html",
        {
            "channel": created.channel,
            "secret": created.new_secret,
            "is_first": welcome.is_origin(request),
        },
    )


@require_POST
@team_required(Role.ADMIN)
def test_channel(request: TeamRequest, public_id: UUID) -> HttpResponse:
    channel = queries.find_channel(request.team, public_id)
    if not limits.take(limits.CHANNEL_TEST, request.team.pk):
        return too_many(request, limits.CHANNEL_TEST)
    note(request, "channel tested", channel.name)
    tried = _try(channel)
    if welcome.is_origin(request):
        return welcome.page(request, tried)
    return _overview_page(request, tried)


def _try(channel: Channel) -> Tried:
    """A sample sent as alerts go, and what the receiver really said to it."""
    started = time.monotonic()
    try:
        receipt = send_test(channel)
    except SendError as error:
        is_good, status, answer = False, error.status, error.detail
    except CannotOpen as error:
        is_good, status, answer = False, None, str(error)
    else:
        is_good, status, answer = True, receipt.status, receipt.answer
    duration_ms = round((time.monotonic() - started) * 1000)
    return Tried(channel.public_id, is_good, status, duration_ms, answer)


@require_POST
@team_required(Role.ADMIN)
def switch_channel(request: TeamRequest, public_id: UUID, *, is_enabled: bool) -> HttpResponse:
    channel = queries.find_channel(request.team, public_id)
    if queries.is_from_environment(channel):
        return _not_here(request, channel)
    word = "on" if is_enabled else "off"
    with transaction.atomic():
        setup.set_enabled(channel, is_enabled)
        note(request, f"channel switched {word}", channel.name)
    messages.success(request, f"{channel.name} is {word}.")
    return redirect("alerts")


@require_http_methods(FORM_METHODS)
@team_required(Role.ADMIN)
def remove_channel(request: TeamRequest, public_id: UUID) -> HttpResponse:
    channel = queries.find_set_up_channel(request.team, public_id)
    if queries.comes_back(channel):
        return _not_here(request, channel)
    form = ConfirmNameForm(channel.name, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            note(request, "channel removed", channel.name)
            setup.remove_channel(channel)
        messages.success(request, f"{channel.name} is removed.")
        return redirect("alerts")
    context = {"channel": channel, "form": form}
    return render(
        request, "alerts/channel_remove.html", context, status=400 if form.errors else 200
    )
