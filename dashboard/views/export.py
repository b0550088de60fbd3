"""Downloads of jobs as ZIP, CSV or JSON Lines, sent while they are made."""

from collections.abc import Iterator
from datetime import datetime

import structlog
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts import limits
from accounts.access import TeamRequest, came_from, team_required
from accounts.audit import note
from dashboard.downloads import disposition
from dashboard.queries import export as queries
from dashboard.queries.connections import find_connection
from dashboard.views.errors import error_page
from jobs.export import FORMATS, Format
from jobs.models.job import JobQuerySet

RETRY_S = 30  # when to try again while others are under way
EVERYBODY = "everybody"

log = structlog.get_logger(__name__)


# POST, though nothing changes: no link elsewhere can start one, and no browser fetches it ahead.
@require_POST
@team_required()
def selection(request: TeamRequest) -> HttpResponseBase:
    """The ticked jobs, or all that the filter shows when none is ticked."""
    wanted = _format(request)
    return _download(request, wanted, queries.chosen_jobs(request.team, request.POST), "jobs")


@require_POST
@team_required()
def connection(request: TeamRequest, connection: str) -> HttpResponseBase:
    found = find_connection(request.team, connection)
    return _download(request, _format(request), queries.jobs_of(found), found.slug)


def _format(request: TeamRequest) -> Format:
    try:
        return FORMATS[request.POST.get("format", "")]
    except KeyError:
        raise BadRequest("no such format") from None


def _download(
    request: TeamRequest, wanted: Format, jobs: JobQuerySet, subject: str
) -> HttpResponseBase:
    with transaction.atomic():
        turn = Turn.take(request.team.pk)
        if turn is None:
            return _busy(request)
        note(request, "export", f"{wanted.name} of {subject}")
    now = timezone.now()
    pieces = Sending(wanted.stream(jobs, now), turn)
    answer = StreamingHttpResponse(pieces, content_type=wanted.content_type)
    answer.headers["Content-Disposition"] = disposition(_name(subject, now, wanted))
    return answer


def _busy(request: TeamRequest) -> HttpResponse:
    answer = error_page(request, 429, "429-export", back=came_from(request))
    answer.headers["Retry-After"] = str(RETRY_S)
    return answer


def _name(subject: str, now: datetime, wanted: Format) -> str:
    return f"tunebell-{subject}-{now:%Y%m%d-%H%M}.{wanted.name}"


class Turn:
    """One of the few exports at a time: each holds a thread of the web server to its end.

    The count lives in the database, for the web server has several processes. A turn that a killed
    process took is free again when the limit's window has passed.
    """

    def __init__(self, team_id: int) -> None:
        self.team_id = team_id
        self.is_over = False

    @classmethod
    def take(cls, team_id: int) -> "Turn | None":
        if not limits.take(limits.EXPORTS_OF_TEAM, team_id):
            return None
        if not limits.take(limits.EXPORTS, EVERYBODY):
            limits.give_back(limits.EXPORTS_OF_TEAM, team_id)
            return None
        return cls(team_id)

    def give_back(self) -> None:
        if not self.is_over:
            self.is_over = True
            limits.give_back(limits.EXPORTS, EVERYBODY)
            limits.give_back(limits.EXPORTS_OF_TEAM, self.team_id)


class Sending:
    """The pieces of one download. The server closes it at the end, and when the client went away."""

    def __init__(self, pieces: Iterator[bytes], turn: Turn) -> None:
        self.pieces, self.turn = pieces, turn

    def __iter__(self) -> "Sending":
        return self

    def __next__(self) -> bytes:
        try:
            return next(self.pieces)
        except StopIteration:
            raise
        except Exception:
            # The server breaks the connection off: a client must not take half a file for a whole.
            log.exception("export broke off", team=self.turn.team_id)
            raise

    def close(self) -> None:
        close = getattr(self.pieces, "close", None)
        if close:
            close()
        self.turn.give_back()
