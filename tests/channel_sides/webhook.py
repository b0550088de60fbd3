"""Any HTTP receiver, which finds the id in the headers of Standard Webhooks."""

from alerts.channels.webhook import new_secret
from tests.receiver import Answer, Receiver


class WebhookSide:
    form = {"url": "https://hooks.example.com/x", "secret": ""}
    bad_forms = (
        {"url": "", "secret": ""},
        {"url": "ftp://hooks.example.com/", "secret": ""},
        {"url": "https://169.254.169.254/", "secret": ""},
        {"url": "https://user:pw@hooks.example.com/", "secret": ""},
        {"url": "https://hooks.example.com/", "secret": "short"},
    )
    busy = 503  # what a refusal of this side answers

    def __init__(self, _settings) -> None:
        self.server = Receiver().up()

    def settings(self) -> tuple[dict, dict]:
        return {"host": "127.0.0.1"}, {"url": self.server.url, "secret": new_secret()}

    def refuse(self) -> None:
        self.server.script.append(Answer(503, {"Retry-After": "30"}, b"busy"))

    def ids(self) -> set[str] | None:
        """The ids that tell tries apart; None where the vendor takes none."""
        return {one.key for one in self.server.journal}

    def count(self) -> int:
        """How many messages were taken. A vendor's side takes only what its documentation allows."""
        return len(self.server.accepted)

    def texts(self) -> list[str]:
        """What a reader of each taken message would see, as one text."""
        return [one.body.decode() for one in self.server.accepted]

    def close(self) -> None:
        self.server.down()


SIDE = WebhookSide
