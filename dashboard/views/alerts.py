"""/alerts/: who is told, and did it arrive? Editors write rules and resend; admins set up channels."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits
from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.cipher import CannotOpen
from accounts.models import Role
from alerts import outbox, setup
from alerts.channels import Kind, SendError, kinds, send_test
from alerts.models import Channel
from dashboard.forms.alerts import ChannelNameForm, RuleForm
from dashboard.forms.connections import ConfirmNameForm
from dashboard.queries import alerts as queries
from dashboard.views.connections import FORM_METHODS, too_many


@dataclass(frozen=True, slots=True)
class Tried:
    """What a receiver answered to a test."""

    channel: str
    is_good: bool
    answer: str


@require_safe
@team_required()
def overview(request: TeamRequest) -> HttpResponse:
    return _overview_page(request)


def _overview_page(request: TeamRequest, tried: Tried | None = None) -> HttpResponse:
    may_read = request.membership.may(Role.EDITOR)
    page = queries.alerts_page(request.team, timezone.now(), with_answers=may_read)
    return render(request, "alerts/overview.html", {"page": page, "tried": tried})


@require_safe
@team_required()
def deliveries(request: TeamRequest) -> HttpResponse:
    asked = queries.DeliveryFilter.read(request.GET)
    may_read = request.membership.may(Role.EDITOR)
    page = queries.delivery_log(request.team, asked, timezone.now(), with_answers=may_read)
    return render(request, "alerts/deliveries.html", {"page": page})


@require_POST
@team_required(Role.EDITOR)
def resend(request: TeamRequest, key: UUID) -> HttpResponse:
    delivery = queries.find_delivery(request.team, key)
    try:
        with transaction.atomic():
            is_due = outbox.resend(delivery)
            note(request, "alert resent", delivery.key)
    except ValueError as error:
        messages.error(request, str(error))
    else:
        said = (
            "It is sent again now, under the same key." if is_due else "It is being sent right now."
        )
        messages.success(request, said)
    return redirect("deliveries")


@require_POST
@team_required(Role.EDITOR)
def resend_given_up(request: TeamRequest) -> HttpResponse:
    with transaction.atomic():
        count = outbox.resend_dead(request.team)
        note(request, "given up alerts resent", count)
    messages.success(request, f"{count} are sent again now, under the same keys.")
    return redirect("deliveries")


@require_http_methods(FORM_METHODS)
@team_required(Role.EDITOR)
def add_rule(request: TeamRequest) -> HttpResponse:
    form = RuleForm(request.team, request.POST or None)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        with transaction.atomic():
            rule = setup.create_rule(
                request.team,
                facts["states"],
                facts["channels"],
                connections=facts["connections"],
                name=facts["name"],
            )
            note(request, "rule added", rule)
        messages.success(request, "The rule is on. It rings for what happens from now on.")
        return redirect("alerts")
    has_channels = Channel.objects.for_team(request.team).exists()
    context = {"form": form, "has_channels": has_channels}
    return render(request, "alerts/rule_form.html", context, status=400 if form.errors else 200)


@require_POST
@team_required(Role.EDITOR)
def switch_rule(request: TeamRequest, public_id: UUID, *, is_enabled: bool) -> HttpResponse:
    rule = queries.find_rule(request.team, public_id)
    word = "on" if is_enabled else "off"
    with transaction.atomic():
        setup.set_rule_enabled(rule, is_enabled)
        note(request, f"rule switched {word}", rule)
    messages.success(request, f"The rule is {word}.")
    return redirect("alerts")


@require_POST
@team_required(Role.EDITOR)
def remove_rule(request: TeamRequest, public_id: UUID) -> HttpResponse:
    rule = queries.find_rule(request.team, public_id)
    with transaction.atomic():
        note(request, "rule removed", rule)
        setup.remove_rule(rule)
    messages.success(request, "The rule is removed. What it announced already is still delivered.")
    return redirect("alerts")


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

    def save(name: str, facts: dict[str, object]) -> setup.Created:
        return setup.update_channel(channel, name, facts)

    return _channel_form(request, kinds()[channel.kind], channel, save)


Save = Callable[[str, dict[str, object]], setup.Created]


def _channel_form(
    request: TeamRequest, kind: Kind, channel: Channel | None, save: Save
) -> HttpResponse:
    known = {**channel.config, "name": channel.name} if channel else {"name": kind.label}
    naming = ChannelNameForm(request.POST or None, initial=known)
    form = kind.form_class(request.POST or None, initial=known, is_edit=channel is not None)
    if request.method == "POST" and naming.is_valid() and form.is_valid():
        try:
            return _saved_channel(
                request, channel, save, naming.cleaned_data["name"], form.cleaned_data
            )
        except (ValueError, CannotOpen) as error:
            form.add_error(None, str(error))
    context = {"naming": naming, "form": form, "kind": kind, "channel": channel}
    status = 400 if naming.errors or form.errors else 200
    return render(request, "alerts/channel_form.html", context, status=status)


def _saved_channel(
    request: TeamRequest, channel: Channel | None, save: Save, name: str, facts: dict[str, object]
) -> HttpResponse:
    with transaction.atomic():
        created = save(name, facts)
        note(request, "channel changed" if channel else "channel added", name, facts)
    if not created.new_secret:
        messages.success(
            request, f"{created.channel.name} is saved. Send a test to see whether it arrives."
        )
        return redirect("alerts")
    # Shown in this answer and nowhere else: a redirect would have to store it somewhere.
    return render(
        request,
        "alerts/secret_once.html",
        {"channel": created.channel, "secret": created.new_secret},
    )


@require_POST
@team_required(Role.ADMIN)
def test_channel(request: TeamRequest, public_id: UUID) -> HttpResponse:
    channel = queries.find_channel(request.team, public_id)
    if not limits.take(limits.CHANNEL_TEST, request.team.pk):
        return too_many(request, limits.CHANNEL_TEST)
    note(request, "channel tested", channel.name)
    try:
        receipt = send_test(channel)
    except SendError as error:
        status = f" (status {error.status})" if error.status else ""
        return _overview_page(
            request, Tried(channel.name, is_good=False, answer=f"{error.detail}{status}")
        )
    except CannotOpen as error:
        return _overview_page(request, Tried(channel.name, is_good=False, answer=str(error)))
    answer = " ".join(str(part) for part in (receipt.status, receipt.answer) if part)
    return _overview_page(request, Tried(channel.name, is_good=True, answer=answer))


@require_POST
@team_required(Role.ADMIN)
def switch_channel(request: TeamRequest, public_id: UUID, *, is_enabled: bool) -> HttpResponse:
    channel = queries.find_channel(request.team, public_id)
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
