"""A base model's last day as people enter it, where the provider does not say it."""

from datetime import date

from django import forms
from django.http import QueryDict

EARLIEST, LATEST = date(2020, 1, 1), date(2100, 1, 1)


class RetirementForm(forms.Form):
    model = forms.CharField(label="Base model", max_length=200)
    day = forms.DateField(
        label="Retires on", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, names: tuple[str, ...], data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.names = names

    def clean_model(self) -> str:
        name = str(self.cleaned_data["model"])
        if name not in self.names:
            raise forms.ValidationError("No base model here has this name.")
        return name

    def clean_day(self) -> date | None:
        day: date | None = self.cleaned_data["day"]
        if day and not EARLIEST <= day <= LATEST:
            raise forms.ValidationError(f"Give a day from {EARLIEST} to {LATEST}.")
        return day
