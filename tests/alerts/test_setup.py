import pytest

from alerts import channels, setup
from alerts.channels.webhook import is_secret
from alerts.models import Channel, Delivery
from alerts.outbox import announce
from alerts.setup import RuleFacts
from tests.alerts.house import House
from tests.builders import a_connection, a_team

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLACE = "https://hooks.example.com/services/T0/s3cr3t-path"


def a_hook(team, **values) -> setup.Created:
    return setup.create_channel(team, "webhook", "Ops", {"url": PLACE, "secret": SECRET, **values})


def test_the_url_and_the_secret_are_nowhere_in_clear(house):
    channel = a_hook(house.team).channel

    row = str(Channel.objects.filter(pk=channel.pk).values().get())
    assert "s3cr3t-path" not in row
    assert SECRET not in row
    assert channels.secrets_of(channel) == {"url": PLACE, "secret": SECRET}


def test_only_the_host_of_a_webhook_is_shown(house):
    assert channels.show(a_hook(house.team).channel) == "hooks.example.com"


def test_a_secret_is_made_when_none_is_given_and_told_once(house):
    created = a_hook(house.team, secret="")

    assert is_secret(created.new_secret)
    assert channels.secrets_of(created.channel)["secret"] == created.new_secret


def test_fields_left_empty_on_edit_keep_the_secrets(house):
    channel = a_hook(house.team).channel
    updated = setup.update_channel(channel, "Ops 2", {"url": "", "secret": ""})

    stored = Channel.objects.get(pk=channel.pk)
    assert (stored.name, updated.new_secret) == ("Ops 2", "")
    assert channels.secrets_of(stored) == {"url": PLACE, "secret": SECRET}


def test_another_host_never_gets_the_old_signing_secret(house):
    channel = a_hook(house.team).channel
    updated = setup.update_channel(
        channel, "Ops", {"url": "https://evil.example.net/", "secret": ""}
    )

    secrets = channels.secrets_of(Channel.objects.get(pk=channel.pk))
    assert secrets["secret"] == updated.new_secret != SECRET


def test_a_channel_copied_over_another_row_does_not_open(house):
    from accounts.cipher import CannotOpen

    mine, theirs = a_hook(house.team).channel, a_hook(a_team()).channel
    theirs.sealed_secrets = mine.sealed_secrets

    with pytest.raises(CannotOpen):
        channels.secrets_of(theirs)


@pytest.mark.parametrize(
    ("kind", "name", "url"),
    [("pigeon", "Ops", PLACE), ("webhook", "  ", PLACE), ("webhook", "Ops", "ftp://x/")],
)
def test_a_channel_that_cannot_be_is_refused(house, kind, name, url):
    with pytest.raises(ValueError, match=r"\.$"):
        setup.create_channel(house.team, kind, name, {"url": url, "secret": ""})


def test_switching_on_again_forgets_the_back_off(house, receiver):
    channel = house.hook(receiver, failures=4, is_enabled=False)
    setup.set_enabled(channel, True)

    stored = Channel.objects.get(pk=channel.pk)
    assert (stored.is_enabled, stored.failures) == (True, 0)


def test_mending_a_channel_makes_what_waits_due(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    announce()
    Delivery.objects.update(next_attempt_at="2099-01-01T00:00Z", failures=5)
    setup.update_channel(channel, "Ops", {"url": "", "secret": ""})

    assert Delivery.objects.get().next_attempt_at.year < 2099


def test_a_rule_keeps_its_states_in_the_order_they_are_shown(house, receiver):
    channel = house.hook(receiver)
    rule = setup.create_rule(house.team, RuleFacts(["failed", "succeeded"], [channel]))

    assert rule.states == ["succeeded", "failed"]
    assert list(rule.channels.all()) == [channel]


@pytest.mark.parametrize("states", [[], ["running"], ["failed", "x"]])
def test_a_rule_for_states_that_do_not_ring_is_refused(house, receiver, states):
    with pytest.raises(ValueError, match=r"state|ring"):
        setup.create_rule(house.team, RuleFacts(states, [house.hook(receiver)]))


def test_a_rule_without_channels_is_refused(house):
    with pytest.raises(ValueError, match="channel"):
        setup.create_rule(house.team, RuleFacts(["failed"], []))


def test_a_rule_reaches_neither_channels_nor_connections_of_another_team(house, receiver):
    own, foreign = house.hook(receiver), House().hook(receiver)

    with pytest.raises(ValueError, match="this team"):
        setup.create_rule(house.team, RuleFacts(["failed"], [foreign]))
    with pytest.raises(ValueError, match="this team"):
        setup.create_rule(house.team, RuleFacts(["failed"], [own], [a_connection()]))


def test_nobody_listens_without_an_enabled_rule_and_channel(house, receiver):
    assert not setup.has_listener(house.team)
    channel = house.hook(receiver)
    assert setup.has_listener(house.team)

    setup.set_enabled(channel, False)
    assert not setup.has_listener(house.team)


def test_a_removed_rule_still_delivers_what_it_announced(house, receiver):
    house.hook(receiver)
    house.ends()
    announce()
    setup.remove_rule(house.rule())

    assert Delivery.objects.get().rule is None


def test_a_removed_channel_takes_its_deliveries_along(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    announce()
    setup.remove_channel(channel)

    assert not Delivery.objects.exists()


def test_a_log_of_deliveries_takes_two_queries(house, receiver, django_assert_num_queries):
    house.hook(receiver)
    for _ in range(3):
        house.ends()
    announce()
    with django_assert_num_queries(2):
        for delivery in Delivery.objects.for_team(house.team).with_attempts():
            str(delivery.transition.job), delivery.channel.name, list(delivery.attempts.all())
