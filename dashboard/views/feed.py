"""/feeds/<token>/: a saved view for news readers. The address is the secret: no session, no cookie."""

import hashlib

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from accounts import limits
from accounts.models import digest_of
from dashboard import atom
from dashboard.queries.feed import feed_of, find_feed


@require_safe
def show(request: HttpRequest, token: str) -> HttpResponseBase:
    view = find_feed(token)
    if view is None:
        raise Http404
    if not limits.take(limits.FEED, digest_of(token)):
        return _too_many()
    feed = feed_of(view)
    document, modified = atom.write(feed), int(feed.updated_at.timestamp())
    etag = f'"{hashlib.blake2b(document, digest_size=16).hexdigest()}"'
    answer = HttpResponse(document, content_type=atom.CONTENT_TYPE)
    answer.headers["ETag"], answer.headers["Last-Modified"] = etag, http_date(modified)
    answer.headers["Cache-Control"] = "private, no-cache"
    return get_conditional_response(request, etag, modified, answer) or answer


def _too_many() -> HttpResponse:
    answer = HttpResponse("Asked for too often.\n", status=429, content_type="text/plain")
    answer.headers["Retry-After"] = str(limits.FEED.window_s)
    return answer
