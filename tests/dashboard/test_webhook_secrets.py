"""Webhooks on the page of a connection: the address to give away, secrets that are only ever entered."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role
from alerts.endpoint import own_secrets
from alerts.models import InboundEndpoint
from dashboard import seed
from dashboard.env import EnvConnection
from jobs.models import Connection
from tests.builders import a_connection, a_job, a_member, a_team
from tests.signing import OTHER_SECRET, SECRET, a_hook, post

pytestmark = pytest.mark.django_db
THIRD_SECRET = "whsec_" + "dGhpcmQt" * 4


@pytest.fixture
def lab():
    return a_connection(slug="lab", name="Lab")


@pytest.fixture
def admin(lab):
    client = Client()
    client.force_login(a_member(lab.team))
    return client


@pytest.fixture
def viewer(lab):
    client = Client()
    client.force_login(a_member(lab.team, Role.VIEWER))
    return client


def page(client) -> str:
    return client.get("/connections/lab/").content.decode()


def webhook_line(client) -> str:
    """What the test of the connection says of webhooks."""
    answer = client.post("/connections/lab/test/").content.decode()
    return answer.split("<strong>Webhooks</strong>")[1].split("</li>")[0]


def enter(client, secret: str = SECRET):
    return client.post("/connections/lab/webhooks/", {"secret": secret})


def stored() -> list[str]:
    return [one.reveal() for one in own_secrets(Connection.objects.get(slug="lab"))]


def test_an_admin_enters_a_secret_and_never_sees_it_again(admin, lab):
    answer = enter(admin, f"  {SECRET} ")
    assert (answer.status_code, answer.url) == (302, "/connections/lab/#webhooks")
    assert stored() == [SECRET]
    assert SECRET not in InboundEndpoint.objects.get().sealed_secrets
    shown = page(admin)
    assert SECRET not in shown
    assert f"…{SECRET[-4:]}" in shown


def test_each_change_is_in_the_log_without_the_secret(admin, lab):
    enter(admin)
    admin.post("/connections/lab/webhooks/remove/", {"last4": SECRET[-4:]})
    found = list(AuditEntry.objects.order_by("pk").values_list("action", "subject"))
    assert found == [("webhook secret added", "Lab"), ("webhook secret removed", "Lab")]


def test_a_new_secret_keeps_one_older_for_the_rotation(admin, lab):
    for secret in (SECRET, OTHER_SECRET, THIRD_SECRET):
        enter(admin, secret)
    assert stored() == [THIRD_SECRET, OTHER_SECRET]
    assert "Older secret" in page(admin)


def test_entering_the_present_secret_again_changes_nothing(admin, lab):
    enter(admin)
    enter(admin)
    assert stored() == [SECRET]


def test_a_removed_secret_is_gone_and_a_second_removal_says_so(admin, lab):
    enter(admin)
    for word in ("is removed", "no such secret"):
        answer = admin.post("/connections/lab/webhooks/remove/", {"last4": SECRET[-4:]})
        assert word in admin.get(answer.url).content.decode()
    assert stored() == []
    assert AuditEntry.objects.filter(action="webhook secret removed").count() == 1


@pytest.mark.parametrize(
    "wrong",
    ["", "x", "whsec_", "whsec_???", "whsec_QUJD", "sk-not-a-secret", "whsec_é", SECRET[6:]],
)
def test_what_is_no_secret_is_refused_with_a_reason_and_not_shown(admin, lab, wrong):
    answer = enter(admin, wrong)
    shown = answer.content.decode()
    assert answer.status_code == 400
    assert "Use whsec_ and the base64 text" in shown or "Enter the secret" in shown
    assert f'value="{wrong}"' not in shown or not wrong
    assert not InboundEndpoint.objects.exists()


@pytest.mark.parametrize("length", [16, 24, 32, 64, 128])
def test_secrets_of_many_lengths_are_taken_with_and_without_padding(admin, lab, length):
    from base64 import b64encode

    secret = "whsec_" + b64encode(b"k" * length).decode()
    for text in (secret, secret.rstrip("=")):
        assert enter(admin, text).status_code == 302
        assert post(lab, a_hook(secret=text)).status_code == 200


def test_the_page_says_what_came_last_and_what_was_refused(admin, lab):
    enter(admin)
    job = a_job(lab)
    post(lab, a_hook(job.provider_id))
    post(lab, a_hook(secret=OTHER_SECRET))
    shown = page(admin)
    for words in ("fine_tuning.job.succeeded", job.provider_id, "Its signature was wrong"):
        assert words in shown


def test_the_test_of_a_connection_has_a_line_for_webhooks(admin, lab):
    """The test itself fails here; that none are set up is no fault."""
    Connection.objects.update(base_url="http://127.0.0.1:9/v1")
    assert "Polling sees the end of a job all the same" in webhook_line(admin)
    enter(admin)
    assert "no event came yet" in webhook_line(admin)
    post(lab, a_hook())
    assert "Last event" in webhook_line(admin)


def test_the_address_is_for_admins_and_the_state_for_all(admin, viewer, lab):
    enter(admin)
    address = f"/webhooks/openai/{lab.public_id}/"
    assert address in page(admin)
    assert address not in page(viewer)
    assert "Webhooks from the provider" in page(viewer)
    assert "Add a new secret" not in page(viewer)


def test_a_connection_of_the_environment_is_named_by_its_slug(settings, admin, lab):
    settings.OPENAI_WEBHOOK_SECRET = SECRET
    Connection.objects.update(origin="environment", slug="openai")
    shown = admin.get("/connections/openai/").content.decode()
    assert "/webhooks/openai/openai/" in shown
    assert "OPENAI_WEBHOOK_SECRET" in shown
    assert SECRET not in shown


def test_a_provider_that_sends_none_has_no_such_section(admin, lab):
    Connection.objects.update(dialect="mistral")
    assert "Webhooks from the provider" not in page(admin)


def test_secrets_that_no_key_opens_are_named_and_replaced(admin, lab):
    enter(admin)
    InboundEndpoint.objects.update(sealed_secrets="v1.lost.AAAA.AAAA")
    assert "cannot be opened" in page(admin)
    enter(admin, OTHER_SECRET)
    assert stored() == [OTHER_SECRET]


def test_the_start_makes_room_for_what_the_environment_signs(settings):
    settings.OPENAI_WEBHOOK_SECRET = SECRET
    settings.PROVIDER_KEYS = {"OPENAI_API_KEY": "sk-x", "OPENAI_API_KEY_LAB": "sk-y"}
    team = a_team()
    for slug, key_env in (("openai", "OPENAI_API_KEY"), ("openai-lab", "OPENAI_API_KEY_LAB")):
        facts = {"slug": slug, "name": slug, "key_env": key_env}
        seed.sow_connection(team, EnvConnection(**facts, dialect="openai", base_url="https://x"))
    assert InboundEndpoint.objects.get().connection.slug == "openai"
