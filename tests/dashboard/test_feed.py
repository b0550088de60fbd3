"""The feed of a saved view: who reads it, that it is valid Atom, and that no text in it does harm."""

import doctest
import re
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import limits
from accounts.models import AuditEntry, Membership, Role
from dashboard import atom
from dashboard.models import SavedView
from tests.builders import NOON, a_connection, a_job, a_member, a_team, a_transition

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = (
    "<script>x()</script> ]]> & \x00\x0b\x1b[31m \ud83d \ufffe \u202e @everyone 🔔 " + "z" * 70_000
)


@pytest.fixture
def team():
    return a_team(name="Blue")


@pytest.fixture
def lab(team):
    return a_connection(team, slug="lab", name="Lab")


@pytest.fixture
def dana(team):
    return a_member(team, Role.VIEWER)


@pytest.fixture
def view(team, dana) -> SavedView:
    return SavedView.objects.create(team=team, owner=dana, name="Broken", query="state=failed")


def address_of(view, user) -> str:
    """What the page that makes the feed shows, once."""
    client = Client()
    client.force_login(user)
    html = client.post(f"/views/{view.public_id}/feed/").content.decode()
    found = re.search(rf"{re.escape(settings.SITE_URL)}(/feeds/[\w-]+/)", html)
    assert found[1] not in client.get(f"/views/{view.public_id}/").content.decode()
    return found[1]


@pytest.fixture
def address(view, dana) -> str:
    return address_of(view, dana)


def read(address: str, **headers):
    """Somebody without any cookie."""
    return Client().get(address, headers=headers)


def parsed(address: str) -> ElementTree.Element:
    answer = read(address)
    assert answer.status_code == 200
    return ElementTree.fromstring(answer.content)


def titles(address: str) -> list[str]:
    return [one.text for one in parsed(address).findall(f"{ATOM}entry/{ATOM}title")]


def shows(view, query: str) -> None:
    SavedView.objects.filter(pk=view.pk).update(query=query)


def test_the_address_is_a_secret_of_256_bits_of_which_a_digest_is_kept(view, address):
    token = address.split("/")[2]
    view.refresh_from_db()
    assert len(token) == 43  # 32 bytes in base64
    assert token not in str(vars(view))
    assert AuditEntry.objects.get(action="feed made").subject == "Broken"


def test_a_job_that_fails_is_an_entry_with_all_that_atom_asks(view, address, lab):
    job = a_job(lab, suffix="bot", state="failed", provider_id="ftjob-1")
    a_transition(job, reason="bad_file: line 7", happened_at=NOON)
    feed = parsed(address)
    entry = feed.find(f"{ATOM}entry")
    assert feed.findtext(f"{ATOM}id") == view.public_id.urn
    assert feed.findtext(f"{ATOM}title") == "Broken · Blue"
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "TuneBell"
    assert entry.findtext(f"{ATOM}title") == "Failed: bot"
    assert entry.find(f"{ATOM}link").get("href") == f"{settings.SITE_URL}/jobs/lab/ftjob-1/"
    assert entry.findtext(f"{ATOM}id").startswith("urn:uuid:")
    assert datetime.fromisoformat(entry.findtext(f"{ATOM}published")) == NOON
    content = entry.find(f"{ATOM}content")
    assert content.get("type") == "text"
    assert content.text.startswith("Why: bad_file: line 7\nBefore: running\n")


def test_every_entry_has_its_own_lasting_id(view, address, lab):
    for _ in range(3):
        a_transition(a_job(lab, state="failed"))
    ids = [[one.text for one in parsed(address).iter(f"{ATOM}id")] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 4


def test_the_newest_fifty_are_told_newest_first(view, address, lab):
    for number in range(52):
        a_transition(a_job(lab, suffix=f"bot-{number}", state="failed"))
    told = titles(address)
    assert (len(told), told[0], told[-1]) == (50, "Failed: bot-51", "Failed: bot-2")


def test_only_what_the_view_shows_is_told(view, address, lab):
    ran = a_job(lab, suffix="ran", state="succeeded")
    a_transition(ran, from_state="queued", to_state="running")
    a_transition(ran)
    a_transition(a_job(lab, suffix="put-away", state="failed", archived_at=NOON))
    a_transition(a_job(suffix="foreign", state="failed"))
    assert titles(address) == []
    shows(view, "state=running")
    assert titles(address) == ["Running: ran"]
    shows(view, "")
    assert titles(address) == ["Succeeded: ran", "Running: ran"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("condition", "", "stuck"), "Stuck in a state"),
        (("condition", "stuck", "recovered"), "Recovered: stuck in a state"),
        (("missing", "running", "missing"), "Missing at the provider"),
        (("missing", "missing", "running"), "Found again at the provider"),
        (("state", "", "running"), "New, running"),
        (("state", "queued", "unheard-of"), "unheard-of"),
    ],
)
def test_conditions_and_absences_are_told_in_words(view, address, lab, change, word):
    shows(view, "")
    names = ("kind", "from_state", "to_state")
    a_transition(a_job(lab, suffix="bot"), **dict(zip(names, change, strict=True)), rings=False)
    assert titles(address) == [f"{word}: bot"]


def test_history_that_was_over_before_we_looked_is_no_news(view, address, lab):
    job = a_job(lab, state="failed")
    a_transition(job, from_state="", rings=False)
    assert titles(address) == []
    a_transition(job, from_state="", rings=True)
    assert len(titles(address)) == 1


def test_hostile_text_is_text_and_short(view, address, lab, team):
    facts = {"suffix": HOSTILE, "base_model": HOSTILE, "provider_id": "a..<b>"}
    job = a_job(lab, state="failed", **{k: v.replace("\ud83d", "").replace("\x00", "")[:190] for k, v in facts.items()})  # fmt: skip
    a_transition(job, reason=HOSTILE.replace("\ud83d", "").replace("\x00", ""))
    SavedView.objects.filter(pk=view.pk).update(name="<b>\x01\ufffe]]>")
    answer = read(address)
    text = answer.content.decode()
    assert len(text) < 4_000
    assert "<script" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\ufffe\uffff\u202e]", text)
    root = ElementTree.fromstring(answer.content)
    assert "<script>x()</script>" in root.findtext(f"{ATOM}entry/{ATOM}content")


def test_a_feed_without_entries_is_valid_and_dated(view, address):
    feed = parsed(address)
    view.refresh_from_db()
    assert datetime.fromisoformat(feed.findtext(f"{ATOM}updated")) == view.created_at


def test_the_answer_is_private_and_may_do_nothing(view, address):
    answer = read(address)
    assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Content-Security-Policy"] == settings.FILE_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies
    assert address.split("/")[2] not in answer.content.decode()


def test_nothing_new_is_a_304(view, address, lab):
    a_transition(a_job(lab, state="failed"), recorded_at=NOON)
    first = read(address)
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for asked in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
        again = read(address, **asked)
        assert (again.status_code, again.content) == (304, b"")
    a_transition(a_job(lab, state="failed"), recorded_at=NOON + timedelta(hours=1))
    assert read(address, **{"If-None-Match": etag}).status_code == 200
    assert read(address, **{"If-Modified-Since": modified}).status_code == 200


def test_a_head_has_the_same_headers(view, address):
    head = Client().head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == read(address).headers["ETag"]


@pytest.mark.parametrize("token", ["x", "x" * 43, "%20", "x" * 5000, "é"])
def test_a_wrong_token_is_not_there(view, address, token):
    assert read(f"/feeds/{token}/").status_code == 404


def test_a_cookie_does_not_count(view, address, dana):
    client = Client()
    client.force_login(dana)
    with CaptureQueriesContext(database) as queries:
        assert client.get(address).status_code == 200
    assert not [one for one in queries.captured_queries if "session" in one["sql"]]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_only_read(view, address, method):
    assert getattr(Client(enforce_csrf_checks=True), method)(address).status_code in {403, 405}


def test_a_new_address_ends_the_one_before(view, address, dana):
    renewed = address_of(view, dana)
    assert [read(one).status_code for one in (address, renewed)] == [404, 200]


def test_a_feed_is_switched_off_or_goes_with_its_view(view, address, dana):
    client = Client()
    client.force_login(dana)
    client.post(f"/views/{view.public_id}/feed/off/")
    assert read(address).status_code == 404
    address = address_of(view, dana)
    client.post(f"/views/{view.public_id}/remove/")
    assert read(address).status_code == 404


def test_the_feed_of_somebody_who_left_is_not_there(view, address, dana, team):
    Membership.objects.filter(user=dana).delete()
    assert read(address).status_code == 404
    Membership.objects.create(team=team, user=dana)
    dana.is_active = False
    dana.save()
    assert read(address).status_code == 404


def test_the_feed_of_the_team_stays_when_its_maker_leaves(team, lab):
    editor = a_member(team, Role.EDITOR)
    shared = SavedView.objects.create(team=team, name="Ours")
    address = address_of(shared, editor)
    editor.delete()
    assert read(address).status_code == 200


def test_who_asks_too_often_waits(view, address, monkeypatch):
    monkeypatch.setattr(limits, "FEED", limits.Limit("feed", 2, timedelta(minutes=1)))
    answers = [read(address) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "60"


def test_the_example_of_what_xml_can_say_holds():
    assert doctest.testmod(atom).failed == 0


def test_the_guide_names_the_limit_of_today():
    guide = (settings.BASE_DIR / "docs/howto/views.md").read_text()
    assert f"More than {limits.FEED.most} questions a minute" in guide


def test_a_feed_asks_no_more_for_many_entries_than_for_few(view, address, lab):
    counts = []
    read(address)  # the first one of all begins a count for the limit
    for _ in range(2):
        for _ in range(10):
            a_transition(a_job(lab, state="failed"))
        with CaptureQueriesContext(database) as queries:
            read(address)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6
