"""A Teams workflow's side: what Power Automate and Teams take of a card.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
https://adaptivecards.io/explorer/ (schema 1.4)
"""

import json
import re
from typing import Any

from tests.receiver import Answer
from tests.vendors import VendorSide, shape_fault, unprintable

MOST_BYTES = 28 * 1024
# A mention, and a function of the text features.
LIVE = re.compile(r"</?at\b|\{\{", re.IGNORECASE)

SPACING = {"enum": ["None", "Small", "Default", "Medium", "Large", "ExtraLarge", "Padding"]}
RUN = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "TextRun"},
        "text": {"type": "string", "minLength": 1},
        "size": {"enum": ["Small", "Default", "Medium", "Large", "ExtraLarge"]},
        "weight": {"enum": ["Lighter", "Default", "Bolder"]},
        "color": {"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
        "isSubtle": {"type": "boolean"},
    },
}
# No TextBlock and no FactSet: both read Markdown.
RICH = {
    "type": "object",
    "required": ["type", "inlines"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "RichTextBlock"},
        "inlines": {"type": "array", "minItems": 1, "items": RUN},
        "spacing": SPACING,
    },
}
COLUMN = {
    "type": "object",
    "required": ["type", "items"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "Column"},
        "width": {"type": "string", "pattern": r"^(auto|stretch|\d+px)$"},
        "items": {"type": "array", "items": RICH},
    },
}
COLUMNS = {
    "type": "object",
    "required": ["type", "columns"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "ColumnSet"},
        "spacing": SPACING,
        "columns": {"type": "array", "items": COLUMN},
    },
}
ACTION = {
    "type": "object",
    "required": ["type", "title", "url"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "Action.OpenUrl"},
        "title": {"type": "string", "minLength": 1},
        "url": {"type": "string", "pattern": r"^https?://\S+$"},
    },
}
CARD = {
    "type": "object",
    "required": ["type", "version", "body"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
        "type": {"const": "AdaptiveCard"},
        "version": {"const": "1.4"},
        "msteams": {"const": {"width": "Full"}},
        "body": {"type": "array", "minItems": 1, "items": {"anyOf": [RICH, COLUMNS]}},
        "actions": {"type": "array", "maxItems": 6, "items": ACTION},
    },
}
ATTACHMENT = {
    "type": "object",
    "required": ["contentType", "content"],
    "additionalProperties": False,
    "properties": {
        "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
        "contentUrl": {"type": "null"},
        "content": CARD,
    },
}
SCHEMA = {
    "type": "object",
    "required": ["type", "attachments"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "message"},
        "attachments": {"type": "array", "minItems": 1, "maxItems": 1, "items": ATTACHMENT},
    },
}
_WORKFLOW = (
    "https://prod-96.westeurope.logic.azure.com:443/workflows/b8/triggers/manual/paths/invoke"
)


class TeamsSide(VendorSide):
    form = {"url": f"{_WORKFLOW}?api-version=2016-06-01&sp=%2Ftriggers&sv=1.0&sig=s3cr3t"}
    bad_forms = (
        {"url": ""},
        {"url": f"{_WORKFLOW}?api-version=2016-06-01"},
        {"url": "https://x.environment.api.powerplatform.com:443/powerautomate/1?sig="},
        {"url": "ftp://prod-96.westeurope.logic.azure.com/workflows/b8?sig=x"},
        {"url": "https://169.254.169.254/workflows/b8?sig=x"},
    )
    path = "/workflows/b8/triggers/manual/paths/invoke?api-version=2016-06-01&sig=s3cr3t"

    def judge(self, path: str, content: Any) -> Answer:
        if path != self.path:
            return _refusal(404, "WorkflowNotFound", "The workflow could not be found.")
        if len(json.dumps(content)) > MOST_BYTES:
            return _refusal(413, "RequestEntityTooLarge", "Request Entity too large.")
        fault = fault_of(content)
        return (
            _refusal(400, "TriggerInputSchemaMismatch", fault) if fault else Answer(202, body=b"")
        )

    def text_of(self, content: dict) -> str:
        return "\n".join(texts_of(content["attachments"][0]["content"]))


SIDE = TeamsSide


def fault_of(content: Any) -> str:
    """What is wrong with a message, "" when nothing is."""
    fault = shape_fault(SCHEMA, content) or unprintable(content)
    if fault:
        return fault
    texts = texts_of(content["attachments"][0]["content"])
    live = next((text for text in texts if LIVE.search(text)), "")
    return f"not inert: {live[:40]}" if live else ""


def texts_of(content: Any) -> list[str]:
    """Every text run and title, in reading order."""
    if isinstance(content, list):
        return [text for part in content for text in texts_of(part)]
    if not isinstance(content, dict):
        return []
    own = [content[name] for name in ("text", "title") if name in content]
    return [*own, *(text for part in content.values() for text in texts_of(part))]


def _refusal(status: int, code: str, message: str) -> Answer:
    return Answer(status, body=json.dumps({"error": {"code": code, "message": message}}).encode())
