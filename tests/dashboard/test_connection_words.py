"""What the pages say of a connection: its health while answers go wrong, its key, its pace; and open ones."""

import re

import pytest

from accounts.models import Role
from jobs.models import Connection, Health
from tests.builders import NOON, a_connection, a_member, a_team

pytestmark = pytest.mark.django_db
SHORT = "token-abc"  # as servers of one's own have


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def admin(team, client):
    client.force_login(a_member(team, Role.ADMIN))
    return client


def text(client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


def well(team, **facts):
    return a_connection(team, **{"health": Health.OK, "last_good_at": NOON, **facts})


def test_one_bad_answer_is_neither_called_ok_nor_a_trouble(admin, team):
    well(team, name="Lab", slug="lab", trouble_count=1, health_reason="It refused to connect.")
    page = text(admin, "/connections/lab/")
    assert "<strong>Trying again.</strong> It refused to connect." in page
    assert "OK</span>" not in page.partition("Health history")[0]
    assert "Asked again after a bad answer: Lab." in text(admin, "/connections/")


def test_a_first_poll_that_went_wrong_is_not_called_not_polled(admin, team):
    a_connection(team, slug="lab", trouble_count=1, health_reason="It refused to connect.")
    assert "Not polled yet" not in text(admin, "/connections/lab/")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ([{"is_paused": True}], "Every connection is paused: nothing is watched."),
        ([{}, {"is_paused": True}], "Every other connection answers; 1 is paused."),
        ([{}, {"is_paused": True, "trouble_count": 2}], "Every other connection answers; 1 is"),
        ([{"name": "Lab", "trouble_count": 1}, {}], "Asked again after a bad answer: Lab."),
        (
            [{"name": "Lab", "health": "rejected"}, {"is_paused": True}],
            "1 of 2 cannot be read: Lab; 1 is paused.",
        ),
    ],
)
def test_the_list_counts_no_paused_connection_as_answering(admin, team, facts, sentence):
    for one in facts:
        well(team, **one)
    assert sentence in text(admin, "/connections/")


def test_a_key_too_short_to_show_its_end_is_not_called_none(admin, team):
    a_connection(team, slug="lab", key=SHORT)
    page, form = text(admin, "/connections/lab/"), text(admin, "/connections/lab/edit/")
    assert '<dt>Key</dt><dd class="mono">set</dd>' in page
    assert "Empty keeps the key that is set." in form
    assert SHORT not in page + form


def test_the_page_tells_its_pace_in_seconds_whoever_set_it(admin, team, settings):
    settings.POLL_INTERVAL_SECONDS = 15
    a_connection(team, slug="own", poll_interval_s=40)
    a_connection(team, slug="usual")
    assert "<dd>40 s</dd>" in text(admin, "/connections/own/")
    assert "<dd>15 s, as this installation has it</dd>" in text(admin, "/connections/usual/")


def a_poll(client, path: str, tag: str):
    return client.get(path, headers={"HX-Request": "true", "HX-PTag": tag})


@pytest.mark.parametrize("path", ["/connections/", "/connections/lab/"])
def test_an_open_page_learns_of_a_trouble_and_of_its_end(admin, team, path):
    row = well(team, slug="lab")
    tag = admin.get(path)["HX-PTag"]
    assert a_poll(admin, path, tag).status_code == 304
    Connection.objects.filter(pk=row.pk).update(health="rejected", health_reason="401: no")
    answer = a_poll(admin, path, tag)
    assert "Key rejected" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    Connection.objects.filter(pk=row.pk).update(health="ok")
    assert "Key rejected" not in a_poll(admin, path, answer["HX-PTag"]).content.decode()


def test_where_nothing_happens_any_more_nothing_is_asked(admin, team):
    well(team, slug="lab", is_paused=True)
    assert "hx-get" not in text(admin, "/connections/lab/")


def test_what_is_typed_on_an_open_page_stays(admin, team):
    well(team, slug="lab", dialect="openai")
    page = text(admin, "/connections/lab/")
    field = r"<(?:input|select|textarea)(?! type=.hidden)"
    main = page.partition("<main")[2].partition("</main>")[0]
    outside = re.sub(r"<section [^>]*data-keep.*?</section>", "", main)
    assert re.findall(field, main)
    assert not re.findall(field, outside)
