"""The rows an installation starts with, and what a second start leaves alone."""

import pytest

from accounts.models import ApiToken, Membership, User
from alerts.models import Channel, Rule
from dashboard import seed
from dashboard.env import EnvConnection
from jobs.models import Connection

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
OPENAI = EnvConnection("openai", "OpenAI", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY")


@pytest.fixture
def from_env(settings):
    settings.PROVIDER_KEYS = {"OPENAI_API_KEY": "sk-from-the-environment"}
    settings.ENV_CONNECTIONS = (OPENAI,)
    return settings


def test_the_first_start_makes_a_team_with_an_admin_who_has_no_password():
    team = seed.sow(demo_port=None)
    member = team.memberships.get()
    assert (member.role, member.user.email) == ("admin", "admin@localhost")
    assert not member.user.has_usable_password()


def test_a_second_start_adds_nothing():
    seed.sow(demo_port=4001)
    seed.sow(demo_port=4001)
    counts = [model.objects.count() for model in (User, Membership, Connection)]
    assert counts == [1, 1, 1]


def test_a_key_in_the_environment_makes_a_connection_without_storing_it(from_env):
    seed.sow(demo_port=None)
    connection = Connection.objects.get()
    assert (connection.slug, connection.origin, connection.sealed_key) == (
        "openai",
        "environment",
        "",
    )
    assert connection.key().reveal() == "sk-from-the-environment"


def test_a_name_people_gave_survives_the_next_start(from_env):
    seed.sow(demo_port=None)
    Connection.objects.update(name="Our account", base_url="https://old.example.com")
    seed.sow(demo_port=None)
    connection = Connection.objects.get()
    assert (connection.name, connection.base_url) == ("Our account", OPENAI.base_url)


def test_the_demo_follows_the_port_of_its_simulator():
    seed.sow(demo_port=4001)
    seed.sow(demo_port=4002)
    demo = Connection.objects.get()
    assert (demo.slug, demo.base_url) == ("demo", "http://127.0.0.1:4002/v1")
    assert demo.poll_interval_s == 4


def test_the_demo_rests_once_there_is_a_real_connection(from_env):
    seed.sow(demo_port=4001)
    seed.sow(demo_port=None)
    assert Connection.objects.get(origin="demo").is_paused


def test_the_demo_gets_out_of_the_way_of_a_slug_that_is_taken():
    team = seed.sow(demo_port=None)
    Connection.objects.create(
        team=team, slug="demo", name="Mine", base_url="https://example.com/v1"
    )
    seed.sow(demo_port=4001)
    assert Connection.objects.get(origin="demo").slug == "tunebell-demo"


@pytest.mark.parametrize(("asked", "wanted"), [(True, True), (False, False), (None, True)])
def test_demo_decides_and_unset_means_on_without_a_real_connection(settings, asked, wanted):
    settings.DEMO = asked
    assert seed.wants_demo() is wanted


def test_a_real_connection_ends_the_demo_by_itself(settings):
    settings.DEMO = None
    team = seed.sow(demo_port=4001)
    assert seed.wants_demo()
    Connection.objects.create(
        team=team, slug="real", name="Real", base_url="https://example.com/v1"
    )
    assert not seed.wants_demo()


def test_the_token_of_the_environment_reads_from_the_start(settings):
    settings.API_TOKEN = "a-token-of-the-environment-1234"
    seed.sow(demo_port=None)
    token = ApiToken.objects.matching("a-token-of-the-environment-1234")
    assert (token.scope, token.last4) == ("read", "1234")


def test_a_changed_token_replaces_the_old_one(settings):
    settings.API_TOKEN = "the-first-token-of-the-environment"
    seed.sow(demo_port=None)
    settings.API_TOKEN = "the-second-token-of-the-environment"
    seed.sow(demo_port=None)
    assert ApiToken.objects.matching("the-first-token-of-the-environment") is None
    assert ApiToken.objects.matching("the-second-token-of-the-environment")


def test_the_webhook_of_the_environment_hears_every_end(settings):
    settings.WEBHOOK_URL = "https://hooks.example.com/x"
    seed.sow(demo_port=None)
    seed.sow(demo_port=None)
    rule = Rule.objects.get()
    assert set(rule.states) == {"succeeded", "failed", "cancelled"}
    assert [channel.kind for channel in rule.channels.all()] == ["webhook"]


@pytest.mark.parametrize(
    ("change", "name"),
    [({}, "Every job that ends"), ({"states": ["failed"]}, "From the environment")],
)
def test_the_names_of_an_older_release_give_way_unless_people_made_more_of_them(
    settings, change, name
):
    settings.WEBHOOK_URL = "https://hooks.example.com/x"
    seed.sow(demo_port=None)
    Channel.objects.update(name="TUNEBELL_WEBHOOK_URL")
    Rule.objects.update(name="From the environment", **change)
    seed.sow(demo_port=None)
    seed.sow(demo_port=None)
    assert (Channel.objects.get().name, Rule.objects.get().name) == ("Webhook", name)


def test_a_webhook_whose_variable_is_gone_is_switched_off(settings):
    settings.WEBHOOK_URL = "https://hooks.example.com/x"
    seed.sow(demo_port=None)
    settings.WEBHOOK_URL = ""
    seed.sow(demo_port=None)
    assert not Channel.objects.get().is_enabled
