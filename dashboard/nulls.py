"""Addresses with a NUL in them: no address of ours has one, and PostgreSQL refuses it as text."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

MACHINE_FACE = ("/v1/", "/api/")  # answers in JSON, so it looks for itself


def has_null(request: HttpRequest) -> bool:
    return "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")


class RefuseNulls:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if has_null(request) and not request.path_info.startswith(MACHINE_FACE):
            raise BadRequest("NUL in the address")
        return self.get_response(request)
