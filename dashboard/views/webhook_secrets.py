"""The secrets that sign a provider's webhooks: admins add and remove them, nobody sees them again."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from alerts.endpoint import add_secret, remove_secret
from dashboard.forms.connections import AddJobForm
from dashboard.forms.inbound import WebhookSecretForm
from dashboard.queries.connections import find_connection
from dashboard.views.connections import detail_page
from jobs.models import Connection
from outbound.secret import Secret


@sensitive_post_parameters("secret")
@require_POST
@team_required(Role.ADMIN)
def add(request: TeamRequest, connection: str) -> HttpResponse:
    """The one before stays for the rotation; one before that is gone."""
    found = find_connection(request.team, connection)
    form = WebhookSecretForm(request.POST)
    if not form.is_valid():
        return detail_page(request, found, AddJobForm(), secret_form=form)
    with transaction.atomic():
        add_secret(found, Secret(form.cleaned_data["secret"]))
        note(request, "webhook secret added", found.name)
    messages.success(request, "The secret is saved. Webhooks that it signs are taken from now on.")
    return _back(found)


@require_POST
@team_required(Role.ADMIN)
def remove(request: TeamRequest, connection: str) -> HttpResponse:
    found = find_connection(request.team, connection)
    with transaction.atomic():
        is_gone = remove_secret(found, request.POST.get("last4", ""))
        if is_gone:
            note(request, "webhook secret removed", found.name)
    if is_gone:
        messages.success(request, "The secret is removed. What it signs is refused from now on.")
    else:
        messages.error(request, "There is no such secret any more.")
    return _back(found)


def _back(connection: Connection) -> HttpResponse:
    return redirect(f"/connections/{connection.slug}/#webhooks")
