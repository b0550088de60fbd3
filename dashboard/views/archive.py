"""Starting, pausing and retrying the archive of a connection."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from dashboard.queries.connections import find_connection
from dashboard.views import welcome
from dashboard.words import counted
from jobs import archive
from jobs.models import Connection


@require_POST
@team_required(Role.EDITOR)
def change(request: TeamRequest, connection: str, action: str) -> HttpResponse:
    found = find_connection(request.team, connection)
    with transaction.atomic():
        said = ACTIONS[action](found)
        note(request, f"backfill.{action}", found.slug)
    messages.success(request, said)
    if welcome.is_origin(request):
        return redirect("welcome")
    return redirect(f"/connections/{found.slug}/#archive")


def _start(connection: Connection) -> str:
    archive.start(connection)
    return f"The history of {connection.name} is being read. It goes on while you are away."


def _pause(connection: Connection) -> str:
    archive.pause(archive.start(connection))
    return "The archive rests. Start it again at any time; it goes on where it stood."


def _retry(connection: Connection) -> str:
    number = archive.retry_failed(connection)
    archive.start(connection)
    return f"{counted(number, 'job')} will be tried again."


ACTIONS = {"start": _start, "pause": _pause, "retry": _retry}
