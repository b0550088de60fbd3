"""Secrets at rest: AES-256-GCM, bound to the row that holds them.

Stored form: `v1.<key id>.<nonce>.<ciphertext>`, the last two URL-safe base64. The associated data
names table, column, team and row, so a ciphertext copied into another row does not open.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from outbound.secret import Secret

NONCE_BYTES = 12


class CannotOpen(Exception):
    """The stored secret cannot be decrypted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret lives: table and column, and the public ids of its team and row."""

    column: str
    team: str
    row: str

    def bound(self, key_id: str) -> bytes:
        return f"{self.column}|{self.team}|{self.row}|{key_id}".encode()


def seal(secret: Secret, place: Place) -> str:
    """The stored form of `secret`, encrypted with the first configured key."""
    key_id, key = settings.FIELD_ENCRYPTION_KEYS[0]
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, secret.reveal().encode(), place.bound(key_id))
    return ".".join(("v1", key_id, _text(nonce), _text(sealed)))


def unseal(stored: str, place: Place) -> Secret:
    """The secret behind `stored`. Raises CannotOpen: unknown key id, other row, damaged text."""
    try:
        _version, key_id, nonce, sealed = stored.split(".")
        key = dict(settings.FIELD_ENCRYPTION_KEYS)[key_id]
        clear = AESGCM(key).decrypt(_bytes(nonce), _bytes(sealed), place.bound(key_id))
    except KeyError:
        raise CannotOpen(f"encryption key {key_id!r} is not in FIELD_ENCRYPTION_KEYS") from None
    except (InvalidTag, ValueError):
        raise CannotOpen("the stored secret is damaged or belongs to another row") from None
    return Secret(clear.decode())


def key_id_of(stored: str) -> str:
    return stored.split(".")[1] if stored.count(".") == 3 else ""  # noqa: PLR2004 - v1.id.nonce.text


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
