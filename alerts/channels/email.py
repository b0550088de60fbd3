"""E-mail through the operator's SMTP server (EMAIL_URL): plain text, and a small HTML part."""

import smtplib
from email.utils import parseaddr
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
from alerts.message import Message
from alerts.plaintext import clean

# For one step of the conversation; the caller gives the whole of it up after SEND_DEADLINE_S.
STEP_TIMEOUT_S = SEND_DEADLINE_S / 2
MAX_SUBJECT = 180
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
    help = "Sends a mail through the server that EMAIL_URL names."
    form_class = EmailForm
    cap = Cap(30, 60)  # ours: what a small mail server takes without greylisting us

    def show(self, config: Values) -> str:
        return str(config.get("address", ""))

    def preview(self, message: Message, key: str) -> str:
        mail = compose_mail("dana@example.com", message, key)
        return f"Subject: {mail.subject}\n\n{mail.body}"

    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        del secrets
        if settings.EMAIL_BACKEND.endswith(NO_MAIL):
            raise SendError("No mail server is set up. Set EMAIL_URL and start TuneBell again.")
        connection = get_connection(timeout=STEP_TIMEOUT_S)
        mail = compose_mail(str(config.get("address", "")), message, key)
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


def compose_mail(address: str, message: Message, key: str) -> EmailMultiAlternatives:
    """The mail of an alert. The same key gives the same Message-ID; one job's mails are a thread."""
    host = _own_host()
    thread = f"<{message.thread or key}@{host}>"
    alerts_page = f"{settings.SITE_URL}/alerts/"
    mail = EmailMultiAlternatives(
        subject_of(message),
        f"{message.text}\n\n--\nSent by TuneBell. Change who is told: {alerts_page}\n",
        settings.DEFAULT_FROM_EMAIL,
        [address],
        headers={
            "Message-ID": f"<{key}@{host}>",
            "References": thread,
            "In-Reply-To": thread,
            "List-Unsubscribe": f"<{alerts_page}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    html = render_to_string("alerts/mail.html", {"message": message, "alerts_page": alerts_page})
    mail.attach_alternative(html, "text/html")
    return mail


def subject_of(message: Message) -> str:
    """[failed] support-bot-v7 (prod-eu): invalid_training_file."""
    where = f" ({message.where})" if message.where and message.where != message.subject else ""
    result = f": {message.result}" if message.result else ""
    return clean(f"[{message.name}] {message.subject}{where}{result}", MAX_SUBJECT)


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
        code, answer = next(iter(error.recipients.values()), (0, b""))
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
