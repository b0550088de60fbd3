"""A saved view as people enter it: its name, who has it, and whether the list opens with it."""

from django import forms
from django.http import QueryDict

from dashboard.forms.connections import ONE_LINE
from dashboard.queries.saved_views import canonical

ME, TEAM = "me", "team"
MOST_NAME, MOST_QUERY = 60, 2000  # characters that are kept
MOST_SENT = 20_000


class ViewForm(forms.Form):
    name = forms.CharField(
        max_length=MOST_NAME,
        validators=[ONE_LINE],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    is_default = forms.BooleanField(label="The list opens with it", required=False)


class QueryForm(forms.Form):
    """`query`: the address of the list that is saved, as it stands behind the "?"."""

    query = forms.CharField(max_length=MOST_SENT, required=False, widget=forms.HiddenInput)

    def clean_query(self) -> str:
        query = canonical(QueryDict(self.cleaned_data["query"]))
        if len(query) > MOST_QUERY:
            raise forms.ValidationError(
                f"This filter is too long to be saved: {len(query)} characters of {MOST_QUERY}."
            )
        return query


class NewViewForm(QueryForm, ViewForm):
    whose = forms.ChoiceField(
        label="For", choices=[(ME, "Me"), (TEAM, "The team")], initial=ME, required=False
    )


class PointForm(QueryForm):
    view = forms.UUIDField()
