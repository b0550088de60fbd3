"""Receivers and channels for the tests of alerts. Models are imported late: this is read before Django is set up."""

from pathlib import Path

import pytest

from tests.receiver import MailServer, Receiver

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What is claimed, marked and fenced differs between the databases: every story of a house is told on both."""
    for item in items:
        if item.path.is_relative_to(HERE) and {"house", "open_house"} & set(item.fixturenames):
            item.add_marker(pytest.mark.both_databases)


@pytest.fixture
def receiver():
    server = Receiver().up()
    yield server
    server.down()


@pytest.fixture
def other_receiver():
    server = Receiver().up()
    yield server
    server.down()


@pytest.fixture
def mail_server(settings):
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL = "TuneBell <bell@example.com>"
    yield server
    server.close()


@pytest.fixture
def house(db):
    from tests.alerts.house import House

    return House()


@pytest.fixture
def open_house(transactional_db):
    """As `house`, with rows that other threads and processes see."""
    from tests.alerts.house import House

    return House()


@pytest.fixture(autouse=True)
def chat_kind(monkeypatch):
    """One more kind of channel, for people: chat."""
    from alerts.channels import kinds
    from tests.alerts.chat import Chat

    monkeypatch.setitem(kinds(), "chat", Chat())
