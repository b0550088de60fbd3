"""The Content-Security-Policy of every answer: pages get one fixed policy, everything else may not act at all."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "Content-Security-Policy"


class ContentPolicy:
    """Outermost, so that error pages carry it as well and no view can change it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        response.headers[HEADER] = settings.PAGE_POLICY if is_page else settings.FILE_POLICY
        # Private unless the view says otherwise; static files bring a header of their own.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response
