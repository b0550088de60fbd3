"""What kinds of channels that speak HTTP share: a POST, and what its answer means."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from enum import Enum
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from django import forms

from alerts.channels.base import SEND_DEADLINE_S, Receipt, SendError, retry_after, short_answer
from outbound.client import Limits, Reply, send
from outbound.errors import Blocked, OutboundError
from outbound.policy import check_url

LIMITS = Limits(max_bytes=20_000, deadline_s=SEND_DEADLINE_S)
# Characters of a part of a secret URL that alone gives it away: a push token of Uptime Kuma has 8.
TELLING = 8
# Asks a receiver's own body for the seconds it wants us to wait, where its headers do not say.
ReadsWait = Callable[[Reply], float | None]


class Verdict(Enum):
    """What a refusal says about the next try."""

    LATER = "later"
    NEVER = "never"  # not with this message
    GONE = "gone"  # with no message at all


# Reads a vendor's own words for a refusal.
Judges = Callable[[Reply], Verdict]


def verdict_of(reply: Reply) -> Verdict:
    """What the status alone says."""
    return Verdict.GONE if reply.status == HTTPStatus.GONE else Verdict.LATER


def never_at(*statuses: int) -> Judges:
    """Judges by the status: after these no further try helps this message."""

    def verdict(reply: Reply) -> Verdict:
        return Verdict.NEVER if reply.status in statuses else verdict_of(reply)

    return verdict


def wait_of(reply: Reply) -> float | None:
    """Seconds that the Retry-After header asks for."""
    return retry_after(reply.headers.get("retry-after", ""), datetime.now(UTC))


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    reads_wait: ReadsWait = wait_of,
    judges: Judges = verdict_of,
    hidden: Collection[str] = (),
) -> Reply:
    """The 2xx answer to one POST. Raises SendError for any other, and where none came.

    `hidden`: secrets that a receiver may repeat, and that nobody must read in the error.
    """
    try:
        reply = send("POST", url, headers=headers, content=body, limits=LIMITS)
    except OutboundError as error:
        raise SendError(error.message) from error
    if HTTPStatus(200) <= reply.status < HTTPStatus(300):
        return reply
    answer = short_answer(reply.body, hidden)
    detail = f"The receiver answered {reply.status}." + (f" {answer}" if answer else "")
    verdict = judges(reply)
    raise SendError(
        detail,
        status=reply.status,
        retry_after=reads_wait(reply),
        permanent=verdict is Verdict.NEVER,
        gone=verdict is Verdict.GONE,
    )


def receipt_of(reply: Reply, hidden: Collection[str] = ()) -> Receipt:
    return Receipt(reply.status, short_answer(reply.body, hidden))


def clean_url(url: object) -> str:
    """The URL of a form's field, checked as every request is. Raises ValidationError."""
    text = str(url or "").strip()
    if text:
        try:
            check_url(text)
        except Blocked as error:
            raise forms.ValidationError(error.message) from error
    return text


def host_of(url: str) -> str:
    """What everybody may see of a secret URL: host, and port where it is unusual. Raises ValueError."""
    try:
        scheme, host, port = check_url(url)
    except Blocked as error:
        raise ValueError(error.message) from error
    is_usual = (scheme, port) in {("https", 443), ("http", 80)}
    return host if is_usual else f"{host}:{port}"


def secrets_in(url: str) -> tuple[str, ...]:
    """Whatever of a secret URL a receiver may repeat: all behind the host, and the telling parts of it."""
    parts = urlsplit(url)
    values = (value for _name, value in parse_qsl(parts.query))
    telling = [part for part in (*parts.path.split("/"), *values) if len(part) >= TELLING]
    wholes = (f"{parts.path}?{parts.query}", parts.path, parts.query)
    return tuple(one for one in (url, *wholes, *telling) if len(one) > 1)
