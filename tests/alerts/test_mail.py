"""Mails as a real SMTP server gets them."""

import re
from dataclasses import replace

import pytest

from alerts.channels.base import SendError
from alerts.channels.email import KIND, compose_mail, subject_of
from alerts.digest import digest
from tests.alerts import hostile
from tests.contracts.test_channels import FAILED, KEY

DANA, KIM = "dana@example.com", "kim@example.com"
DONE = replace(FAILED, name="succeeded", word="SUCCEEDED", subject="v8", result="", url="")
DIGEST = digest([DONE] * 2 + [FAILED], "https://bell.example.com/alerts/", "digest-1")


def send(config: dict, message=FAILED) -> None:
    KIND.send(config, {}, message, KEY)


def part(mail, kind: str) -> str:
    return mail.get_body((kind,)).get_content()


def test_one_mail_goes_to_all_addresses(mail_server):
    send({"addresses": [DANA, KIM, DANA]})

    (mail,) = mail_server.mails
    assert mail["To"] == f"{DANA}, {KIM}"


def test_who_is_refused_does_not_keep_the_mail_from_others(mail_server):
    mail_server.to_recipient.append("550 no such user")
    send({"addresses": [DANA, KIM]})

    assert len(mail_server.mails) == 1


@pytest.mark.parametrize(
    ("answers", "is_permanent"),
    [(["550 gone", "550 gone"], True), (["550 gone", "450 greylisted"], False)],
)
def test_the_mail_is_given_up_only_when_nobody_can_ever_get_it(mail_server, answers, is_permanent):
    mail_server.to_recipient.extend(answers)
    with pytest.raises(SendError) as caught:
        send({"addresses": [DANA, KIM]})

    assert caught.value.permanent is is_permanent


def test_a_channel_without_an_address_says_so(mail_server):
    with pytest.raises(SendError, match="no address"):
        send({"addresses": []})


def test_a_long_list_of_addresses_is_shown_short():
    assert KIND.show({"address": DANA}) == DANA
    shown = KIND.show({"addresses": [f"{n}@example.com" for n in range(5)]})
    assert shown == "0@example.com, 1@example.com, 2@example.com and 2 more"


def test_an_address_that_breaks_the_header_is_refused(mail_server):
    with pytest.raises(SendError, match="cannot be written") as caught:
        send({"address": f"{DANA}\r\nBcc: {KIM}"})

    assert caught.value.permanent
    assert mail_server.mails == []


@pytest.mark.parametrize("message", hostile.ALL.values(), ids=hostile.ALL)
def test_hostile_text_in_every_field_stays_in_its_place(mail_server, message):
    send({"address": DANA}, message)

    (mail,) = mail_server.mails
    assert mail["Bcc"] is None
    assert mail.defects == []
    assert len(mail["Subject"].strip()) <= 180
    assert [sign for sign in hostile.SIGNS_NEVER_SENT[2:] if sign in part(mail, "plain")] == []
    assert "<b>x" not in part(mail, "html")


def test_a_digest_says_in_its_subject_how_it_went():
    assert subject_of(DIGEST) == "[3 alerts] 1 failed, 2 succeeded"


def test_a_digest_lists_each_alert_with_its_page_failures_first(mail_server):
    send({"address": DANA}, DIGEST)

    (mail,) = mail_server.mails
    assert part(mail, "plain").splitlines()[:5] == [
        "3 ALERTS  1 failed, 2 succeeded",
        "",
        "- FAILED support-bot-v7 · invalid_training_file",
        "  https://b.example/j/",
        "- SUCCEEDED v8",
    ]
    items = re.findall(r"<li>\s*(.*?)\s*</li>", part(mail, "html"))
    assert items[0] == (
        '<a href="https://b.example/j/">FAILED support-bot-v7 · invalid_training_file</a>'
    )
    assert items[1:] == ["SUCCEEDED v8"] * 2


def test_a_digest_counts_what_it_does_not_list(mail_server):
    send({"address": DANA}, digest([FAILED] * 60, "https://bell.example.com/alerts/", "d"))

    assert "10 more, not listed here" in part(mail_server.mails[0], "plain")
    assert "10 more, not listed here" in part(mail_server.mails[0], "html")


def test_the_html_part_is_small_without_images_and_colours_of_its_own(mail_server):
    send({"address": DANA})
    html = part(mail_server.mails[0], "html")

    assert len(html) < 3000
    assert '<meta name="color-scheme" content="light dark">' in html
    assert not re.search(r"<img|<script|(?<![-\w])(?:color|background)\s*:", html)


def test_links_can_be_clicked():
    message = replace(FAILED, links=(("Compare", "https://b.example/compare/?a=1&b=2"),))
    html = compose_mail([DANA], message, KEY).alternatives[0].content

    assert '<a href="https://b.example/compare/?a=1&amp;b=2">' in html


def test_only_an_urgent_mail_is_marked_important():
    assert compose_mail([DANA], FAILED, KEY).message()["Importance"] is None
    urgent = compose_mail([DANA], replace(FAILED, is_urgent=True), KEY)
    assert urgent.message()["Importance"] == "high"


def test_ids_in_headers_hold_whatever_the_thread_is_called():
    mail = compose_mail([DANA], replace(FAILED, thread="a>\r\nBcc: x@y.z\x00 é"), KEY).message()

    assert re.fullmatch(r"<a---Bcc--x-y.z---@[a-z0-9.]+>|<[\w.-]+@[\w.-]+>", mail["References"])
