"""Saved views: what they keep, whose they are, and with which one the list opens."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections
from django.db.models import Count
from django.http import QueryDict
from django.test import Client

from accounts.models import AuditEntry, Role
from dashboard import saved_views
from dashboard.models import SavedView
from dashboard.queries.saved_views import canonical
from tests.builders import a_connection, a_job, a_member, a_team

pytestmark = pytest.mark.django_db
FORM = {"name": "Broken", "query": "state=failed"}


@pytest.fixture
def team():
    team = a_team()
    a_job(a_connection(team, slug="lab", name="Lab"), suffix="bot", state="failed")
    return team


@pytest.fixture
def dana(team):
    return a_member(team, Role.EDITOR)


@pytest.fixture
def client(dana) -> Client:
    return client_of(dana)


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def a_view(team, owner=None, **facts) -> SavedView:
    told = {"name": "Broken", "query": "state=failed", **facts}
    return SavedView.objects.create(team=team, owner=owner, **told)


def tabs(html: str) -> list[str]:
    nav = html[html.index('class="view-tabs"') :]
    return re.findall(r"<a [^>]*>(?:<bdi>)?([^<]*)", nav[: nav.index("</nav>")])


def current(html: str) -> list[str]:
    nav = html[html.index('class="view-tabs"') :]
    return re.findall(r'aria-current="page">(?:<bdi>)?([^<]*)', nav[: nav.index("</nav>")])


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("", ""),
        ("view=all", ""),
        ("state=failed&after=x&export=1&view=all", "state=failed"),
        ("q=&method=&state=queued&state=failed&state=failed", "state=failed&state=queued"),
        ("sort=-created&limit=50&sort=nonsense", ""),
        ("sort=-tokens&limit=20&rubbish=1&state=made-up", "limit=20&sort=-tokens"),
        ("q=a+b%26c&model=%C3%A4", "model=%C3%A4&q=a+b%26c"),
        ("connection=gone", "connection=gone"),
    ],
)
def test_a_view_keeps_what_the_filter_reads_and_no_more(asked, kept):
    assert canonical(QueryDict(asked)) == kept


def test_the_shortest_address_of_a_huge_one_is_found_soon():
    asked = QueryDict("&".join(f"x{number}={number}" for number in range(900)))
    assert canonical(asked) == ""


def test_saving_leads_to_the_view_and_marks_its_tab(client, team, dana):
    answer = client.post("/views/", {**FORM, "query": "after=x&state=failed&q="})
    assert answer.headers["Location"] == "/jobs/?state=failed"
    html = client.get(answer.headers["Location"]).content.decode()
    assert (tabs(html), current(html)) == (["All jobs", "Broken"], ["Broken"])
    assert SavedView.objects.get().owner == dana
    assert AuditEntry.objects.get(action="view saved").subject == "Broken"


def test_all_jobs_are_current_where_no_view_is(client, team):
    a_view(team)
    assert current(client.get("/jobs/?view=all").content.decode()) == ["All jobs"]
    assert current(client.get("/jobs/?state=queued").content.decode()) == []


def test_a_view_of_mine_is_mine_and_one_of_the_team_everybodys(client, team):
    client.post("/views/", {**FORM, "name": "Mine"})
    client.post("/views/", {**FORM, "name": "Ours", "whose": "team", "query": "stuck=1"})
    html = client_of(a_member(team, Role.VIEWER)).get("/jobs/").content.decode()
    assert tabs(html) == ["All jobs", "Ours"]


def test_a_viewer_has_views_but_gives_none_to_the_team(team):
    viewer = client_of(a_member(team, Role.VIEWER))
    assert viewer.post("/views/", FORM).status_code == 302
    assert viewer.post("/views/", {**FORM, "name": "x", "whose": "team"}).status_code == 403
    assert "view-whose" not in viewer.get("/jobs/?view=all").content.decode()
    ours = a_view(team)
    mine = SavedView.objects.exclude(owner=None).get()
    assert viewer.get(f"/views/{ours.public_id}/").status_code == 403
    assert viewer.get(f"/views/{mine.public_id}/").status_code == 200
    assert viewer.post(f"/views/{mine.public_id}/remove/").status_code == 302


@pytest.mark.parametrize("action", ["", "remove/", "feed/", "feed/off/"])
def test_the_view_of_a_colleague_is_not_there(client, team, action):
    view = a_view(team, a_member(team))
    assert client.post(f"/views/{view.public_id}/{action}", {"name": "x"}).status_code == 404
    assert SavedView.objects.get() == view


def test_the_list_opens_with_the_default_view(client, team):
    a_view(team, is_default=True)
    assert client.get("/jobs/").headers["Location"] == "/jobs/?state=failed"
    assert client.get("/jobs/?view=all").status_code == 200
    assert client.get("/jobs/", headers={"HX-Request": "true"}).status_code == 200


def test_ones_own_default_wins_over_the_teams(client, team, dana):
    a_view(team, is_default=True)
    a_view(team, dana, query="stuck=1", is_default=True)
    assert client.get("/jobs/").headers["Location"] == "/jobs/?stuck=1"
    SavedView.objects.filter(owner=dana).update(query="")
    assert client.get("/jobs/").status_code == 200


@pytest.mark.parametrize(
    "path", ["/jobs/?state=failed", "/jobs/?view=all", "/jobs/?stuck=1", "/jobs/?connection=gone"]
)
def test_nothing_on_the_list_that_clears_the_filter_opens_the_default(client, team, path):
    a_view(team, is_default=True)
    html = client.get(path).content.decode()
    links = [one.replace("&amp;", "&") for one in re.findall(r'<a [^>]*href="([^"]*)"', html)]
    here = [one for one in links if urlsplit(one).path in {"", "/jobs/"} and "#" not in one]
    assert len(here) > 5
    assert [one for one in here if not parse_qs(urlsplit(one).query)] == []


def test_elsewhere_the_way_to_the_list_opens_the_default(client, team):
    html = client.get("/status/").content.decode()
    assert 'class="brand" href="/jobs/"' in html
    assert '<a href="/jobs/">Jobs</a>' in html


def test_a_link_drops_the_word_for_everything_as_soon_as_it_filters(client, team):
    html = client.get("/jobs/?view=all").content.decode()
    assert 'href="?state=failed"' in html


def test_of_one_owner_one_view_is_the_default(client, team, dana):
    a_view(team, is_default=True)
    first = a_view(team, dana, name="First", is_default=True)
    client.post("/views/", {"name": "Second", "query": "stuck=1", "is_default": "on"})
    assert set(SavedView.objects.filter(is_default=True).values_list("name", flat=True)) == {
        "Broken",
        "Second",
    }
    client.post(f"/views/{first.public_id}/", {"name": "First", "is_default": "on"})
    assert SavedView.objects.get(owner=dana, is_default=True) == first
    client.post(f"/views/{first.public_id}/", {"name": "First"})
    assert not SavedView.objects.filter(owner=dana, is_default=True).exists()


def test_a_view_gets_another_name(client, team):
    view = a_view(team)
    client.post(f"/views/{view.public_id}/", {"name": "Not well"})
    view.refresh_from_db()
    assert (view.name, view.query) == ("Not well", "state=failed")


def test_a_view_is_made_to_show_what_is_shown_now(client, team):
    view = a_view(team)
    answer = client.post("/views/update/", {"view": view.public_id, "query": "after=1&stuck=1"})
    assert answer.headers["Location"] == "/jobs/?stuck=1"
    view.refresh_from_db()
    assert view.query == "stuck=1"


@pytest.mark.parametrize("view", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_what_is_no_view_is_not_updated(client, view):
    assert client.post("/views/update/", {"view": view}).status_code == 404


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "broken"}, "name"),
        ({"whose": "everybody"}, "whose"),
        ({"query": "q=\x00"}, "query"),
        ({"query": "q=" + "%F0%9F%92%A5" * 200}, "query"),
    ],
)
def test_what_cannot_be_saved_is_said_beside_the_field(client, team, dana, told, wrong):
    a_view(team, dana)
    answer = client.post("/views/", {"name": "New", "query": "state=failed", **told})
    assert (answer.status_code, set(answer.context["form"].errors)) == (400, {wrong})
    assert SavedView.objects.count() == 1


def test_the_same_name_may_be_mine_and_the_teams(client, team):
    a_view(team)
    assert client.post("/views/", FORM).status_code == 302


def test_views_are_bounded(client, team, dana, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 1)
    a_view(team, dana, name="Full")
    answer = client.post("/views/", FORM)
    assert "Remove one first" in answer.content.decode()


def test_a_view_of_a_connection_that_is_gone_still_opens(client, team):
    a_view(team, query="connection=gone")
    html = client.get("/jobs/?connection=gone").content.decode()
    assert current(html) == ["Broken"]
    assert "connection gone" in html


def test_a_hostile_name_is_only_a_name(client, team):
    a_view(team, name='<img src=x onerror="x()">\u202e')
    for path in ("/jobs/", "/views/"):
        assert "<img" not in client.get(path).content.decode()


def test_the_page_of_views_says_what_each_shows(client, team, dana):
    a_view(team, is_default=True)
    a_view(team, dana, name="All", query="")
    rows = client.get("/views/").context["rows"]
    assert [(row.name, row.whose, row.shows) for row in rows] == [
        ("Broken", "The team", "Failed"),
        ("All", "You", "All jobs"),
    ]


def test_a_refresh_asks_for_no_views(client, team):
    a_view(team)
    poll = client.get("/jobs/", headers={"HX-Request": "true"})
    assert b"Broken" not in poll.content


def test_a_team_without_connections_sees_no_tabs():
    client = client_of(a_member(a_team()))
    assert "view-tabs" not in client.get("/jobs/").content.decode()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_who_save_at_the_same_time_leave_one_default_and_one_of_a_name(team):
    def one(number: int) -> None:
        try:
            saved_views.save(team, None, f"View {number // 2}", "stuck=1", is_default=True)
        except ValueError:
            pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(one, range(8)))
    assert SavedView.objects.filter(is_default=True).count() == 1
    names = SavedView.objects.values("name").annotate(number=Count("pk")).order_by("name")
    assert [(row["name"], row["number"]) for row in names] == [(f"View {n}", 1) for n in range(4)]
