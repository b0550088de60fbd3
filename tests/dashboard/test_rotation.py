"""A new encryption key, put first, and the old one dropped afterwards."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from alerts.endpoint import add_secret, own_secrets
from alerts.models import Channel
from jobs.models import Connection
from outbound.secret import Secret
from tests.builders import a_channel, a_connection

pytestmark = pytest.mark.django_db

NEW = ("new", b"n" * 32)
WEBHOOK_SECRET = "whsec_" + "A" * 32


def rotate_keys():
    out = StringIO()
    call_command("rotate_keys", stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def secrets_under_the_old_key():
    add_secret(a_connection(key="sk-old-00001111"), Secret(WEBHOOK_SECRET))
    channel = a_channel()
    channel.set_secrets(Secret('{"secret": "whsec_x"}'))
    channel.save()


def test_after_a_rotation_the_old_key_can_be_dropped(secrets_under_the_old_key, settings):
    settings.FIELD_ENCRYPTION_KEYS = (NEW, *settings.FIELD_ENCRYPTION_KEYS)
    assert "3 secrets moved to the key new." in rotate_keys()
    settings.FIELD_ENCRYPTION_KEYS = (NEW,)
    assert Connection.objects.get().key().reveal() == "sk-old-00001111"
    assert own_secrets(Connection.objects.get()) == (Secret(WEBHOOK_SECRET),)
    assert Channel.objects.get().secrets().reveal() == '{"secret": "whsec_x"}'


def test_a_second_rotation_has_nothing_to_do(secrets_under_the_old_key, settings):
    settings.FIELD_ENCRYPTION_KEYS = (NEW, *settings.FIELD_ENCRYPTION_KEYS)
    rotate_keys()
    assert "0 secrets moved" in rotate_keys()


def test_a_lost_key_is_named_and_the_rest_is_moved(secrets_under_the_old_key, settings):
    a_connection()
    Connection.objects.filter(sealed_key="").update(sealed_key="v1.lost.AAAA.AAAA")
    settings.FIELD_ENCRYPTION_KEYS = (NEW, *settings.FIELD_ENCRYPTION_KEYS)
    with pytest.raises(CommandError, match="1 secrets could not be opened"):
        rotate_keys()
    moved = Connection.objects.exclude(sealed_key__startswith="v1.lost")
    assert moved.get().sealed_key.startswith("v1.new.")
