"""What the receivers of vendors share: they look at each payload and refuse what the vendor would."""

import json
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator

from tests.receiver import Answer, Receiver

INVISIBLE = {"Cc", "Cf", "Cs", "Co"}


class VendorReceiver(Receiver):
    """`judges`: the vendor's answer to a path, headers and JSON; what is scripted comes first."""

    def __init__(self, judges: Callable[[str, Any], Answer], path: str) -> None:
        super().__init__()
        self._judges, self._path = judges, path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self._path}"

    def answer_to(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self.script:
            return self.next_answer()
        if headers.get("content-type") != "application/json":
            return Answer(400, body=b"not JSON")
        try:
            content = json.loads(body)
        except ValueError:
            return Answer(400, body=b"not JSON")
        return self._judges(path, content)


class VendorSide(ABC):
    """The side of a channel that is one URL. A kind says how the vendor judges and what is read."""

    path = "/"
    busy = 503

    def __init__(self, _settings) -> None:
        self.server = VendorReceiver(self.judge, self.path).up()

    @abstractmethod
    def judge(self, path: str, content: Any) -> Answer:
        """What the vendor answers to this payload."""

    @abstractmethod
    def text_of(self, content: dict) -> str:
        """What a reader sees."""

    def settings(self) -> tuple[dict, dict]:
        return {"host": "127.0.0.1"}, {"url": self.server.url}

    def refuse(self) -> None:
        self.server.script.append(Answer(self.busy, {"Retry-After": "30"}, b"busy"))

    def ids(self) -> set[str] | None:
        """A chat room takes no id: two tries may become two messages."""
        return None

    def count(self) -> int:
        return len(self.server.accepted)

    def texts(self) -> list[str]:
        return [self.text_of(one.content) for one in self.server.accepted]

    def close(self) -> None:
        self.server.down()


def shape_fault(schema: dict, content: Any) -> str:
    """Where the content breaks the schema, "" when nowhere."""
    error = next(Draft202012Validator(schema).iter_errors(content), None)
    return f"{error.json_path}: {error.message[:80]}" if error else ""


def strings(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content.values() if isinstance(content, dict) else content
    return [text for part in parts for text in strings(part)] if _is_nested(content) else []


def unprintable(content: Any) -> str:
    """The first sign that must not reach a reader, "" when there is none. Line breaks may."""
    signs = (sign for text in strings(content) for sign in text if sign != "\n")
    return next((repr(sign) for sign in signs if unicodedata.category(sign) in INVISIBLE), "")


def _is_nested(content: Any) -> bool:
    return isinstance(content, dict | list)
