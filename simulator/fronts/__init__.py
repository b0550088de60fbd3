"""The shapes of whole APIs, by profile: paths, paging and errors. Every other profile has OpenAI's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import api
from simulator.exchange import Answer, ApiError
from simulator.fronts import fireworks, generic, mistral, together

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.api import Routes
    from simulator.exchange import Request
    from simulator.ledger import Ledger

ROUTES: dict[str, Routes] = {
    "generic": generic.ROUTES,
    "mistral": mistral.ROUTES,
    "together": together.ROUTES,
    "fireworks": fireworks.ROUTES,
}
REFUSALS: dict[str, Callable[[ApiError], Answer]] = {
    "mistral": mistral.refusal,
    "fireworks": fireworks.refusal,
}


def answer(ledger: Ledger, request: Request, now: float) -> Answer:
    """What the API says; an error is an answer too."""
    try:
        return api.answer(ledger, request, now, ROUTES.get(ledger.state.world.profile))
    except ApiError as error:
        return refusal(ledger, error)


def refusal(ledger: Ledger, error: ApiError) -> Answer:
    """The error in the envelope of the API that is simulated."""
    return REFUSALS.get(ledger.state.world.profile, ApiError.answer)(error)
