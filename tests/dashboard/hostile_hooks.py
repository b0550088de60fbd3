"""Webhook requests that nobody would send by accident: a valid one, spoilt in one or more ways, from a seed."""

import base64
import io
import json
import random
import string
from datetime import timedelta

from tests.signing import Hook, a_hook, event_of

NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
LATIN = [chr(number) for number in range(1, 256) if chr(number) not in "\r\n"]
KINDS = ("fine_tuning.job.succeeded", "fine_tuning.job.failed", "response.completed", "", "\u202ex")
MANY_DIGITS = b'{"type": "x", "data": ' + b"9" * 5000 + b"}"
BODIES = (
    *(b"", b"null", b"[]", b"{}", b"\x00", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"NaN", b"1e400"),
    *(b'{"type": "\\ud800"}', b'{"type": "\\u0000"}', b'{"type": {}}', b'{"type": ["x"]}'),
    *(b"[" * 20_000, b'{"a":' * 5_000, MANY_DIGITS, b'{"type": "x"}' * 2, b'{"type": "a", "type": 1}'),
)  # fmt: skip


class Hostile:
    def __init__(self, seed: int, job_ids: list[str], paths: list[str]) -> None:
        self.dice, self.job_ids, self.paths = random.Random(seed), job_ids, paths

    def environ(self) -> dict:
        """A request as a server would hand it to the site."""
        hook = self._hook()
        for _ in range(self.dice.choice((0, 1, 1, 1, 2, 3))):
            hook = self.dice.choice(self.WAYS)(self, hook)
        if self.dice.random() < 0.01:
            hook = self._huge_body(hook)
        environ = {
            "REQUEST_METHOD": self.dice.choice(("POST",) * 40 + ("GET", "PUT", "HEAD", "OPTIONS")),
            "PATH_INFO": self.dice.choice(self.paths),
            "QUERY_STRING": self.dice.choice(("",) * 20 + ("a=%ff", "%00")),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": self.dice.choice(("application/json",) * 9 + (self._text(20),)),
            "CONTENT_LENGTH": str(len(hook.body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(hook.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.input_terminated": self.dice.random() < 0.5,
        }
        if self.dice.random() < 0.05:
            environ["CONTENT_LENGTH"] = self.dice.choice(("", "x", "-1", "0", "7", "9" * 20, "²"))
        headers = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in hook.headers.items()}
        return environ | headers

    def _hook(self) -> Hook:
        job_id = self.dice.choice([*self.job_ids, "ftjob-unknown", self._text(200)])
        event = event_of(job_id, self.dice.choice(KINDS))
        return a_hook(event, webhook_id=self.dice.choice((None, None, "wh_again")))

    def _text(self, most: int) -> str:
        return "".join(self.dice.choices(LATIN, k=self.dice.randrange(most)))

    def _leave_out(self, hook: Hook) -> Hook:
        return hook.without(self.dice.choice(NAMES))

    def _replace(self, hook: Hook) -> Hook:
        return hook.with_header(self.dice.choice(NAMES), self._text(60))

    def _empty(self, hook: Hook) -> Hook:
        return hook.with_header(self.dice.choice(NAMES), self.dice.choice(("", " ", ",", ".")))

    def _double(self, hook: Hook) -> Hook:
        name = self.dice.choice(NAMES)
        value = hook.headers.get(name, "")
        return hook.with_header(name, f"{value}{self.dice.choice((',', ', ', ' '))}{value}")

    def _swell(self, hook: Hook) -> Hook:
        return hook.with_header(self.dice.choice(NAMES), "v1," + "A" * self.dice.randrange(9000))

    def _insert(self, hook: Hook) -> Hook:
        name = self.dice.choice(NAMES)
        value = hook.headers.get(name, "")
        at = self.dice.randrange(len(value) + 1)
        return hook.with_header(name, value[:at] + self.dice.choice(LATIN) + value[at:])

    def _other_time(self, hook: Hook) -> Hook:
        seconds = hook.headers.get("webhook-timestamp", "0")
        forms = (f"{seconds}.0", f"+{seconds}", f" {seconds}", f"-{seconds}", "1e9", "inf", "nan")
        more = (seconds + "0" * 30, "0" + seconds, "²³", "0x10", seconds[:5] + "_" + seconds[5:])
        return hook.with_header("webhook-timestamp", self.dice.choice(forms + more))

    def _other_signature(self, hook: Hook) -> Hook:
        good = hook.headers.get("webhook-signature", "")
        forms = ("v1", "v1,", good[3:], f"v1a,{good[3:]}", f"v2,x {good}", f"{good} v1", "v1,====")
        more = (f" {good}", f"{good}  v1a,x", good.lower(), good.rstrip("="), "v1,é", "v1," * 99)
        return hook.with_header("webhook-signature", self.dice.choice(forms + more))

    def _other_age(self, hook: Hook) -> Hook:
        age = timedelta(seconds=self.dice.choice((-400, -200, 200, 400, 10**6, -(10**6))))
        return a_hook(hook.body, age=age) if _is_text(hook.body) else hook

    def _spoil_body(self, hook: Hook) -> Hook:
        at = self.dice.randrange(len(hook.body) + 1)
        body = hook.body[:at] + self.dice.randbytes(self.dice.randrange(4)) + hook.body[at + 1 :]
        return Hook(hook.headers, body)

    def _sign_any_body(self, _hook: Hook) -> Hook:
        body = self.dice.choice((*BODIES, json.dumps(self._value(3)).encode()))
        return a_hook(body) if _is_text(body) else Hook(a_hook("x").headers, body)

    def _huge_body(self, _hook: Hook) -> Hook:
        size = self.dice.choice((200_000, 262_144, 262_145, 300_000))
        return a_hook(b'{"type": "x"}'.ljust(size))

    def _other_secret(self, hook: Hook) -> Hook:
        secret = "whsec_" + base64.b64encode(self.dice.randbytes(24)).decode()
        return a_hook(hook.body, secret) if _is_text(hook.body) else hook

    def _cookie(self, hook: Hook) -> Hook:
        return hook.with_header("cookie", f"tunebell={self._text(30)}; csrf={self._text(9)}")

    def _value(self, depth: int) -> object:
        plain = (None, True, -1, 1e300, "fine_tuning.job.failed", "", *string.punctuation)
        if not depth or self.dice.random() < 0.3:
            return self.dice.choice(plain)
        if self.dice.random() < 0.2:
            return [self._value(depth - 1) for _ in range(3)]
        keys = ("type", "data", "id", "object", "\u0000", "created_at")
        return {key: self._value(depth - 1) for key in self.dice.sample(keys, 3)}

    WAYS = (
        *(_leave_out, _replace, _empty, _double, _swell, _insert, _other_time, _other_signature),
        *(_other_age, _spoil_body, _sign_any_body, _other_secret, _cookie),
        *(
            _leave_out,
            _replace,
            _insert,
            _other_time,
            _other_signature,
            _spoil_body,
            _sign_any_body,
        ),
    )


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
