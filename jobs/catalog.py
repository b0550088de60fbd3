"""The base models of a connection: which there are, when they retire, how many jobs they take.

Read once a day and whenever a connection is new. Many servers have no such routes: what is refused
or missing costs this part only and never speaks about the connection, unless its key is rejected.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import IntegrityError, transaction

from jobs import trouble
from jobs.claims import Claim, database_now, hold, release
from jobs.models import BaseModel, Catalog, Connection
from jobs.record import touch_team
from jobs.schedule import jittered
from providers.base import Provider
from providers.catalog import BaseModel as Offer
from providers.catalog import ModelLimit
from providers.errors import (
    KeyRejected,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Unreachable,
)
from providers.wire import Invalid

DAY_S = 86_400.0
AFTER_TROUBLE_S = 3600.0  # the server was out of order; one that has no such route waits a day
MAX_TROUBLE = 500
# Our own fine-tuned models are in the list as well, in OpenAI's form and in Azure's.
_FINE_TUNED = ("ft:", ".ft-")
ABOUT_THE_CONNECTION = (KeyRejected, RateLimited)
NO_MORE_QUESTIONS = (*ABOUT_THE_CONNECTION, QuotaExhausted, Unreachable)


def retirement_of(connection_id: int, base_model: str) -> BaseModel | None:
    """The base model of this exact name, with `retires_on`; None when nobody ever named it."""
    return BaseModel.objects.filter(connection_id=connection_id, name=base_model).first()


def origin_of(model: str) -> str:
    """The base model behind a model, also when that was fine-tuned itself.

    >>> origin_of("ft:gpt-4o-mini-2024-07-18:acme::9xYz")
    'gpt-4o-mini-2024-07-18'
    """
    parts = model.split(":")
    return parts[1] if parts[0] == "ft" and len(parts) > 1 else model


def begin_missing() -> None:
    """Gives every polled connection a catalog; a new one is due at once."""
    without = Connection.objects.polled().filter(catalog=None).values_list("pk", flat=True)
    # A connection removed meanwhile must not end the poll; the others get theirs next time.
    with suppress(IntegrityError), transaction.atomic():
        Catalog.objects.bulk_create(
            [Catalog(connection_id=pk) for pk in without], ignore_conflicts=True
        )


def set_retirement(connection: Connection, name: str, day: date | None) -> None:
    """What people here know of a model's end; None leaves it to the provider again."""
    with transaction.atomic():
        BaseModel.objects.update_or_create(
            connection=connection,
            name=name,
            defaults={"shutdown_on_by_hand": day},
            create_defaults={"shutdown_on_by_hand": day, "first_seen_at": database_now()},
        )
        touch_team(connection.team_id)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came. None: not said this time, so what was known stays. `troubles`: why not."""

    models: tuple[Offer, ...] | None = None
    limits: tuple[ModelLimit, ...] | None = None
    troubles: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = DAY_S


@dataclass(frozen=True, slots=True)
class CatalogQuestion:
    """The models of a connection, and their limits."""

    catalog: Catalog
    claim: Claim
    provider: Provider

    @property
    def connection_id(self) -> int:
        return self.catalog.connection_id

    def ask(self) -> Reading:
        """Raises when there is no point in asking for the rest."""
        troubles: dict[str, str] = {}
        pauses = [DAY_S]
        found: dict[str, object] = {}
        for name, ask in (("models", self.provider.models), ("limits", self.provider.limits)):
            try:
                found[name] = ask()
            except ProviderError as error:
                if isinstance(error, NO_MORE_QUESTIONS) and not found:
                    raise
                troubles[name] = error.message[:MAX_TROUBLE]
                pauses.append(AFTER_TROUBLE_S if error.retryable else DAY_S)
        return _reading(found, troubles, min(pauses))

    def take(self, answer: object) -> None:
        assert isinstance(answer, Reading)  # noqa: S101 - `ask` returns nothing else
        record(self.catalog.pk, self.claim, answer)

    def lose(self, error: Exception) -> None:
        said = error.message if isinstance(error, ProviderError) else repr(error)
        record(
            self.catalog.pk,
            self.claim,
            Reading(troubles={"models": said[:MAX_TROUBLE]}, pause_s=AFTER_TROUBLE_S),
        )
        if isinstance(error, ABOUT_THE_CONNECTION):
            trouble.record_outcome(self.connection_id, error, self.claim.request_at)

    def give_back(self) -> None:
        release(Catalog.objects.filter(pk=self.catalog.pk), self.claim.token)


def _reading(found: Mapping[str, object], troubles: dict[str, str], pause_s: float) -> Reading:
    models, limits = found.get("models"), found.get("limits")
    if isinstance(limits, Invalid):
        troubles, limits = {**troubles, "limits": limits.reason}, None
    return Reading(
        models if isinstance(models, tuple) else None,
        limits if isinstance(limits, tuple) else None,
        troubles,
        pause_s,
    )


def record(catalog_id: int, claim: Claim, reading: Reading) -> None:
    """Writes what came and gives the claim back. Raises StaleClaim; writes nothing then."""
    now = claim.request_at
    with transaction.atomic():
        catalog = hold(Catalog.objects.filter(pk=catalog_id), claim.token)
        if reading.models is not None:
            _store_models(catalog.connection_id, reading.models, now)
            catalog.read_at = now
        if reading.limits is not None:
            _store_limits(catalog, reading.limits, now)
        catalog.trouble = "\n".join(f"{name}: {said}" for name, said in reading.troubles.items())
        catalog.lease_until = catalog.lease_token = None
        catalog.claims = 0
        catalog.next_read_at = now + jittered(reading.pause_s)
        catalog.save()


def _store_models(connection_id: int, offers: Iterable[Offer], now: datetime) -> None:
    """Models the provider no longer lists keep their row, last seen earlier."""
    named = {offer.id: offer for offer in offers if not any(m in offer.id for m in _FINE_TUNED)}
    rows = [
        BaseModel(
            connection_id=connection_id,
            name=name,
            shutdown_on=offer.shutdown_on,
            owned_by=offer.owned_by or "",
            first_seen_at=now,
            last_seen_at=now,
        )
        for name, offer in named.items()
    ]
    _upsert(rows, ["shutdown_on", "owned_by", "last_seen_at"])


def _store_limits(catalog: Catalog, limits: Iterable[ModelLimit], now: datetime) -> None:
    """Those of today take the place of all earlier ones."""
    listed = list(limits)
    named = {limit.model: limit for limit in listed if limit.model}
    catalog.limits = [limit.raw for limit in listed if not limit.model]
    catalog.limits_read_at = now
    BaseModel.objects.filter(connection_id=catalog.connection_id).exclude(limits={}).update(
        limits={}
    )
    rows = [
        BaseModel(
            connection_id=catalog.connection_id,
            name=name,
            limits=dict(limit.numbers),
            first_seen_at=now,
            last_seen_at=now,
        )
        for name, limit in named.items()
    ]
    _upsert(rows, ["limits", "last_seen_at"])


def _upsert(rows: list[BaseModel], columns: list[str]) -> None:
    BaseModel.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["connection", "name"],
        update_fields=columns,
        batch_size=200,
    )
