"""PagerDuty: opens and closes an incident, by the Events API v2.

https://github.com/PagerDuty/developer-docs/tree/main/docs/events-API-v2: 01-Overview (answers,
512 KB), 02-Trigger-Events (fields and their limits), 05-Rate-Limits (about 120 a minute for a key).

What is over well, and what has recovered, resolves; everything else triggers, a cancelled job and a
test with severity info. The deduplication key is the trouble's own (connection:job:kind), the same
when it begins and when it ends, and the same on every try.
"""

import re
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings

from alerts.channels.base import Cap, ChannelForm, Kind, Receipt, SendError, Stored, Values
from alerts.channels.http import host_of, never_at, post
from alerts.channels.layout import Gravity, gravity, harmless
from alerts.channels.server import (
    JSON_HEADERS,
    answer_of,
    clean_server,
    is_same_server,
    kept_secret,
    shown_json,
    to_json,
)
from alerts.message import Message
from alerts.plaintext import clean
from outbound.redact import remember

REGIONS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
OTHER = "other"
MAX_DEDUP_KEY = 255
MAX_SUMMARY = 1024
JUDGES = never_at(400)
TEST = "test"
SEVERITIES = {
    Gravity.GOOD: "info",
    Gravity.NOTE: "info",
    Gravity.WARNING: "warning",
    Gravity.TROUBLE: "error",
}
# Integration keys of services and of rulesets; the latter begin with an R.
_KEY = re.compile(r"[A-Za-z0-9]{32}\Z")


class PagerDutyForm(ChannelForm):
    secret_fields = ("routing_key",)

    routing_key = forms.CharField(
        label="Integration key",
        max_length=40,
        help_text="Of an Events API v2 integration on a service: 32 letters and digits.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    region = forms.ChoiceField(
        label="Service region",
        choices=[("us", "United States"), ("eu", "Europe"), (OTHER, "Another address")],
        initial="us",
        help_text="The key is asked for again when this changes.",
    )
    server = forms.CharField(
        label="Address",
        required=False,
        max_length=500,
        help_text="Only for another address: a relay of yours that takes POST /v2/enqueue.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )

    def clean_routing_key(self) -> str:
        key = str(self.cleaned_data["routing_key"]).strip()
        if key and not _KEY.match(key):
            raise forms.ValidationError("An integration key is 32 letters and digits.")
        return key

    def clean_server(self) -> str:
        server = clean_server(self.cleaned_data["server"])
        if self.cleaned_data.get("region") == OTHER and not server:
            raise forms.ValidationError("Give the address, or choose a region.")
        return server


class PagerDuty(Kind):
    name = "pagerduty"
    label = "PagerDuty"
    help = "Opens an incident when something goes wrong and resolves it when it is well again."
    form_class = PagerDutyForm
    has_digests = False  # each incident opens and closes by itself
    cap = Cap(120, 60)

    def store(self, cleaned: Values, known_config: Values, known_secrets: Values) -> Stored:
        region = str(cleaned.get("region") or "us")
        config = {"region": region, "server": cleaned.get("server", "") if region == OTHER else ""}
        is_same = is_same_server(_server_of(config), _server_of(known_config))
        key = kept_secret("routing_key", cleaned, known_secrets, is_same=is_same)
        return Stored(config, {"routing_key": key})

    def show(self, config: Values) -> str:
        return host_of(_server_of(config))

    def preview(self, message: Message, key: str) -> str:
        return f"POST /v2/enqueue\n\n{shown_json(event_of(message, '…', key))}"

    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        routing_key = secrets["routing_key"]
        remember(routing_key)
        event = event_of(message, routing_key, key)
        url = f"{_server_of(config)}/v2/enqueue"
        reply = post(url, to_json(event), JSON_HEADERS, judges=JUDGES)
        if answer_of(reply).get("status") != "success":
            raise SendError("What answered is not PagerDuty's Events API.", status=reply.status)
        return Receipt(reply.status, _said(message, event))


KIND = PagerDuty()


def event_of(message: Message, routing_key: str, key: str) -> dict[str, Any]:
    """The alert event; one that resolves needs no more than its deduplication key."""
    safe = harmless(message)
    is_over = gravity(safe) is Gravity.GOOD
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if is_over else "trigger",
        "dedup_key": dedup_key(message, key),
    }
    if is_over:
        return event
    links = (("Open in TuneBell", safe.url), *safe.links) if safe.url else safe.links
    return {
        **event,
        "client": "TuneBell",
        "client_url": safe.url or f"{settings.SITE_URL}/alerts/",
        "links": [{"href": url, "text": label} for label, url in links],
        "payload": _payload(safe),
    }


def dedup_key(message: Message, key: str) -> str:
    """At most 255 characters; a longer one ends in the digest of the whole.

    A test is an incident of its own each time, or it would hang on a real one's key.
    """
    incident = "".join(sign if sign.isprintable() else "?" for sign in message.incident)
    if not incident or message.name == TEST:
        return f"tunebell:{key}"
    if len(incident) <= MAX_DEDUP_KEY:
        return incident
    digest = sha256(message.incident.encode("utf-8", "backslashreplace")).hexdigest()
    return f"{incident[: MAX_DEDUP_KEY - len(digest) - 1]}:{digest}"


def severity_of(message: Message) -> str:
    """An urgent rule makes what triggers critical; a test never is."""
    if message.is_urgent and message.name != TEST:
        return "critical"
    return SEVERITIES[gravity(message)]


def _payload(safe: Message) -> dict[str, Any]:
    payload = {
        "summary": clean(safe.headline, MAX_SUMMARY) or "An alert without words",
        "source": safe.where or _own_host(),
        "severity": severity_of(safe),
        "timestamp": safe.at,
        "component": safe.subject,
        "group": safe.where,
        "class": safe.type,
        "custom_details": _details(safe),
    }
    return {name: value for name, value in payload.items() if value}


def _details(safe: Message) -> dict[str, Any]:
    told = (("Why", safe.reason), ("Do", safe.next_step), *safe.facts)
    details: dict[str, Any] = {label: text for label, text in told if label and text}
    if safe.entries:
        details["Alerts"] = [entry.headline for entry in safe.entries]
    return details


def _server_of(config: Values) -> str:
    region = str(config.get("region", ""))
    return str(config.get("server", "")) if region == OTHER else REGIONS.get(region, "")


def _own_host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "tunebell"


def _said(message: Message, event: dict[str, Any]) -> str:
    if message.name == TEST:
        return "PagerDuty opened a test incident of severity info. Resolve it there."
    did = "opened or updated" if event["event_action"] == "trigger" else "resolved"
    return clean(f"PagerDuty {did} the incident {event['dedup_key']}.", 200)
