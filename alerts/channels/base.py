"""What a kind of channel is. A new kind is one file beside this one with a `KIND` in it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from django import forms

from alerts.message import Message
from outbound.redact import hide, redact

MAX_ANSWER = 200
# One exchange with a receiver, from the first byte to the last.
SEND_DEADLINE_S = 20.0

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receiver took the message. `answer`: what it said, cut and redacted."""

    status: int | None = None
    answer: str = ""


class SendError(Exception):
    """The receiver did not take the message.

    `detail`: one sentence for people. `permanent`: no further try helps this message. `gone`: the
    receiver asked for no more messages at all. `retry_after`: seconds it asked to wait.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        permanent: bool = False,
        gone: bool = False,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        self.permanent = permanent
        self.gone = gone

    @property
    def retryable(self) -> bool:
        return not (self.permanent or self.gone)


class ChannelForm(forms.Form):
    """Adds or edits a channel. Secret fields are never filled in; left empty on edit, they stay."""

    secret_fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, is_edit: bool = False, **kwargs: Any) -> None:  # noqa: ANN401  # Django's own
        super().__init__(*args, **kwargs)
        self.is_edit = is_edit
        for name in self.secret_fields:
            if is_edit:
                self.fields[name].required = False
                self.initial.pop(name, None)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a form's values become: `config` may be shown, `secrets` are sealed.

    `new_secret`: made by us, to be shown once.
    """

    config: dict[str, Any]
    secrets: dict[str, str]
    new_secret: str = ""


@dataclass(frozen=True, slots=True)
class Cap:
    """What a receiver takes at most: so many messages in so many seconds."""

    messages: int
    seconds: float


class Kind(ABC):
    """A way to tell people. Stateless; `send` is called from threads and never meets the database."""

    name: ClassVar[str]
    label: ClassVar[str]
    help: ClassVar[str] = ""
    form_class: ClassVar[type[ChannelForm]]
    # People get a digest when much happens at once; a machine gets each event by itself.
    has_digests: ClassVar[bool] = True
    cap: ClassVar[Cap | None] = None  # of one channel, from the vendor's documentation

    @property
    def secret_fields(self) -> tuple[str, ...]:
        return self.form_class.secret_fields

    def store(self, cleaned: Values, known_config: Values, known_secrets: Values) -> Stored:
        """What to keep of a form's values; a secret left empty stays as it is known."""
        del known_config
        config = {name: value for name, value in cleaned.items() if name not in self.secret_fields}
        secrets = {
            name: str(cleaned.get(name) or known_secrets.get(name, ""))
            for name in self.secret_fields
        }
        return Stored(config, {name: value for name, value in secrets.items() if value})

    @abstractmethod
    def show(self, config: Values) -> str:
        """Where messages go, as far as everybody may see it."""

    @abstractmethod
    def preview(self, message: Message, key: str) -> str:
        """Exactly what would be sent, as text to look at: without secrets, JSON indented."""

    @abstractmethod
    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        """Deliver once, within SEND_DEADLINE_S. `key`: the same on every try. Raises SendError."""


def short_answer(raw: bytes, hidden: Iterable[str] = ()) -> str:
    """The beginning of an answer as one redacted line. `hidden`: the secrets of this channel."""
    # Redacted before it is cut: half a secret is not recognised.
    text = redact(hide(raw.decode("utf-8", "replace"), hidden))[: 4 * MAX_ANSWER]
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return redact(" ".join(printable.split()))[:MAX_ANSWER]


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which is a number or an HTTP date; None when it is neither."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        return None
    return max((at - now).total_seconds(), 0.0)
