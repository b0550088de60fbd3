"""One function that writes the log of what people did."""

from collections.abc import Iterable

from django.http import HttpRequest

from accounts.models import AuditEntry, Team, User


def note(
    request: HttpRequest, action: str, subject: object = "", fields: Iterable[str] = ()
) -> None:
    """Writes one entry for `request`'s user and team; call it inside the action's transaction."""
    actor = request.user if isinstance(request.user, User) else None
    team = getattr(request, "team", None)
    AuditEntry.objects.create(
        team=team if isinstance(team, Team) else None,
        actor=actor,
        action=action,
        subject=_one_line(str(subject))[:200],
        fields=sorted(fields),
        ip=request.META.get("REMOTE_ADDR") or None,
    )


def note_from_terminal(team: Team, action: str, subject: object = "") -> None:
    """Writes one entry for a command: nobody is signed in there."""
    AuditEntry.objects.create(
        team=team, action=action, subject=f"{_one_line(str(subject))[:180]} (by a command)"
    )


def _one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")
