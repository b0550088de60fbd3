"""Forms whose answer shows a secret this once: a reload sends them again, and must make nothing twice."""

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

KEPT = "taken_once"
MOST = 20  # forms that a session remembers


def is_again(request: HttpRequest) -> bool:
    """Whether this very form was taken before."""
    return request.method == "POST" and _mark(request) in request.session.get(KEPT, [])


def note_taken(request: HttpRequest) -> None:
    request.session[KEPT] = [*request.session.get(KEPT, []), _mark(request)][-MOST:]


def _mark(request: HttpRequest) -> str:
    """The same for the same words on the same page: each page has a CSRF token of its own."""
    return salted_hmac("dashboard.once", request.path + request.POST.urlencode()).hexdigest()
