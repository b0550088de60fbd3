"""What the page of a connection says about the webhooks that its provider sends."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from accounts.cipher import CannotOpen
from alerts.endpoint import address_of, endpoint_of, environment_secrets, own_secrets
from alerts.models import InboundEvent
from jobs.models import Connection

SENDING = frozenset({"openai", "generic"})  # dialects; the others send nothing of the kind


@dataclass(frozen=True, slots=True)
class SecretLine:
    """A secret by its end. `is_older`: kept while the provider still signs with it."""

    last4: str
    is_older: bool


@dataclass(frozen=True, slots=True)
class LastEvent:
    at: datetime
    type: str
    job_id: str
    is_known_job: bool


@dataclass(frozen=True, slots=True)
class WebhookPanel:
    """`is_unreadable`: secrets are stored that no encryption key opens."""

    url: str
    is_public: bool
    secrets: tuple[SecretLine, ...]
    has_environment_secret: bool
    is_unreadable: bool
    last_event: LastEvent | None
    refused_at: datetime | None

    @property
    def is_on(self) -> bool:
        return bool(self.secrets) or self.has_environment_secret


def webhook_panel(connection: Connection) -> WebhookPanel | None:
    """None for a provider that sends none, while nobody set any up."""
    endpoint = endpoint_of(connection)
    if connection.dialect not in SENDING and endpoint is None:
        return None
    secrets = _secrets(connection)
    return WebhookPanel(
        url=f"{settings.SITE_URL}{reverse('webhook-in', args=[address_of(connection)])}",
        is_public=settings.SITE_URL.startswith("https://"),
        secrets=secrets or (),
        has_environment_secret=bool(environment_secrets(connection)),
        is_unreadable=secrets is None,
        last_event=_last_event(connection),
        refused_at=endpoint.refused_at if endpoint else None,
    )


def _secrets(connection: Connection) -> tuple[SecretLine, ...] | None:
    """None when they cannot be opened."""
    try:
        found = own_secrets(connection)
    except CannotOpen:
        return None
    return tuple(SecretLine(one.last4, number > 0) for number, one in enumerate(found))


def _last_event(connection: Connection) -> LastEvent | None:
    row = InboundEvent.objects.filter(connection=connection).order_by("-id").first()
    if row is None:
        return None
    return LastEvent(row.received_at, row.type, row.provider_job_id, row.is_known_job)
