"""Downloads of a selection or a connection: what is in them, who gets them, and how they end."""

import csv
import http.client
import io
import json
import re
import zipfile
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import AuditEntry, RequestCount, Role
from dashboard.views.export import Sending, Turn
from jobs.export import FORMATS
from jobs.models import File
from tests.builders import NOON, a_connection, a_job, a_member, a_team
from tests.servers import eventually

pytestmark = pytest.mark.django_db
TOKEN = "t" * 32


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def lab(team):
    return a_connection(team, slug="lab", name="Lab")


@pytest.fixture
def client(team) -> Client:
    client = Client()
    client.force_login(a_member(team, Role.VIEWER))
    return client


def content_of(response) -> bytes:
    """All of it; the test client closes the response at its end."""
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def suffixes(response) -> set[str]:
    rows = csv.DictReader(io.StringIO(content_of(response).decode(), newline=""))
    return {row["suffix"] for row in rows}


def test_the_filter_of_the_list_decides_what_is_exported(client, lab):
    a_job(lab, suffix="bot-a", state="failed")
    a_job(lab, suffix="bot-b", state="succeeded")
    a_job(lab, suffix="other", state="failed")
    asked = {"format": "csv", "state": ["failed", "cancelled"], "q": "bot"}
    assert suffixes(client.post("/export/", asked)) == {"bot-a"}


def test_the_export_goes_beyond_the_page(client, lab):
    for number in range(60):
        a_job(lab, suffix=f"bot-{number}")
    assert len(suffixes(client.post("/export/", {"format": "csv", "limit": 20}))) == 60


def test_ticked_jobs_are_exported_alone(client, lab):
    ticked = [a_job(lab, suffix=name) for name in ("one", "two")]
    a_job(lab, suffix="three")
    asked = {"format": "csv", "job": [job.pk for job in ticked], "state": "failed"}
    assert suffixes(client.post("/export/", asked)) == {"one", "two"}


def test_all_of_the_list_is_more_than_what_is_ticked_besides(client, lab):
    one = a_job(lab, suffix="one", state="failed")
    a_job(lab, suffix="two", state="failed")
    a_job(lab, suffix="other", state="running")
    asked = {"format": "csv", "job": one.pk, "all": "1", "state": "failed"}
    assert suffixes(client.post("/export/", asked)) == {"one", "two"}


def test_what_the_team_wrote_is_in_every_format(client, lab):
    a_job(lab, tags=" eu prod ", note="=1+1 for Dana"), a_job(lab)
    text = content_of(client.post("/export/", {"format": "csv"})).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["tags"], row["note"]) for row in rows] == [("eu prod", "'=1+1 for Dana"), ("", "")]
    lines = content_of(client.post("/export/", {"format": "jsonl"})).splitlines()
    told = [(job["tags"], job["note"]) for job in (json.loads(line)["job"] for line in lines)]
    assert told == [(["eu", "prod"], "=1+1 for Dana"), ([], "")]
    with zipfile.ZipFile(
        io.BytesIO(content_of(client.post("/export/", {"format": "zip"})))
    ) as found:
        names = [name for name in found.namelist() if name.endswith("summary.json")]
        assert any(json.loads(found.read(name))["job"]["tags"] == ["eu", "prod"] for name in names)


def test_a_ticked_job_that_was_removed_meanwhile_is_left_out(client, lab):
    kept, gone = a_job(lab, suffix="kept"), a_job(lab)
    asked = {"format": "csv", "job": [kept.pk, gone.pk]}
    gone.delete()
    assert suffixes(client.post("/export/", asked)) == {"kept"}


def test_jobs_of_another_team_are_not_to_be_had(client, lab):
    mine, theirs = a_job(lab, suffix="mine"), a_job(suffix="theirs")
    assert client.post("/export/", {"format": "csv", "job": theirs.pk}).status_code == 404
    both = {"format": "csv", "job": [mine.pk, theirs.pk]}
    assert suffixes(client.post("/export/", both)) == {"mine"}
    assert suffixes(client.post("/export/", {"format": "csv"})) == {"mine"}
    path = f"/connections/{theirs.connection.slug}/export/"
    assert client.post(path, {"format": "csv"}).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"format": ""},
        {"format": "exe"},
        {"format": "csv", "job": "x"},
        {"format": "csv", "job": "-1"},
        {"format": "csv", "job": "9" * 30},
    ],
)
def test_what_is_no_export_is_a_bad_request(client, asked):
    assert client.post("/export/", asked).status_code == 400


def test_archived_jobs_are_in_the_export_of_their_connection_only(client, lab):
    a_job(lab, suffix="shown")
    a_job(lab, suffix="archived", archived_at=NOON)
    assert suffixes(client.post("/export/", {"format": "csv"})) == {"shown"}
    of_all = client.post("/connections/lab/export/", {"format": "csv"})
    assert suffixes(of_all) == {"shown", "archived"}


def test_an_archived_connection_is_still_exported(client, team):
    a_job(a_connection(team, slug="old", archived_at=NOON), suffix="kept")
    assert suffixes(client.post("/connections/old/export/", {"format": "csv"})) == {"kept"}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_download_is_named_and_may_do_nothing(client, lab, kind):
    a_job(lab)
    answer = client.post("/connections/lab/export/", {"format": kind})
    assert content_of(answer)
    name = re.search(r'filename="([^"]*)"', answer.headers["Content-Disposition"])[1]
    assert re.fullmatch(rf"tunebell-lab-\d{{8}}-\d{{4}}\.{kind}", name)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Security-Policy"] == settings.FILE_POLICY


def test_the_zip_and_the_lines_are_whole(client, lab):
    a_job(lab, suffix="one")
    a_job(lab, suffix="two")
    packed = content_of(client.post("/export/", {"format": "zip"}))
    assert zipfile.ZipFile(io.BytesIO(packed)).testzip() is None
    lines = content_of(client.post("/export/", {"format": "jsonl"})).splitlines()
    assert {json.loads(line)["job"]["suffix"] for line in lines} == {"one", "two"}


def test_an_export_of_nothing_is_an_empty_file(client, lab):
    assert suffixes(client.post("/export/", {"format": "csv", "q": "no such job"})) == set()


def test_each_export_is_in_the_log(client, lab):
    a_job(lab)
    content_of(client.post("/connections/lab/export/", {"format": "zip"}))
    assert AuditEntry.objects.get(action="export").subject == "zip of lab"


def test_a_team_has_three_exports_at_a_time(client, lab):
    a_job(lab)
    begun = [client.post("/export/", {"format": "zip"}) for _ in range(3)]
    busy = client.post("/export/", {"format": "zip"})
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "30")
    assert "Other exports are under way" in busy.content.decode()
    assert content_of(begun[0])
    assert client.post("/export/", {"format": "zip"}).status_code == 200


def test_another_team_need_not_wait(client, lab):
    for _ in range(3):
        client.post("/export/", {"format": "zip"})
    other = Client()
    other.force_login(a_member(a_team()))
    assert other.post("/export/", {"format": "zip"}).status_code == 200


def test_all_teams_together_leave_threads_to_the_pages():
    answers = []
    for _ in range(3):
        browser = Client()
        browser.force_login(a_member(a_team()))
        answers += [browser.post("/export/", {"format": "zip"}).status_code for _ in range(3)]
    assert answers == [200] * 8 + [429]


def places_taken() -> set[int]:
    return set(RequestCount.objects.filter(count__gt=0).values_list("count", flat=True))


def test_a_download_frees_its_place_once_whether_it_began_or_not(team):
    first, second = (Sending(iter([b"x"]), Turn.take(team.pk)) for _ in range(2))
    assert (list(first), places_taken()) == ([b"x"], {2})
    first.close()
    first.close()
    assert places_taken() == {1}
    second.close()
    assert places_taken() == set()


def boxes(html: str) -> list[str]:
    return re.findall(r'<input[^>]*type="checkbox"[^>]*name="job"[^>]*>', html)


def test_each_row_of_the_list_has_a_box_with_its_name(client, lab):
    job = a_job(lab, suffix="bot")
    html = client.get("/jobs/").content.decode()
    assert boxes(html) == [
        f'<input type="checkbox" name="job" value="{job.pk}" aria-label="Tick bot">'
    ]
    assert 'form="ticked" formaction="/export/" name="format" value="zip"' in html


def test_the_form_repeats_the_filter_of_the_list(client, lab):
    a_job(lab, suffix="bot", state="failed")
    html = client.get("/jobs/?state=failed&connection=lab&q=bot").content.decode()
    form = html[html.index('<div id="carried"') :]
    for name, value in (("state", "failed"), ("connection", "lab"), ("q", "bot")):
        assert f'<input type="hidden" name="{name}" value="{value}" form="ticked">' in form


@pytest.mark.parametrize("path", ["/jobs/", "/connections/lab/"])
def test_every_format_has_its_button(client, lab, path):
    a_job(lab)
    html = client.get(path).content.decode()
    assert re.findall(r'name="format" value="(\w+)"', html) == list(FORMATS)


def test_a_refresh_of_the_list_asks_for_no_token(client, lab):
    a_job(lab)
    poll = client.get("/jobs/", headers={"HX-Request": "true"})
    assert b"csrf" not in poll.content
    assert settings.CSRF_COOKIE_NAME not in poll.cookies


@pytest.fixture
def served(site, lab):
    """Posts to the site under gunicorn, as a viewer of the team."""
    address = urlsplit(site().url)
    member = Client()
    member.force_login(a_member(lab.team, Role.VIEWER))
    session = member.cookies[settings.SESSION_COOKIE_NAME].value

    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)

    def post(path: str, kind: str) -> http.client.HTTPResponse:
        cookies = f"{settings.SESSION_COOKIE_NAME}={session}; csrf={TOKEN}"
        headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        headers["Connection"] = "close"  # the socket is the answer's alone
        body = urlencode({"format": kind, "csrfmiddlewaretoken": TOKEN})
        connection.request("POST", path, body, headers)
        return connection.getresponse()

    yield post
    connection.close()


def with_a_file(lab, content: bytes) -> None:
    File.objects.create(connection=lab, provider_id="file-r", kind="csv", content=content)
    a_job(lab, result_files=["file-r"])


@pytest.mark.stack
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["zip", "jsonl"])
def test_a_download_that_fails_on_the_way_breaks_off(served, lab, kind):
    a_job(lab)
    with_a_file(lab, b"cannot be unpacked")
    answer = served("/connections/lab/export/", kind)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    answer.close()
    eventually(lambda: places_taken() == set())


@pytest.mark.stack
@pytest.mark.django_db(transaction=True)
def test_a_client_that_goes_away_stops_the_export(served, lab):
    text = "".join(chr(32 + number * 7919 % 90) for number in range(100_000))
    for _ in range(300):
        a_job(lab, error_message=text)
    answer = served("/connections/lab/export/", "jsonl")
    assert answer.read(1)
    assert places_taken() == {1}
    answer.close()
    eventually(lambda: places_taken() == set())
