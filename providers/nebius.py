"""Nebius Token Factory: OpenAI's shape with live tokens and steps, and more hyperparameters.

Its differences (`organization_id` "", `trained_tokens` 0 while running, `trained_steps`,
`total_steps`, `suffix`, lists as details of a 422) are what the parser reads anyway.
"""

from providers.openai import CANCEL, OpenAI


class Nebius(OpenAI):
    """An account at Nebius Token Factory, formerly Nebius AI Studio."""

    name = "nebius"
    label = "Nebius Token Factory"
    help = "Older accounts use https://api.studio.nebius.com/v1."
    default_base_url = "https://api.tokenfactory.nebius.com/v1"
    actions = CANCEL
