import pytest

from outbound import policy
from outbound.client import close_clients
from outbound.secret import Secret
from providers.base import Account, connect

KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def _loopback():
    before = policy.current()
    policy.configure(policy.Policy(allow=policy.parse_allowances("127.0.0.0/8")))
    yield
    policy.configure(before)
    close_clients()


@pytest.fixture
def account(httpserver, monkeypatch):
    """Makes an account at the test's server, which answers 404 to what it does not know."""
    monkeypatch.setattr(httpserver, "no_handler_status_code", 404)

    def make(**changes):
        values = {
            "dialect": "openai",
            "base_url": httpserver.url_for("/v1"),
            "api_key": Secret(KEY),
        }
        return Account(**{**values, **changes})

    return make


@pytest.fixture
def provider(account):
    return connect(account())
