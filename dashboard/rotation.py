"""Moves every stored secret to the first encryption key, so that old keys can be dropped."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from django.db import models

from accounts.cipher import CannotOpen, Place, key_id_of, seal, unseal
from alerts.models import Channel, InboundEndpoint
from jobs.models import Connection

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Rotated:
    """`moved`: rows now under the first key; `failed`: rows that could not be opened, and why."""

    moved: int
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sealed:
    row: models.Model
    column: str
    place: Place

    @property
    def stored(self) -> str:
        return str(getattr(self.row, self.column))


def rotate(first_key_id: str) -> Rotated:
    """Seals again what is not under `first_key_id` yet. Can be stopped and run again at any time.

    A row that changed meanwhile is left to whoever changed it: they sealed with the first key.
    """
    moved, failed = 0, []
    for each in _sealed():
        if key_id_of(each.stored) == first_key_id:
            continue
        try:
            fresh = seal(unseal(each.stored, each.place), each.place)
        except CannotOpen as error:
            failed.append(f"{each.row}: {error}")
            continue
        same = type(each.row)._default_manager.filter(  # noqa: SLF001 - documented by Django for this
            pk=each.row.pk, **{each.column: each.stored}
        )
        moved += same.update(**{each.column: fresh})
    return Rotated(moved, tuple(failed))


def rows_by_key() -> dict[str, int]:
    """How many secrets are stored under each key id."""
    return dict(Counter(key_id_of(each.stored) for each in _sealed()))


def _sealed() -> Iterator[_Sealed]:
    connections = Connection.objects.exclude(sealed_key="").select_related("team")
    for connection in connections.iterator(chunk_size=200):
        yield _Sealed(connection, "sealed_key", connection.key_place)
    channels = Channel.objects.exclude(sealed_secrets="").select_related("team")
    for channel in channels.iterator(chunk_size=200):
        yield _Sealed(channel, "sealed_secrets", channel.secrets_place)
    endpoints = InboundEndpoint.objects.exclude(sealed_secrets="")
    for endpoint in endpoints.select_related("connection__team").iterator(chunk_size=200):
        yield _Sealed(endpoint, "sealed_secrets", endpoint.secrets_place)
