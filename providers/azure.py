"""Azure OpenAI and Foundry: OpenAI's shape with words and gaps of its own.

The classic API takes an `api-version` in every query and the key in the header `api-key`; the v1 API
takes either header and no version. Both are part of the Account. The words are in
`providers.states`, the gaps (nulls, -1 for auto, plain CSV) are what the parser reads anyway.
"""

from providers.openai import OpenAI


class Azure(OpenAI):
    """An Azure OpenAI resource."""

    name = "azure"
