"""The secret that a provider signs its webhooks with: entered once, never shown again."""

from django import forms

from alerts.signatures import FEWEST_SECRET_BYTES, MOST_SECRET_BYTES, is_secret


class WebhookSecretForm(forms.Form):
    secret = forms.CharField(
        label="Signing secret",
        max_length=200,
        strip=True,
        help_text="The provider shows it once, when you enter the address there. It starts with whsec_.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter the secret that the provider shows."},
    )

    def clean_secret(self) -> str:
        text = str(self.cleaned_data["secret"])
        if not is_secret(text):
            least, most = FEWEST_SECRET_BYTES, MOST_SECRET_BYTES
            raise forms.ValidationError(
                f"Use whsec_ and the base64 text of {least} to {most} bytes, as the provider shows it."
            )
        return text
