"""Regions that refresh: the page asks for itself every few seconds, and a quiet answer is a 304."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from dashboard.context import Banner, lookout

TAG_HEADER = "HX-PTag"
ACTIVE_S, QUIET_S = 5, 30


@dataclass(frozen=True, slots=True)
class Live:
    """What `components/live.html` prints. `seconds` between polls; `is_on` False stops them."""

    url: str
    tag: str
    seconds: int = ACTIVE_S
    is_on: bool = True


def tag_of(request: HttpRequest, *facts: object) -> str:
    """Differs whenever the region would: the facts that move it, the address, who looks, by which clock."""
    clock = timezone.get_current_timezone_name()
    seen = (request.get_full_path(), getattr(request.user, "pk", None), clock, *facts)
    return hashlib.blake2b(repr(seen).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a page with the banners of the installation in its region stands to the one that asks."""

    tag: str
    banners: tuple[Banner, ...]
    is_current: bool


def standing(request: HttpRequest, *facts: object) -> Standing:
    """A quiet poll is told by what this process knows of the heartbeats. All else reads them: what one
    process shows is not taken back by another that knows less.
    """
    known = lookout.remembered() if is_fragment(request) else None
    if known is not None and is_current(request, tag := tag_of(request, *facts, *known)):
        return Standing(tag, known, is_current=True)
    seen = lookout.look()
    tag = tag_of(request, *facts, *seen)
    return Standing(tag, seen, is_current(request, tag))


def is_current(request: HttpRequest, tag: str) -> bool:
    return is_fragment(request) and request.headers.get(TAG_HEADER) == tag


def is_fragment(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def unchanged(tag: str) -> HttpResponse:
    return marked(HttpResponse(status=304), tag)


def page(
    request: HttpRequest, template: str, region: str, tag: str, context: dict[str, Any]
) -> HttpResponse:
    """The whole page, or only its live region for a poll."""
    name = f"{template}#{region}" if is_fragment(request) else template
    return marked(render(request, name, context), tag)


def marked(response: HttpResponse, tag: str) -> HttpResponse:
    """An answer that a later one with the same tag may spare."""
    response.headers[TAG_HEADER] = tag
    response.headers["Cache-Control"] = "no-cache, private"
    patch_vary_headers(response, ("HX-Request", "Cookie"))
    return response
