"""A kind of channel for people, over a real socket: it has digests and a cap, and shows what was said."""

import json

from alerts.channels.base import Cap, Receipt, Values
from alerts.channels.http import post, receipt_of
from alerts.channels.webhook import Webhook
from alerts.message import Message


class Chat(Webhook):
    name = "chat"
    label = "Chat"
    has_digests = True
    cap = Cap(20, 60)

    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        del config
        said = {
            "text": message.text,
            "url": message.url,
            "thread": message.thread,
            "entries": [entry.name for entry in message.entries],
            "hidden": message.hidden,
        }
        headers = {"content-type": "application/json", "webhook-id": key}
        return receipt_of(post(secrets["url"], json.dumps(said).encode(), headers))
