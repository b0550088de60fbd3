"""Addresses that only take what a form sends: who opens one gets a page with a way on."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseNotAllowed

from accounts.middleware import COOKIELESS
from dashboard.views.errors import error_page

MACHINE_FACE = (*COOKIELESS, "/livez", "/readyz", "/metrics")  # programs read the status


class ExplainNotAllowed:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_bare = isinstance(response, HttpResponseNotAllowed) and not response.content
        if not is_bare or request.path_info.startswith(MACHINE_FACE):
            return response
        page = error_page(request, HTTPStatus.METHOD_NOT_ALLOWED)
        page.headers["Allow"] = response.headers["Allow"]
        return page
