"""Azure OpenAI and Foundry: OpenAI's shape with words and gaps of its own.

Classic: `{resource}.openai.azure.com/openai`, an `api-version` in every query, cancel only.
v1: `.../openai/v1`, no version needed, pause and resume too. Both take the key in the header
`api-key`, or an Entra token as a bearer. The words are in `providers.states`; the gaps (nulls, -1
for auto, level `warning`, plain CSV, events after the end) are what the parser reads anyway.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from providers.base import Account
from providers.openai import CANCEL, OpenAI
from providers.traffic import OnReply

CLASSIC_VERSION = "2024-10-21"


class Azure(OpenAI):
    """An Azure OpenAI resource."""

    name = "azure"
    label = "Azure OpenAI"
    help = (
        "The address of the resource with /openai/v1, or /openai for the classic API. "
        "Keys go into the header api-key."
    )
    default_base_url = "https://your-resource.openai.azure.com/openai/v1"

    def __init__(self, account: Account, on_reply: OnReply | None = None) -> None:
        super().__init__(account, on_reply)
        path = urlsplit(account.base_url.strip()).path.rstrip("/")
        self.is_classic = not path.endswith("/v1")
        if self.is_classic:
            self.actions = CANCEL

    def standing_query(self) -> Mapping[str, str]:
        """The classic API refuses a request without a version, so a missing one is filled in."""
        query = super().standing_query()
        if self.is_classic and "api-version" not in query:
            return {**query, "api-version": CLASSIC_VERSION}
        return query
