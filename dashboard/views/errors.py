"""Error pages: no database, no session, no text of the request; only an id to quote and a way on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from accounts.access import NoTeam, came_from

# What Django says of a request from another address than those it knows: nobody waited too long.
OF_AN_ADDRESS = ("Origin checking failed", "Referer checking failed")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return error_page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, NoTeam):
        return render(request, "signin/no_team.html", status=403)
    return error_page(request, 403)


def refused_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token of this session: mostly one opened before signing in again."""
    name = "403-address" if reason.startswith(OF_AN_ADDRESS) else "403-form"
    return error_page(request, 403, name, back=came_from(request))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return error_page(request, 500)


def error_page(request: HttpRequest, status: int, name: str = "", **facts: str) -> HttpResponse:
    """The page templates/errors/<name or status>.html, rendered without any context processor.

    `facts`: what it prints. `back`: the page with the form or button, for a link.
    """
    context = {"request_id": getattr(request, "request_id", ""), **facts}
    html = render_to_string(f"errors/{name or status}.html", context)
    return HttpResponse(html, status=status)
