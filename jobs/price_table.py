"""Pure: the prices TuneBell comes with, each dated and with its source, read in a copy of its page.

Only what a vendor's own page says of training, of models whose price follows from their name. Not
here, and why: token prices of Azure depend on region and tier; Together and Fireworks price by the
size of the model and by LoRA or full training, which no job says in a way that can be relied on; of
Mistral and Nebius no page of their own with prices was at hand. A team adds those it pays.
"""

from datetime import date
from decimal import Decimal

from jobs.costs import HOUR, TOKENS, PriceRow

VERSION = "2026-11-27"  # another one makes every estimate anew

_PRICING = "https://developers.openai.com/api/docs/pricing"
_GPT_4O = "https://openai.com/index/gpt-4o-fine-tuning"
_GPT_35 = "https://openai.com/index/gpt-3-5-turbo-fine-tuning-and-api-updates"
_RFT = "https://help.openai.com/en/articles/11323177"
_AZURE = "https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning-cost-management"


def _tokens(model: str, usd: str, since: date, announced: str = "") -> PriceRow:
    """For every method but reinforcement, which is billed by time. `announced`: where, on that day.

    The table of prices bears no day of its own: where no announcement does either, a price counts
    from the day in the model's name on.
    """
    source = "OpenAI announcement" if announced else "OpenAI pricing"
    url = announced or _PRICING
    return PriceRow("openai", model, "", TOKENS, Decimal(usd), since, source, url)


SHIPPED: tuple[PriceRow, ...] = (
    _tokens("gpt-4.1", "25", date(2025, 4, 14)),
    _tokens("gpt-4.1-mini", "5", date(2025, 4, 14)),
    _tokens("gpt-4.1-nano", "1.5", date(2025, 4, 14)),
    _tokens("gpt-4o", "25", date(2024, 8, 20), _GPT_4O),
    _tokens("gpt-4o-mini", "3", date(2024, 7, 18)),
    _tokens("gpt-3.5-turbo", "8", date(2023, 8, 22), _GPT_35),
    _tokens("davinci-002", "6", date(2023, 8, 22), _GPT_35),
    _tokens("babbage-002", "0.4", date(2023, 8, 22), _GPT_35),
    PriceRow(
        "openai",
        "o4-mini",
        "reinforcement",
        HOUR,
        Decimal(100),
        date(2025, 4, 16),
        "OpenAI billing guide",
        _RFT,
    ),
    PriceRow(
        "azure",
        "o4-mini",
        "reinforcement",
        HOUR,
        Decimal(100),
        date(2026, 2, 11),
        "Microsoft cost guide",  # the day of the page
        _AZURE,
    ),
)
