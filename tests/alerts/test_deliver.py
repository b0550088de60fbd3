from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from alerts import channels, setup
from alerts.models import Attempt, Channel, Delivery
from alerts.outbox import announce, deliver, resend, resend_dead
from tests.alerts.house import LONG_AGO, make_due, the_delivery
from tests.alerts.together import in_background
from tests.builders import a_transition
from tests.receiver import Answer
from tests.servers import eventually


def waits_s(at: datetime) -> float:
    return (at - datetime.now(UTC)).total_seconds()


def test_an_end_reaches_the_receiver(house, receiver):
    house.hook(receiver)
    transition = house.ends()

    assert deliver().sent == 1
    content = receiver.journal[0].content
    assert content["type"] == "job.failed"
    assert content["data"]["job"]["id"] == transition.job.provider_id
    assert content["data"]["job"]["status"] == "failed"


def test_what_was_sent_is_marked_with_its_attempt(house, receiver):
    house.hook(receiver)
    house.ends()
    deliver()

    delivery = the_delivery()
    assert (delivery.state, delivery.claims, delivery.lease_token) == ("sent", 0, None)
    assert delivery.sent_at is not None
    attempt = delivery.attempts.get()
    assert (attempt.is_sent, attempt.status_code, attempt.answer) == (True, 200, "ok")


def test_the_signature_verifies_with_the_reference_library(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    deliver()

    arrival = receiver.journal[0]
    secret = channels.secrets_of(channel)["secret"]
    assert Webhook(secret).verify(arrival.body, arrival.headers)["type"] == "job.failed"


def test_a_second_run_sends_nothing_again(house, receiver):
    house.hook(receiver)
    house.ends()
    deliver()
    deliver()

    assert len(receiver.journal) == 1


@pytest.mark.parametrize("status", [400, 404, 408, 425, 429, 500, 503])
def test_a_refusal_is_tried_again_under_the_same_key(house, receiver, status):
    house.hook(receiver)
    house.ends()
    receiver.script.append(Answer(status))
    assert deliver().failed == 1
    make_due()

    assert deliver().sent == 1
    assert [one.status for one in receiver.journal] == [status, 200]
    assert len({one.key for one in receiver.journal}) == 1


def test_failures_walk_down_the_schedule(house, receiver):
    house.hook(receiver)
    house.ends()
    receiver.usual = Answer(500)
    waits = []
    for _ in range(4):
        deliver()
        waits.append(waits_s(the_delivery().next_attempt_at))
        make_due()

    # 5 s, 30 s, 5 min and 30 min, each within a fifth and some time for the test itself
    assert all(
        0.8 * delay - 10 <= wait <= 1.2 * delay + 1
        for wait, delay in zip(waits, [5, 30, 300, 1800], strict=True)
    )


def test_nine_failures_give_up_and_say_why(house, receiver):
    house.hook(receiver)
    house.ends()
    receiver.usual = Answer(500, body=b"database is full")
    for _ in range(12):
        deliver()
        make_due()

    delivery = the_delivery()
    assert (delivery.state, len(receiver.journal)) == ("dead", 9)
    assert delivery.reason == (
        "Given up after 9 tries: The receiver answered 500. database is full"
    )


def test_retry_after_moves_the_next_try_to_at_most_twice_the_delay(house, receiver):
    house.hook(receiver)
    house.ends()
    receiver.script.append(Answer(429, {"Retry-After": "3600"}))
    deliver()

    # twice 5 s, less a fifth, is at least 8 s
    assert 7 < waits_s(the_delivery().next_attempt_at) <= 12.1


def test_gone_switches_the_channel_off(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    receiver.usual = Answer(410)

    assert deliver().dead == 1
    channel.refresh_from_db()
    assert not channel.is_enabled
    assert the_delivery().state == "dead"


def test_a_redirect_is_a_failure_and_is_not_followed(house, receiver, other_receiver):
    house.hook(receiver)
    house.ends()
    receiver.script.append(Answer(302, {"Location": other_receiver.url}))

    assert deliver().failed == 1
    assert other_receiver.journal == []


def test_a_receiver_that_is_down_is_a_failure_without_status(house, receiver):
    house.hook(receiver)
    house.ends()
    receiver.down()
    deliver()

    attempt = Attempt.objects.get()
    assert (attempt.is_sent, attempt.status_code) == (False, None)
    assert "cannot be reached" in attempt.answer


def test_twenty_ends_during_an_outage_all_arrive_once(house, receiver):
    house.hook(receiver)
    receiver.down()
    for _ in range(20):
        house.ends()
    deliver()
    receiver.up()
    make_due()
    deliver()

    assert len(receiver.accepted) == 20
    assert len({one.key for one in receiver.accepted}) == 20


def test_a_failing_channel_is_tried_with_one_delivery_at_a_time(house, receiver):
    channel = house.hook(receiver, failures=2)
    receiver.usual = Answer(500)
    for _ in range(5):
        house.ends()
    deliver()

    assert len(receiver.journal) == 1
    channel.refresh_from_db()
    assert channel.wait_until > channel.failing_since


def test_the_end_of_an_outage_makes_everything_due(house, receiver):
    house.hook(receiver, failures=3)
    for _ in range(3):
        house.ends()
    announce()
    later = datetime.now(UTC) + timedelta(hours=5)
    waiting = Delivery.objects.order_by("id")[1:]
    Delivery.objects.filter(pk__in=[one.pk for one in waiting]).update(
        next_attempt_at=later, failures=6
    )
    deliver()

    assert len(receiver.accepted) == 3


def test_one_dead_channel_does_not_delay_another(house, receiver, other_receiver):
    receiver.down()
    house.hook(receiver)
    house.hook(other_receiver)
    for _ in range(5):
        house.ends()
    deliver()

    assert len(other_receiver.accepted) == 5


def test_a_hanging_receiver_holds_up_nobody_else(house, receiver, other_receiver, monkeypatch):
    monkeypatch.setattr("alerts.outbox.ABANDON_AFTER_S", 3.0)
    receiver.usual = Answer(hangs=True)
    house.hook(receiver)
    other = house.hook(other_receiver)
    for _ in range(10):
        house.ends()
    tally = deliver()

    hung = Attempt.objects.get(is_sent=False)
    last = Attempt.objects.filter(delivery__channel=other).latest("id")
    assert (tally.sent, tally.failed) == (10, 1)
    assert hung.answer == "The receiver took too long."
    assert last.id < hung.id


def test_what_happens_while_a_receiver_hangs_is_sent_by_the_same_run(
    open_house, receiver, other_receiver, monkeypatch
):
    monkeypatch.setattr("alerts.outbox.ABANDON_AFTER_S", 8.0)
    house = open_house
    receiver.usual = Answer(hangs=True)
    house.hook(receiver)
    house.ends()
    run = in_background(deliver)
    eventually(lambda: receiver.journal)
    house.hook(other_receiver)
    house.ends()
    eventually(lambda: other_receiver.accepted)
    receiver.down()
    run.join(30)

    assert len(other_receiver.accepted) == 1


def test_alerts_of_one_job_arrive_in_order(house, receiver):
    house.hook(receiver)
    transition = house.ends()
    a_transition(transition.job, to_state="succeeded")
    a_transition(transition.job, to_state="cancelled")
    deliver()

    kinds = [one.content["type"] for one in receiver.journal]
    assert kinds == ["job.failed", "job.succeeded", "job.cancelled"]


def test_an_older_alert_that_fails_holds_back_the_newer_of_its_job(house, receiver):
    house.hook(receiver)
    transition = house.ends()
    receiver.script.append(Answer(500))
    deliver()
    a_transition(transition.job, to_state="succeeded")
    Channel.objects.update(wait_until=None)
    deliver()

    # the newer one made the older one due at once
    assert [one.content["type"] for one in receiver.accepted] == ["job.failed", "job.succeeded"]


def test_a_resent_delivery_has_the_same_key(house, receiver):
    house.hook(receiver)
    house.ends()
    deliver()

    assert resend(the_delivery())
    deliver()
    assert len(receiver.journal) == 2
    assert len({one.key for one in receiver.journal}) == 1


def test_what_is_being_sent_is_not_resent(house, receiver):
    house.hook(receiver)
    house.ends()
    announce()
    Delivery.objects.update(lease_until=datetime.now(UTC) + timedelta(seconds=30))

    assert not resend(the_delivery())


def test_a_channel_that_is_off_refuses_a_resend(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    deliver()
    setup.set_enabled(channel, False)

    with pytest.raises(ValueError, match="switched off"):
        resend(the_delivery())


def test_everything_given_up_can_be_sent_again(house, receiver):
    house.hook(receiver)
    house.ends()
    house.ends()
    announce()
    Delivery.objects.update(state="dead", next_attempt_at=None, failures=9)

    assert resend_dead(house.team) == 2
    assert deliver().sent == 2


def test_switching_a_channel_off_suppresses_what_waits(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    announce()
    setup.set_enabled(channel, False)
    deliver()

    assert (the_delivery().state, receiver.journal) == ("suppressed", [])


def test_nothing_but_failures_for_five_days_switches_the_channel_off(house, receiver):
    channel = house.hook(receiver, failures=30, failing_since=LONG_AGO)
    house.ends()
    receiver.usual = Answer(500)
    deliver()

    channel.refresh_from_db()
    assert not channel.is_enabled


def test_a_success_ends_the_back_off(house, receiver):
    channel = house.hook(receiver, failures=2, failing_since=LONG_AGO)
    house.ends()
    deliver()

    channel.refresh_from_db()
    assert (channel.failures, channel.failing_since, channel.wait_until) == (0, None, None)


def test_secrets_that_cannot_be_opened_are_a_failure_that_says_so(house, receiver):
    house.hook(receiver, sealed_secrets="v1.lost.AAAA.AAAA")
    house.ends()

    assert deliver().failed == 1
    assert "cannot be opened" in the_delivery().reason


def test_a_kind_that_is_not_there_is_a_failure_that_says_so(house, receiver):
    house.hook(receiver)
    Channel.objects.update(kind="pigeon")
    house.ends()
    deliver()

    assert "pigeon" in the_delivery().reason


def test_a_refusing_mail_server_does_not_stop_webhooks(house, receiver, mail_server):
    house.mail()
    house.hook(receiver)
    for _ in range(5):
        house.ends()
    mail_server.to_recipient.extend(["550 no such user"] * 5)
    tally = deliver()

    told = [one.content["type"] for one in receiver.accepted]
    assert (told.count("job.failed"), told.count("channel.failing")) == (5, 1)
    assert tally.dead == 5


def test_a_greylisted_mail_comes_again_with_the_same_message_id(house, mail_server):
    house.mail()
    house.ends()
    mail_server.to_mail.append("451 try later")
    assert deliver().failed == 1
    make_due()
    assert deliver().sent == 1

    assert len(mail_server.mails) == 2
    assert len({mail["Message-ID"] for mail in mail_server.mails}) == 1


def test_a_mail_server_that_breaks_off_after_the_mail_is_tried_again(house, mail_server):
    house.mail()
    house.ends()
    mail_server.to_mail.append("drop")
    assert deliver().failed == 1
    make_due()

    assert deliver().sent == 1
    assert len({mail["Message-ID"] for mail in mail_server.mails}) == 1
