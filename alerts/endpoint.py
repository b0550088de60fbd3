"""Where a provider's webhooks come in, and the secrets that may sign them. Callers check roles and write the log.

The address names a connection from the environment by its slug, which the operator knows, and any
other by its public id, which nobody guesses: a connection that a team calls "openai" is not the one
that OPENAI_WEBHOOK_SECRET is for.
"""

import json
import uuid

from django.conf import settings
from django.db import transaction

from accounts.cipher import CannotOpen
from alerts.models import InboundEndpoint
from alerts.signatures import PREFIX
from jobs.models import Connection
from outbound.redact import remember
from outbound.secret import Secret

MOST_SECRETS = 2  # the new one, and the old one while the provider still signs with it
# What taking a webhook needs of a connection, its team and its endpoint: a quarter of the columns.
_READ = (
    *("public_id", "slug", "origin", "dialect", "refused", "is_paused", "archived_at"),
    *("last_sweep_at", "team__public_id"),
    *("inbound_endpoint__sealed_secrets", "inbound_endpoint__refused_at"),
)
FROM_ENVIRONMENT = "openai"  # slug of the connection that OPENAI_WEBHOOK_SECRET is for


def address_of(connection: Connection) -> str:
    """The part of the address that names the connection."""
    is_ours = connection.origin == Connection.Origin.ENVIRONMENT
    return connection.slug if is_ours else str(connection.public_id)


def find_connection(address: str) -> Connection | None:
    """The connection behind an address, with its team and endpoint."""
    rows = Connection.objects.select_related("team", "inbound_endpoint").only(*_READ)
    environment = Connection.Origin.ENVIRONMENT
    try:
        public_id = uuid.UUID(address)
    except ValueError:
        return rows.filter(origin=environment, slug=address).order_by("pk").first()
    is_canonical = str(public_id) == address
    return (
        rows.exclude(origin=environment).filter(public_id=public_id).first()
        if is_canonical
        else None
    )


def active_secrets(connection: Connection) -> tuple[Secret, ...]:
    """All that may sign at present, newest first; none: no webhook is taken. Raises CannotOpen."""
    found = (*own_secrets(connection), *environment_secrets(connection))
    for secret in found:
        remember(secret.reveal())
    return found


def own_secrets(connection: Connection) -> tuple[Secret, ...]:
    """Those that admins entered, newest first. Raises CannotOpen."""
    endpoint = endpoint_of(connection)
    return _secrets_in(endpoint) if endpoint else ()


def _secrets_in(endpoint: InboundEndpoint) -> tuple[Secret, ...]:
    sealed = endpoint.secrets()
    return tuple(Secret(text) for text in json.loads(sealed.reveal())) if sealed else ()


def environment_secrets(connection: Connection) -> tuple[Secret, ...]:
    is_meant = address_of(connection) == FROM_ENVIRONMENT
    text = settings.OPENAI_WEBHOOK_SECRET if is_meant else ""
    return (Secret(text),) if text.removeprefix(PREFIX) else ()


def endpoint_of(connection: Connection) -> InboundEndpoint | None:
    try:
        return connection.inbound_endpoint
    except InboundEndpoint.DoesNotExist:
        return None


def add_secret(connection: Connection, secret: Secret) -> None:
    """Puts it first and keeps the one before it, so that the provider can rotate without a gap."""
    with transaction.atomic():
        endpoint = _held(connection)
        _keep(endpoint, [secret, *(one for one in _readable(endpoint) if one != secret)])


def remove_secret(connection: Connection, last4: str) -> bool:
    """Whether there was one that ends so. What it signs is refused from now on."""
    with transaction.atomic():
        endpoint = _held(connection)
        known = _readable(endpoint)
        kept = [secret for secret in known if secret.last4 != last4]
        _keep(endpoint, kept)
    return len(kept) < len(known)


def _held(connection: Connection) -> InboundEndpoint:
    InboundEndpoint.objects.get_or_create(connection=connection)
    rows = InboundEndpoint.objects.select_for_update(of=("self",))
    return rows.select_related("connection__team").get(connection=connection)


def _readable(endpoint: InboundEndpoint) -> list[Secret]:
    """None of what no key opens any more: it could not sign either."""
    try:
        return list(_secrets_in(endpoint))
    except CannotOpen:
        return []


def _keep(endpoint: InboundEndpoint, secrets: list[Secret]) -> None:
    texts = [secret.reveal() for secret in secrets[:MOST_SECRETS]]
    endpoint.set_secrets(Secret(json.dumps(texts)) if texts else None)
    endpoint.save(update_fields=["sealed_secrets"])
