import pytest
from django.test import Client

from accounts.models import Role
from alerts.channels import kinds
from alerts.rules import RULE_STATES
from tests.builders import a_member, a_team

pytestmark = pytest.mark.django_db


def guide(role: Role, **asked):
    client = Client()
    client.force_login(a_member(a_team(), role))
    return client.get("/styleguide/messages/", asked)


@pytest.mark.parametrize("channel", sorted(kinds()))
def test_every_alert_is_shown_as_each_channel_sends_it(channel):
    answer = guide(Role.ADMIN, channel=channel)
    shown = {message.name.partition(" (")[0] for message in answer.context["shown"]}

    assert shown >= {*RULE_STATES, "digest", "failed, hostile text", "digest, hostile text"}
    assert all(message.sent for message in answer.context["shown"])


def test_hostile_text_is_shown_as_text():
    page = guide(Role.ADMIN).content.decode()

    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold" in page
    assert "\u202e" not in page


def test_a_channel_that_does_not_exist_is_not_found():
    assert guide(Role.ADMIN, channel="pigeon").status_code == 404


def test_only_admins_see_it_in_production():
    assert guide(Role.EDITOR).status_code == 404
