"""Where a provider's own pages are: one table, by dialect and by what one looks for there. Pure.

Where a deep address is not documented the way in is named, which outlives a redesign. A dialect
without a row (a gateway, a server of one's own) has no page that we could know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """What one looks for at the provider; the value is the text of the link."""

    CONSOLE = "Jobs in the provider's console"
    BILLING = "Billing settings"
    LIMITS = "Limits of the account"
    MODELS = "Models that can be trained"
    FILES = "Files at the provider"
    MODERATION = "Moderation guide"
    STATUS = "Status of the provider"


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    url: str


_OPENAI = {
    Place.CONSOLE: "https://platform.openai.com/finetune",
    Place.BILLING: "https://platform.openai.com/settings/organization/billing/overview",
    Place.LIMITS: "https://platform.openai.com/settings/organization/limits",
    Place.MODELS: "https://platform.openai.com/docs/models",
    Place.FILES: "https://platform.openai.com/storage/files",
    Place.MODERATION: "https://platform.openai.com/docs/guides/moderation",
    Place.STATUS: "https://status.openai.com/",
}
_AZURE = {
    Place.CONSOLE: "https://ai.azure.com/",
    Place.BILLING: "https://portal.azure.com/",
    Place.LIMITS: "https://learn.microsoft.com/azure/ai-services/openai/quotas-limits",
    Place.MODELS: "https://learn.microsoft.com/azure/ai-services/openai/concepts/models",
    Place.FILES: "https://ai.azure.com/",
    Place.MODERATION: "https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter",
    Place.STATUS: "https://azure.status.microsoft/",
}
_MISTRAL = {
    Place.CONSOLE: "https://console.mistral.ai/",
    Place.BILLING: "https://admin.mistral.ai/",
    Place.LIMITS: "https://admin.mistral.ai/",
    Place.MODELS: "https://docs.mistral.ai/",
    Place.STATUS: "https://status.mistral.ai/",
}
_TOGETHER = {
    Place.CONSOLE: "https://api.together.ai/jobs",
    Place.BILLING: "https://api.together.ai/settings/billing",
    Place.MODELS: "https://docs.together.ai/docs/fine-tuning-models",
    Place.STATUS: "https://status.together.ai/",
}
_FIREWORKS = {
    Place.CONSOLE: "https://app.fireworks.ai/dashboard/fine-tuning",
    Place.BILLING: "https://app.fireworks.ai/account/billing",
    Place.MODELS: "https://app.fireworks.ai/models",
    Place.STATUS: "https://status.fireworks.ai/",
}
_NEBIUS = {
    Place.CONSOLE: "https://tokenfactory.nebius.com/",
    Place.BILLING: "https://tokenfactory.nebius.com/",
    Place.MODELS: "https://docs.tokenfactory.nebius.com/",
}
PAGES: Mapping[str, Mapping[Place, str]] = {
    "openai": _OPENAI,
    "azure": _AZURE,
    "mistral": _MISTRAL,
    "together": _TOGETHER,
    "fireworks": _FIREWORKS,
    "nebius": _NEBIUS,
}


def links(dialect: str, places: tuple[Place, ...]) -> tuple[Link, ...]:
    """The provider's pages for these, in this order; those it has none for are left out."""
    known = PAGES.get(dialect, {})
    return tuple(Link(place.value, known[place]) for place in places if place in known)
