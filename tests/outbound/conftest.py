import pytest

from outbound import policy
from outbound.client import close_clients


@pytest.fixture(autouse=True)
def allow():
    """Sets the policy for one test; without a call only the public internet is allowed."""
    before = policy.current()
    policy.configure(policy.Policy())

    def configure(text="", **changes):
        policy.configure(policy.Policy(allow=policy.parse_allowances(text), **changes))

    yield configure
    policy.configure(before)
    close_clients()


@pytest.fixture
def names(monkeypatch):
    """The name server: a list of answers for each name, taken one after the other."""
    asked = []
    book = {}

    def getaddrinfo(host, port, **_):
        asked.append(host)
        answers = book[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(2, 1, 6, "", (address, port)) for address in found]

    monkeypatch.setattr("outbound.resolve.getaddrinfo", getaddrinfo)
    book["asked"] = asked
    return book
