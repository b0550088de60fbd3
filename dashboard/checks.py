"""What `manage.py check --deploy` says about an installation beyond Django's own checks."""

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.db import DatabaseError

from accounts.cipher import key_id_of
from alerts.models import Channel
from jobs.models import Connection

SHORTEST_TOKEN = 24


@register(Tags.security, deploy=True)
def site_is_https(**_: object) -> list[CheckMessage]:
    if settings.SITE_URL.startswith("https://"):
        return []
    return [Caution("SITE_URL is not https: cookies are not Secure", id="tunebell.W001")]


@register(Tags.security)
def token_is_long(**_: object) -> list[CheckMessage]:
    if not settings.API_TOKEN or len(settings.API_TOKEN) >= SHORTEST_TOKEN:
        return []
    return [
        Caution(
            f"TUNEBELL_API_TOKEN has fewer than {SHORTEST_TOKEN} characters", id="tunebell.W002"
        )
    ]


@register(Tags.security, deploy=True)
def keys_in_use_are_known(**_: object) -> list[CheckMessage]:
    known = {key_id for key_id, _key in settings.FIELD_ENCRYPTION_KEYS}
    missing = sorted(key_ids_in_use() - known)
    hint = "Put it back into FIELD_ENCRYPTION_KEYS; what it encrypted cannot be read without it."
    return [
        Error(f"Encryption key {key!r} is in use but not given", hint, id="tunebell.E001")
        for key in missing
    ]


def key_ids_in_use() -> set[str]:
    """Ids of the keys that stored secrets need. Empty while there are no tables yet."""
    try:
        stored = [
            *Connection.objects.exclude(sealed_key="").values_list("sealed_key", flat=True),
            *Channel.objects.exclude(sealed_secrets="").values_list("sealed_secrets", flat=True),
        ]
    except DatabaseError:
        return set()
    return {key_id_of(text) for text in stored}
