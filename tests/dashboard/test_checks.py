import pytest

from dashboard import checks, seed
from jobs.models import Connection
from outbound.secret import Secret


def test_plain_http_is_mentioned_before_a_deployment(settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    assert [found.id for found in checks.site_is_https()] == ["tunebell.W001"]
    settings.SITE_URL = "https://bell.example.com"
    assert checks.site_is_https() == []


def test_a_short_token_is_mentioned(settings):
    settings.API_TOKEN = "x" * 23
    assert [found.id for found in checks.token_is_long()] == ["tunebell.W002"]
    settings.API_TOKEN = "x" * 24
    assert checks.token_is_long() == []


@pytest.mark.django_db
def test_a_key_that_is_in_use_but_gone_is_an_error_with_a_hint(settings):
    settings.FIELD_ENCRYPTION_KEYS = (("old", bytes(32)),)
    connection = Connection(
        team=seed.sow(demo_port=None), slug="a", name="A", base_url="https://a.example/v1"
    )
    connection.set_key(Secret("sk-something-secret"))
    connection.save()
    assert checks.keys_in_use_are_known() == []
    settings.FIELD_ENCRYPTION_KEYS = (("new", bytes(32)),)
    (found,) = checks.keys_in_use_are_known()
    assert "'old'" in found.msg
    assert "FIELD_ENCRYPTION_KEYS" in found.hint
