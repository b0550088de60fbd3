"""Any other server with OpenAI's paths: gateways, proxies, self-hosted. Nothing but a job is expected.

Portkey and the LiteLLM pass-through want headers of their own, which the Account carries. A server
may have no list, no events, no checkpoints, no files, no models and no keys.
"""

from providers import errors
from providers.openai import MAX_LIMIT, OpenAI, is_missing_route, no_page
from providers.wire import Element, Page


class Generic(OpenAI):
    """A server that copied OpenAI's fine-tuning paths, or passes them on."""

    name = "generic"
    label = "OpenAI-compatible"
    help = "A gateway or a server of your own. Without a list of jobs, add them by their id."
    default_base_url = ""

    def list_jobs(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[Element]:
        """One page of jobs; empty, and `has_list` lowered, where the route is missing."""
        if not self.has_list:
            return no_page()
        try:
            return super().list_jobs(after, limit)
        except errors.ProviderError as error:
            if not is_missing_route(error):
                raise
            self.has_list = False
            return no_page()
