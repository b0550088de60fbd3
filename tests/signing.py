"""Webhooks of a provider as it would send them, signed by the reference library."""

import itertools
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.test import Client
from standardwebhooks import Webhook

from alerts.endpoint import add_secret, address_of
from jobs.models import Connection
from outbound.secret import Secret
from tests.builders import a_connection

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_" + "b3RoZXIt" * 4
_serial = itertools.count(1)


@dataclass(frozen=True)
class Hook:
    """One request: `headers` as they are sent, `body` as bytes."""

    headers: dict[str, str]
    body: bytes

    def with_header(self, name: str, value: str) -> "Hook":
        return replace(self, headers={**self.headers, name: value})

    def without(self, name: str) -> "Hook":
        return replace(self, headers={k: v for k, v in self.headers.items() if k != name})


def event_of(job_id: str, kind: str = "fine_tuning.job.succeeded") -> dict:
    return {
        "object": "event",
        "id": f"evt_{next(_serial):08}",
        "type": kind,
        "created_at": 1_795_000_000,
        "data": {"id": job_id},
    }


def a_hook(
    event: dict | bytes | str = "ftjob-x",
    secret: str = SECRET,
    *,
    webhook_id: str | None = None,
    age: timedelta = timedelta(),
) -> Hook:
    """`event`: an event, a raw body, or the id of a job that succeeded."""
    content = event_of(event) if isinstance(event, str) else event
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    webhook_id = webhook_id or f"wh_{next(_serial):08}"
    at = datetime.now(UTC) - age
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }
    return Hook(headers, body)


def a_listening_connection(secret: str = SECRET, **facts) -> Connection:
    connection = a_connection(**facts)
    add_secret(connection, Secret(secret))
    return Connection.objects.get(pk=connection.pk)


def path_of(connection: Connection) -> str:
    return f"/webhooks/openai/{address_of(connection)}/"


def post(target: Connection | str, hook: Hook):
    """The answer to the request, as the site gives it to a provider."""
    path = target if isinstance(target, str) else path_of(target)
    return Client().post(
        path, hook.body, content_type="application/json", headers=dict(hook.headers)
    )
