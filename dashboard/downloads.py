"""What leaves as a file or as plain text, never as a page: it may be anything."""

import re
from urllib.parse import quote

from django.http import HttpResponse

from jobs.models import File
from providers.results import read_result_file

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
SANDBOX = "default-src 'none'; frame-ancestors 'none'; sandbox"


def attachment(file: File, *, decoded: bool = False) -> HttpResponse:
    """The content as received, or with `decoded` the CSV inside of it (RFC 6266 names)."""
    received = file.received() or b""
    name = file.filename or file.provider_id
    if decoded:
        received = read_result_file(received).text.encode()
        name = name if name.casefold().endswith(".csv") else f"{name}.csv"
    kind = "text/csv; charset=utf-8" if decoded else "application/octet-stream"
    response = HttpResponse(received, content_type=kind)
    response.headers["Content-Disposition"] = disposition(name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = SANDBOX
    return response


def plain_text(text: str) -> HttpResponse:
    """Text that a browser shows as it is and makes nothing else of."""
    response = HttpResponse(text.encode(errors="replace"), content_type="text/plain; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = SANDBOX
    return response


def disposition(name: str) -> str:
    r"""The header of a download: a plain name for every client, the real one in `filename*`.

    >>> disposition("../r\u00e9sults\r\n.csv")
    "attachment; filename=\"r_sults.csv\"; filename*=UTF-8''..%2Fr%C3%A9sults.csv"
    """
    printable = "".join(letter for letter in name if letter.isprintable())[:200]
    plain = _UNSAFE.sub("_", printable).lstrip("._-")[:120] or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(printable, safe='')}"
