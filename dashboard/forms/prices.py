"""A price as people enter it: of what, how much, since when, and who says so."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django import forms
from django.http import QueryDict
from django.utils import timezone

from accounts.models import Team
from dashboard.forms.connections import ONE_LINE
from jobs.models import Price
from providers.base import dialects

MOST_USD = Decimal(1_000_000)
EARLIEST, LATEST = date(2018, 1, 1), date(2100, 1, 1)
METHODS = ("supervised", "dpo", "reinforcement")
ABSURD = "Give an amount from 0 to 1000000, with at most four decimals."


class PriceForm(forms.Form):
    """Any model name is taken: gateways and servers of one's own have names nobody else knows."""

    dialect = forms.ChoiceField(label="Provider", required=False)
    base_model = forms.CharField(
        label="Base model",
        max_length=200,
        validators=[ONE_LINE],
        help_text="Its dated versions count too. A star at the end stands for anything.",
        widget=forms.TextInput(
            attrs={"list": "models", "spellcheck": "false", "autocomplete": "off"}
        ),
    )
    method = forms.ChoiceField(
        label="Method",
        required=False,
        choices=[("", "Any"), *((name, name) for name in METHODS)],
        help_text="A price by tokens for any method is not used for reinforcement.",
    )
    usd = forms.DecimalField(
        label="US dollars",
        min_value=0,
        max_value=MOST_USD,
        max_digits=11,
        decimal_places=4,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_digits", "max_decimal_places"), ABSURD
        ),
    )
    unit = forms.ChoiceField(label="Unit", choices=Price.Unit.choices)
    valid_from = forms.DateField(
        label="Valid from",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Jobs that ended earlier keep the price before, or have none. What is free costs 0.",
    )
    source = forms.CharField(
        label="Source",
        max_length=300,
        validators=[ONE_LINE],
        help_text="Where it is written: an address, a contract, an invoice.",
    )

    def __init__(
        self, data: QueryDict | None = None, *, asked: Mapping[str, str] | None = None
    ) -> None:
        """`asked`: what an address fills in."""
        known = {name: value[:200] for name, value in (asked or {}).items() if name in _FILLED}
        today = timezone.now().date()
        super().__init__(data, initial={"valid_from": today, **known})
        choice = self.fields["dialect"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - as declared above
        choice.choices = [("", "Any"), *((n, one.label) for n, one in dialects().items())]

    def clean_base_model(self) -> str:
        name = str(self.cleaned_data["base_model"])
        if "*" in name[:-1]:
            raise forms.ValidationError("A star may stand at the end only.")
        return name

    def clean_valid_from(self) -> date:
        day: date = self.cleaned_data["valid_from"]
        if not EARLIEST <= day <= LATEST:
            raise forms.ValidationError(f"Give a day from {EARLIEST} to {LATEST}.")
        return day

    def price(self, team: Team) -> Price:
        """Of a valid form, not saved."""
        return Price(team=team, **self.cleaned_data)


_FILLED = frozenset({"dialect", "base_model", "method", "unit", "valid_from"})
