"""A Bot API server: takes what sendMessage documents and refuses the rest as Telegram does.

https://core.telegram.org/bots/api#sendmessage and #html-style; the sentences are those of
https://github.com/vrumger/telegram-errors. Stricter where the documentation is: unknown parameters
and bare & are refused.
"""

import json
import re
from html import unescape
from ipaddress import ip_address
from urllib.parse import urlsplit

from tests.receiver import Answer, Receiver

TOKEN = "123456789:AAF0-bot-token-of-the-tests_0123456"
CHAT = "-1001234567890"
PARAMETERS = {
    *("chat_id", "text", "parse_mode", "link_preview_options", "disable_notification"),
    *("message_thread_id", "protect_content", "reply_parameters", "reply_markup", "entities"),
}
TAGS = {
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "code",
    "pre",
    "a",
    "blockquote",
}
MARKUP = re.compile(r"<(/?)([a-z]*)((?:\s[^<>]*)?)>|<|>|&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-f]+);)")
HREF = re.compile(r'\s+href="[^"<>]*"\Z')
MAX_UNITS = 4096


def read_html(markup: str) -> str:
    """The text as it is read. Raises ValueError with Telegram's words for markup that is broken."""
    opened: list[str] = []
    for found in MARKUP.finditer(markup):
        closes, name, attributes = found[1], found[2], found[3]
        if name not in TAGS or (attributes and not (name == "a" and HREF.match(attributes))):
            raise ValueError(f"can't parse entities: Unsupported start tag at {found.start()}")
        if not closes:
            opened.append(name)
        elif not opened or opened.pop() != name:
            raise ValueError(f"can't parse entities: Unmatched end tag at {found.start()}")
    if opened:
        raise ValueError(f"can't parse entities: Can't find end tag corresponding to {opened[-1]}")
    return unescape(MARKUP.sub("", markup))


def fault_of(content: dict) -> str:
    """What Telegram says is wrong with the parameters, or ""."""
    if unknown := set(content) - PARAMETERS:
        return f"unknown parameters {sorted(unknown)}"
    if str(content.get("chat_id")) != CHAT:
        return "chat not found"
    if content.get("parse_mode") not in {None, "HTML"}:
        return "unsupported parse_mode"
    return text_fault(content) or button_fault(content)


def text_fault(content: dict) -> str:
    text = content.get("text", "")
    try:
        read = read_html(text) if "parse_mode" in content else text
        units = len(read.strip().encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        return "strings must be encoded in UTF-8"
    except ValueError as error:
        return str(error)
    if not units:
        return "message text is empty"
    return "message is too long" if units > MAX_UNITS else ""


def button_fault(content: dict) -> str:
    rows = content.get("reply_markup", {}).get("inline_keyboard", [])
    for button in (one for row in rows for one in row):
        if not button.get("text") or set(button) != {"text", "url"}:
            return "Text buttons are unallowed in the inline keyboard"
        if not is_taken(button["url"]):
            return f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL"
    return ""


def is_taken(url: str) -> bool:
    """No loopback, no name without a dot: github.com/rubenlagus/TelegramBots/issues/302."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        return parts.scheme in {"http", "https"} and ip_address(host).is_global
    except ValueError:
        return parts.scheme in {"http", "https"} and "." in host and not re.search(r"\s", url)


def refused(status: int, description: str, **more) -> Answer:
    content = {"ok": False, "error_code": status, "description": description, **more}
    return Answer(status, {"content-type": "application/json"}, json.dumps(content).encode())


class BotServer(Receiver):
    """One bot, which is in one chat."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_to(self, path, headers, body) -> Answer:
        if self.script:
            return self.next_answer()
        if path != f"/bot{TOKEN}/sendMessage":
            return refused(401, "Unauthorized")
        if headers.get("content-type") != "application/json":
            return refused(400, "Bad Request: message text is empty")
        if fault := fault_of(json.loads(body)):
            return refused(400, f"Bad Request: {fault}")
        result = {"message_id": len(self.accepted) + 1, "chat": {"id": int(CHAT), "title": "Ops"}}
        return Answer(200, {}, json.dumps({"ok": True, "result": result}).encode())


class TelegramSide:
    form = {"token": TOKEN, "chat_id": CHAT, "server": ""}
    bad_forms = (
        {"token": "", "chat_id": CHAT},
        {"token": "no-colon", "chat_id": CHAT},
        {"token": TOKEN + "/getMe", "chat_id": CHAT},
        {"token": TOKEN, "chat_id": ""},
        {"token": TOKEN, "chat_id": "my chat"},
        {"token": TOKEN, "chat_id": "1\n2"},
        {"token": TOKEN, "chat_id": CHAT, "server": "https://169.254.169.254"},
        {"token": TOKEN, "chat_id": CHAT, "server": "https://bots.example.com/?x=1"},
    )
    busy = 429

    def __init__(self, settings) -> None:
        settings.SITE_URL = "https://bell.example.com"
        self.server = BotServer().up()

    def settings(self) -> tuple[dict, dict]:
        return {"server": self.server.url, "chat_id": CHAT}, {"token": TOKEN}

    def refuse(self) -> None:
        description = "Too Many Requests: busy, retry after 34"
        self.server.script.append(refused(429, description, parameters={"retry_after": 34}))

    def ids(self) -> set[str] | None:
        return None  # the Bot API takes no key of ours

    def count(self) -> int:
        return len(self.server.accepted)

    def texts(self) -> list[str]:
        return [read_html(one.content["text"]) for one in self.server.accepted]

    def close(self) -> None:
        self.server.down()


SIDE = TelegramSide
