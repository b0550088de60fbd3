"""A real SMTP server."""

from tests.receiver import MailServer


class EmailSide:
    form = {"address": "dana@example.com"}
    bad_forms = ({"address": ""}, {"address": "dana"}, {"address": "d@e.com\nBcc: x@y.zz"})
    busy = 451

    def __init__(self, settings) -> None:
        self.server = MailServer()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", self.server.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.SITE_URL = "https://bell.example.com"

    def settings(self) -> tuple[dict, dict]:
        return {"address": "dana@example.com"}, {}

    def refuse(self) -> None:
        self.server.to_mail.append("451 busy")

    def ids(self) -> set[str] | None:
        return {mail["Message-ID"] for mail in self.server.mails}

    def count(self) -> int:
        return len(self.server.mails)

    def texts(self) -> list[str]:
        return [mail.get_body(("plain",)).get_content() for mail in self.server.mails]

    def close(self) -> None:
        self.server.close()


SIDE = EmailSide
