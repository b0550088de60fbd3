"""E-mail through the operator's SMTP server (EMAIL_URL): plain text, and a small HTML part."""

import re
import smtplib
from collections.abc import Sequence
from email.utils import parseaddr
from operator import itemgetter
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string

from alerts.channels.base import (
    SEND_DEADLINE_S,
    Cap,
    ChannelForm,
    Kind,
    Receipt,
    SendError,
    Values,
    short_answer,
)
from alerts.channels.layout import harmless
from alerts.message import LABEL_WIDTH, Message
from alerts.plaintext import clean

# For one step of the conversation; the caller gives the whole of it up after SEND_DEADLINE_S.
STEP_TIMEOUT_S = SEND_DEADLINE_S / 2
MAX_SUBJECT = 180
SHOWN_ADDRESSES = 3
ACCEPTED = 250
PERMANENT = 500
NO_MAIL = ("console.EmailBackend", "dummy.EmailBackend")


class EmailForm(ChannelForm):
    address = forms.EmailField(
        label="Address",
        max_length=254,
        help_text="One person or a mailing list.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class Email(Kind):
    name = "email"
    label = "E-mail"
    help = "Sends an e-mail to a person or a list. Needs a mail server (EMAIL_URL)."
    form_class = EmailForm
    cap = Cap(30, 60)  # ours: what a small mail server takes without greylisting us

    def show(self, config: Values) -> str:
        addresses = addresses_of(config)
        more = len(addresses) - SHOWN_ADDRESSES
        shown = ", ".join(addresses[:SHOWN_ADDRESSES])
        return f"{shown} and {more} more" if more > 0 else shown

    def preview(self, message: Message, key: str) -> str:
        mail = compose_mail(["dana@example.com"], message, key)
        return f"Subject: {mail.subject}\n\n{mail.body}"

    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        del secrets
        if settings.EMAIL_BACKEND.endswith(NO_MAIL):
            raise SendError("No mail server is set up. Set EMAIL_URL and start TuneBell again.")
        addresses = addresses_of(config)
        if not addresses:
            raise SendError("The channel has no address.")
        connection = get_connection(timeout=STEP_TIMEOUT_S)
        mail = compose_mail(addresses, message, key)
        mail.connection = connection
        try:
            connection.open()
            mail.send()
        except Exception as error:
            raise _refusal(error) from error
        finally:
            _close(connection)
        return Receipt(ACCEPTED, "The mail server took it.")


KIND = Email()


def addresses_of(config: Values) -> list[str]:
    """Where the mail goes, each address once: `addresses`, or the one `address`."""
    found = config.get("addresses") or [config.get("address", "")]
    return list(dict.fromkeys(str(one) for one in found if one))


def compose_mail(addresses: Sequence[str], message: Message, key: str) -> EmailMultiAlternatives:
    """The mail of an alert. The same key gives the same Message-ID; one job's mails are a thread."""
    safe = harmless(message)
    host = _own_host()
    thread = f"<{_id(safe.thread or key)}@{host}>"
    alerts_page = f"{settings.SITE_URL}/alerts/"
    headers = {
        "Message-ID": f"<{_id(key)}@{host}>",
        "References": thread,
        "In-Reply-To": thread,
        "List-Unsubscribe": f"<{alerts_page}>",
        "Auto-Submitted": "auto-generated",
    }
    mail = EmailMultiAlternatives(
        subject_of(safe),
        f"{text_of(safe)}\n\n--\nSent by TuneBell. Change who is told: {alerts_page}\n",
        settings.DEFAULT_FROM_EMAIL,
        list(addresses),
        headers={**headers, "Importance": "high"} if safe.is_urgent else headers,
    )
    context = {"message": safe, "rows": _rows(safe), "alerts_page": alerts_page}
    mail.attach_alternative(render_to_string("alerts/mail.html", context), "text/html")
    return mail


def subject_of(message: Message) -> str:
    """[failed] support-bot-v7 (prod-eu): invalid_training_file; [12 alerts] 3 failed, 9 succeeded."""
    name = message.word.lower() if message.is_digest else message.name
    where = f" ({message.where})" if message.where and message.where != message.subject else ""
    result = f": {message.result}" if message.result else ""
    return clean(f"[{name}] {message.subject}{where}{result}", MAX_SUBJECT)


def text_of(message: Message) -> str:
    """The plain part; of a digest, each alert with the page to open below it."""
    if not message.is_digest:
        return message.text
    listed = [
        f"- {entry.headline}" + (f"\n  {entry.url}" if entry.url else "")
        for entry in message.entries
    ]
    rest = [f"{label:<{LABEL_WIDTH}}{text}" for label, text in message.lines]
    return "\n".join([message.headline, "", *listed, "", *rest])


def _rows(message: Message) -> list[tuple[str, str, str]]:
    """Label, text, and the address where the text is one."""
    addresses = {message.url, *(url for _label, url in message.links)}
    return [(label, text, text if text in addresses else "") for label, text in message.lines]


def _id(text: str) -> str:
    """What stands before the @ of a Message-ID: nothing there may end the header."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)


def _own_host() -> str:
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return urlsplit(settings.SITE_URL).hostname or sender.rpartition("@")[2] or "localhost"


def _close(connection: object) -> None:
    """A server that stumbles over QUIT has taken the mail all the same."""
    try:
        connection.close()  # type: ignore[attr-defined]  # every mail backend has it
    except (OSError, smtplib.SMTPException):
        return


def _refusal(error: Exception) -> SendError:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        # With several addresses one may be greylisted only: then the mail is worth another try.
        code, answer = min(error.recipients.values(), key=itemgetter(0), default=(0, b""))
        return _answered("refused the recipient", code, answer, permanent=code >= PERMANENT)
    if isinstance(error, smtplib.SMTPResponseException):
        # A sender or a password that is refused can be mended here: then the mail is kept.
        is_mail = isinstance(error, smtplib.SMTPDataError)
        permanent = is_mail and error.smtp_code >= PERMANENT
        what = "refused the mail" if is_mail else "refused us"
        return _answered(what, error.smtp_code, error.smtp_error, permanent=permanent)
    sentence = next((text for kind, text in _TROUBLES if isinstance(error, kind)), "")
    if not sentence:
        raise error
    is_unwritable = isinstance(error, ValueError)
    return SendError(sentence.format(clean(error, 120)), permanent=is_unwritable)


_TROUBLES: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPServerDisconnected, "The mail server broke the connection off."),
    (TimeoutError, "The mail server took too long."),
    (smtplib.SMTPException, "The mail server cannot be used: {}"),
    (OSError, "The mail server cannot be reached: {}"),
    # Line breaks in a header, or an address that cannot be encoded.
    (ValueError, "The mail cannot be written with this address."),
)


def _answered(what: str, code: int, answer: bytes | str, *, permanent: bool) -> SendError:
    raw = answer if isinstance(answer, bytes) else answer.encode()
    detail = f"The mail server {what}: {code} {short_answer(raw)}".rstrip()
    return SendError(detail, status=code if code > 0 else None, permanent=permanent)
