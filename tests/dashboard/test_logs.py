"""What a line of the log looks like, and what never stands in it."""

import io
import json
import logging

import pytest
import structlog

from dashboard import logs
from outbound.redact import remember


@pytest.fixture
def lines():
    """Logs into a string with the real configuration: `lines(json_lines=True)`, and what was written."""
    written = io.StringIO()

    def configure(*, json_lines: bool) -> io.StringIO:
        logs.configure(json_lines=json_lines)
        logging.getLogger().handlers[0].setStream(written)
        return written

    before = logging.getLogger().handlers[:]
    yield configure
    logging.getLogger().handlers[:] = before


def test_ids_stand_beside_the_words(lines):
    written = lines(json_lines=True)
    structlog.get_logger("jobs").info("job polled", job=7)
    line = json.loads(written.getvalue())
    assert (line["event"], line["job"], line["level"]) == ("job polled", 7, "info")


def test_people_read_plain_lines(lines):
    written = lines(json_lines=False)
    structlog.get_logger("jobs").info("job polled", job=7)
    assert written.getvalue()[9:] == "info    job polled job=7\n"


@pytest.mark.parametrize("json_lines", [True, False])
def test_secrets_are_masked_whoever_logs_them(lines, json_lines):
    written = lines(json_lines=json_lines)
    remember("a-password-nobody-may-see")
    logging.getLogger("some.library").warning("sent %s to x", "Bearer sk-abcdef0123456789")
    structlog.get_logger("ours").error("failed", reason="a-password-nobody-may-see")
    assert "abcdef0123456789" not in written.getvalue()
    assert "nobody-may-see" not in written.getvalue()


@pytest.mark.parametrize("json_lines", [True, False])
def test_nobody_can_forge_a_line(lines, json_lines):
    written = lines(json_lines=json_lines)
    logging.getLogger("web").warning("path %s", "/x\n12:00:00 info    all is well\r")
    assert len(written.getvalue().splitlines()) == 1


def test_libraries_that_chatter_about_requests_are_quiet(lines):
    written = lines(json_lines=True)
    logging.getLogger("httpx").info("GET https://api.example.com")
    assert written.getvalue() == ""


def test_every_answer_carries_its_request_id(client, db):
    given = client.get("/livez", headers={"X-Request-ID": "abcdef-123456"})
    assert given.headers["X-Request-ID"] == "abcdef-123456"
    made = client.get("/livez", headers={"X-Request-ID": "no good\x01"})
    assert logs.REQUEST_ID.match(made.headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        (
            "/sign-in/",
            (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
                "frame-ancestors 'none'"
            ),
        ),
        ("/readyz", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ],
)
def test_the_content_policy_is_exact(client, db, path, policy):
    assert client.get(path).headers["Content-Security-Policy"] == policy


def test_private_headers_are_set_on_pages(client, db):
    headers = client.get("/sign-in/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
