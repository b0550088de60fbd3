"""One line a fact, for our own words and those of libraries, and no secret in either."""

import logging
import logging.config
import re
import secrets
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from outbound.redact import redact_event

REQUEST_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")
QUIET = (
    "httpx",
    "httpcore",
    "asyncio",
    "celery.app.trace",
    "celery.worker.strategy",
    "celery.beat",
    "celery.worker.consumer.connection",
    "kombu",
)
Event = MutableMapping[str, Any]


def plain_line(_logger: object, _method: str, event: Event) -> str:
    """`19:20:10 info  Message key=value`: for people who read along."""
    clock, level = str(event.pop("timestamp"))[11:19], event.pop("level", "info")
    event.pop("logger", None)
    text, trace = event.pop("event", ""), event.pop("exception", "")
    facts = "".join(f" {name}={value}" for name, value in event.items())
    return f"{clock} {level:<7} {text}{facts}" + (f"\n{trace}" if trace else "")


def configure(*, json_lines: bool) -> None:
    """Send everything, ours and that of the libraries, to stderr through the same processors."""
    render: Any = structlog.processors.JSONRenderer() if json_lines else plain_line
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _shared(),
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact_event,
            render,
        ],
    }
    handler = {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": formatter},
            "handlers": {"stderr": handler},
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {name: {"level": "WARNING"} for name in QUIET},
        }
    )
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _shared() -> list[Any]:
    """What happens to each line, whoever wrote it."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


class RequestContext:
    """Gives each request an id, on every line logged meanwhile and in the answer's X-Request-ID."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.match(given) else secrets.token_hex(8)
        vars(request)["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request=request_id):
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response
