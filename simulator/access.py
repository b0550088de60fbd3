"""Which API keys are let in."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.exchange import ApiError

SHORTEST_SHOWN = 12
KEYS_PAGE = "https://platform.openai.com/account/api-keys"


@dataclass(slots=True)
class Doorman:
    """Lets everybody in until a key is required; a revoked key never gets in. None in `revoked` stands for every key."""

    required: str | None = None
    revoked: set[str | None] = field(default_factory=set)

    def admit(self, key: str | None) -> None:
        """Raises ApiError (401)."""
        if key is None and self.required is not None:
            text = "You didn't provide an API key. You need to provide your API key in an Authorization header"
            raise ApiError(401, text)
        wrong = self.required is not None and key != self.required
        if wrong or key in self.revoked or None in self.revoked:
            text = f"Incorrect API key provided: {masked(key or '')}. You can find your API key at {KEYS_PAGE}."
            raise ApiError(401, text, code="invalid_api_key")


def masked(key: str) -> str:
    """The key as error messages echo it: its first 3 and last 4 characters at most."""
    if len(key) < SHORTEST_SHOWN:
        return "*" * len(key)
    return key[:3] + "*" * (len(key) - 7) + key[-4:]
