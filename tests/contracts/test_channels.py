"""What every kind of channel keeps to, over a real receiver of its own."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.conf import settings

from alerts import channels
from alerts.channels.base import SEND_DEADLINE_S, Receipt, SendError, retry_after
from alerts.channels.email import compose_mail, subject_of
from alerts.channels.webhook import MAX_BODY_BYTES, is_secret, new_secret, payload
from alerts.digest import digest
from alerts.happening import Happening, JobFacts
from alerts.message import Message, compose
from tests.channel_sides import SIDES
from tests.receiver import Answer, Receiver

AT = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
KEY = "0191f3a2-7c1e-7d11-9a55-0d0e6d2f3a11"
HOSTILE = "<!channel> @everyone <b>x</b>\r\nBcc: a@b.c\x00\u202egnp \ud800" + "z" * 5000
JOB = JobFacts("ftjob-a41", "support-bot-v7", "failed", error_code="invalid_training_file")
FAILED = compose(
    Happening("failed", "running", AT, "", "prod-eu", "Prod", "https://b.example/j/", "job-1", JOB)
)
HOSTILE_JOB = replace(JOB, name=HOSTILE, error_code=HOSTILE, error_message=HOSTILE)
INERT = compose(
    Happening("failed", "running", AT, HOSTILE, "prod-eu", HOSTILE, "", "job-1", HOSTILE_JOB)
)


@pytest.fixture(params=list(channels.kinds()))
def kind(request):
    return channels.kinds()[request.param]


@pytest.fixture
def side(kind, settings):
    side = SIDES[kind.name](settings)
    yield side
    side.close()


def test_every_kind_has_a_receiver_here():
    assert set(SIDES) == set(channels.kinds())


def test_a_kind_says_what_it_is(kind):
    assert kind.label
    assert kind.help.endswith(".")
    assert set(kind.secret_fields) <= set(kind.form_class().fields)


def test_a_kind_has_its_steps_in_the_documentation(kind):
    steps = (settings.BASE_DIR / "docs/howto/channels.md").read_text()

    assert f"\n## {kind.label}\n" in steps


def test_a_message_arrives_and_the_receipt_says_what_was_answered(kind, side):
    receipt = kind.send(*side.settings(), FAILED, KEY)

    assert isinstance(receipt, Receipt)
    assert receipt.answer
    assert side.count() == 1


def test_two_tries_carry_one_id(kind, side):
    config, secrets = side.settings()
    kind.send(config, secrets, FAILED, KEY)
    kind.send(config, secrets, FAILED, KEY)

    ids = side.ids()
    assert ids is None or [KEY in one or FAILED.incident == one for one in ids] == [True]


def test_hostile_text_arrives_as_text(kind, side):
    assert kind.send(*side.settings(), INERT, KEY).answer
    (text,) = side.texts()
    assert "everyone" in text
    assert "\u202e" not in text


def test_a_digest_of_hostile_alerts_arrives_as_text(kind, side):
    if kind.has_digests:
        many = digest([FAILED, INERT] * 40, "https://b.example/alerts/", "digest-1")
        assert kind.send(*side.settings(), many, KEY).answer
        assert "support-bot-v7" in side.texts()[0]


@pytest.mark.parametrize(
    # A kind may escape what is special to it, but no letter.
    ("message", "seen"),
    [(FAILED, "support-bot-v7"), (INERT, "everyone")],
    ids=["plain", "hostile"],
)
def test_a_preview_shows_what_is_sent_and_no_secret(kind, message, seen):
    assert seen in kind.preview(message, KEY)


def test_a_refusal_is_retryable_and_says_what_was_answered(kind, side):
    side.refuse()
    with pytest.raises(SendError) as caught:
        kind.send(*side.settings(), FAILED, KEY)

    assert caught.value.retryable
    assert caught.value.status == side.busy
    assert "busy" in caught.value.detail


def test_a_receiver_that_is_gone_is_retryable(kind, side):
    values = side.settings()
    side.close()
    with pytest.raises(SendError) as caught:
        kind.send(*values, FAILED, KEY)

    assert caught.value.retryable
    assert caught.value.status is None


def test_good_values_pass_the_form(kind):
    form = kind.form_class(SIDES[kind.name].form)

    assert form.is_valid(), form.errors


def test_bad_values_are_refused_by_the_form(kind):
    bad_forms = SIDES[kind.name].bad_forms

    assert [values for values in bad_forms if kind.form_class(values).is_valid()] == []


def test_no_form_shows_a_secret(kind):
    known = dict.fromkeys(kind.secret_fields, "s3cr3t-value")

    assert "s3cr3t-value" not in str(kind.form_class(initial=known, is_edit=True))


def test_what_is_shown_holds_no_secret(kind, side):
    config, secrets = side.settings()

    shown = kind.show(config)
    assert shown
    assert not [value for value in secrets.values() if value in shown]


def test_the_test_button_goes_the_same_way(db, receiver_channel):
    channel, receiver = receiver_channel
    receiver.script.append(Answer(200, body=b"thank you"))

    assert channels.send_test(channel).answer == "thank you"
    assert receiver.journal[0].content["type"] == "channel.test"


def test_the_test_button_shows_what_was_answered(db, receiver_channel):
    channel, receiver = receiver_channel
    receiver.script.append(Answer(403, body=b"who <b>are</b> you\n\x1b[31m"))

    with pytest.raises(SendError, match=r"answered 403. who <b>are</b> you \[31m$"):
        channels.send_test(channel)


@pytest.fixture
def receiver_channel(db):
    from alerts.setup import create_channel
    from tests.builders import a_team

    receiver = Receiver().up()
    yield create_channel(a_team(), "webhook", "Ops", {"url": receiver.url}).channel, receiver
    receiver.down()


def test_gone_is_told_apart():
    receiver = Receiver().up()
    receiver.script.append(Answer(410))
    secrets = {"url": receiver.url, "secret": new_secret()}
    with pytest.raises(SendError) as caught:
        channels.kinds()["webhook"].send({}, secrets, FAILED, KEY)
    receiver.down()

    assert caught.value.gone
    assert not caught.value.retryable


def test_a_body_stays_below_twenty_kilobytes():
    wide = {**FAILED.data, "facts": {f"metric-{number}": "x" * 100 for number in range(300)}}
    message = Message.from_json({**FAILED.to_json(), "data": wide})
    body = payload(message)

    assert len(body) <= MAX_BODY_BYTES
    assert json.loads(body)["data"]["job"]["id"] == "ftjob-a41"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "whsec_!!!", "é" * 40])
def test_a_weak_or_broken_secret_is_none(secret):
    assert not is_secret(secret)


def test_a_secret_of_ours_is_32_random_bytes():
    assert is_secret(new_secret())
    assert new_secret() != new_secret()


def test_the_subject_tells_state_name_place_and_code():
    assert subject_of(FAILED) == "[failed] support-bot-v7 (prod-eu): invalid_training_file"


def test_mails_of_one_job_are_one_thread(settings):
    settings.SITE_URL = "https://bell.example.com"
    first, second = (compose_mail(["d@e.com"], FAILED, key).message() for key in ("a", "b"))

    assert first["References"] == second["References"] == "<job-1@bell.example.com>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["List-Unsubscribe"] == "<https://bell.example.com/alerts/>"


def test_the_html_part_escapes_what_providers_say():
    mail = compose_mail(["d@e.com"], INERT, KEY)
    html = mail.alternatives[0].content

    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "\n" not in mail.subject


@pytest.mark.parametrize("code", ["550 no such user", "553 never"])
def test_an_unknown_recipient_is_permanent(settings, code):
    side = SIDES["email"](settings)
    side.server.to_recipient.append(code)
    with pytest.raises(SendError) as caught:
        channels.kinds()["email"].send(*side.settings(), FAILED, KEY)
    side.close()

    assert caught.value.permanent
    assert code[4:] in caught.value.detail


def test_mail_without_a_mail_server_is_no_success(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    with pytest.raises(SendError, match="EMAIL_URL"):
        channels.kinds()["email"].send({"address": "d@e.com"}, {}, FAILED, KEY)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("Sun, 22 Nov 2026 14:03:00 GMT", 60),
        ("Sun, 22 Nov 2026 14:01:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1e9", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value, AT) == seconds


def test_a_send_ends_well_within_its_lease():
    from alerts.claims import SEND_LEASE

    assert SEND_LEASE.total_seconds() > 2 * SEND_DEADLINE_S
