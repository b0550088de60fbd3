"""The query string of the jobs list: what it may ask for, how it is spelled, and what it finds."""

from datetime import UTC, date, datetime

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.models import Role, Team
from dashboard.queries.job_filter import JobFilter
from jobs.models import Checkpoint, Connection
from providers.states import State
from tests.builders import a_connection, a_job, a_member, a_team

ALL = (
    "archived=1&cols=curve,cost&connection=lab&error=server_error&from=2026-01-02&limit=20"
    "&method=dpo&model=gpt&q=two+words&sort=loss&state=failed&state=running&stuck=1"
    "&tag=eu&tag=prod&to=2026-02-03"
)


def read(query: str) -> JobFilter:
    return JobFilter.read(QueryDict(query))


def test_a_filter_writes_what_it_reads() -> None:
    assert read(ALL).query_string == ALL


@pytest.mark.django_db
def test_clearing_the_filter_keeps_order_columns_and_number_of_rows(viewer, lab) -> None:
    a_job(lab)
    for asked in ("&q=none", "&method=dpo&state=failed"):
        html = viewer.get(f"/jobs/?cols=curve,cost&limit=20&sort=loss{asked}").content.decode()
        assert (
            html.count('href="/jobs/?sort=loss&amp;limit=20&amp;cols=curve,cost">Clear filter') == 2
        )
    assert 'href="/jobs/?view=all">Clear filter' in viewer.get("/jobs/?q=none").content.decode()


def test_what_is_usual_is_not_written() -> None:
    usual = "sort=-created&limit=50&q=&state=&tag=&stuck=0&after=7.8&export=1&nonsense=1"
    assert read(usual).query_string == ""
    assert not read(usual).is_narrow


def test_two_spellings_of_one_view_have_one_query_string() -> None:
    one, other = (
        read("cols=created,curve&tag=PROD&state=failed"),
        read("state=failed&tag=prod&tag=prod&cols=curve&cols=created"),
    )
    assert one.query_string == other.query_string


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense&method=hack&sort=hack&limit=7&cols=hack&from=x&to=&after=%FF&tag=+&tag=a+b",
        "limit=٥٠&limit=1e9&stuck=yes&archived=on",
        "from=0001-01-01&to=9999-12-31",
    ],
)
def test_what_cannot_be_read_is_as_if_it_were_not_there(query) -> None:
    assert read(query).query_string == ""


def test_endless_values_are_cut() -> None:
    long = "x" * 5000
    asked = read(f"q={long}&model={long}&error={long}&tag={long}&after={long}&connection={long}")
    assert max(len(value) for _, value in asked.members) <= 200
    assert len(asked.after) <= 300


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("from=2026-13-45", "“2026-13-45” is no date like 2026-11-27 and was left out."),
        ("to=<b>", "“<b>” is no date like 2026-11-27 and was left out."),
        (
            "from=2026-02-02&to=2026-02-01",
            "The first day is after the last one, so no job can match.",
        ),
        ("from=2026-02-01&to=2026-02-01", ""),
        ("from=&to=", ""),
    ],
)
def test_a_date_that_does_not_count_is_said(query, note) -> None:
    assert read(query).unread_note == note


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("state=failed&state=queued", "failed or queued"),
        ("tag=prod&tag=eu", "tagged eu and prod"),
        ("error=server_error&archived=1", "archived, error code server_error"),
        ("from=2026-01-02", "created since 2026-01-02"),
        ("to=2026-01-02", "created until 2026-01-02"),
        ("from=2026-01-02&to=2026-01-02", "created on 2026-01-02"),
        ("from=2026-01-02&to=2026-01-03&q=bot", "created from 2026-01-02 to 2026-01-03, “bot”"),
    ],
)
def test_a_filter_is_said_in_words(query, said) -> None:
    assert read(query).words == said


def test_each_form_repeats_what_it_has_no_control_for() -> None:
    asked = read(ALL)
    assert {name for name, _ in asked.kept_by_filters} == {"stuck", "sort", "cols"}
    assert {name for name, _ in asked.members} - {name for name, _ in asked.kept_by_columns} == {
        "cols"
    }
    assert (asked.first, asked.last) == (date(2026, 1, 2), date(2026, 2, 3))


@pytest.fixture
def team() -> Team:
    return a_team(tags=["eu", "prod"])


@pytest.fixture
def client(team) -> Client:
    viewer, client = a_member(team, Role.VIEWER), Client()
    viewer.time_zone = "Asia/Tokyo"
    viewer.save()
    client.force_login(viewer)
    return client


@pytest.fixture
def lab(team) -> Connection:
    return a_connection(team, slug="lab", name="Lab", health="ok")


def names(response) -> set[str]:
    return {row.name for row in response.context["page"].rows}


def shown(client: Client, query: str) -> set[str]:
    return names(client.get(f"/jobs/?{query}"))


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=prod", {"a", "b"}),
        ("tag=prod&tag=eu", {"a"}),
        ("tag=PROD", {"a", "b"}),
        ("tag=pro", set()),
        ("error=server_error", {"b"}),
        ("error=server", set()),
        ("archived=1", {"away"}),
        ("q=prod+bot", {"a"}),
        ("q=%25", set()),
        ("q=_", {"b"}),
        ("q=ÜBER", {"b"}),
        ("q=away", set()),
        ("q=away&archived=1", {"away"}),
    ],
)
def test_the_address_filters(client, lab, query, expected) -> None:
    a_job(lab, suffix="a", tags=" eu prod ", metadata={"kind": "bot"})
    a_job(lab, suffix="b", tags=" prod ", state="failed", error_code="server_error", note="Über")
    a_job(lab, suffix="c")
    a_job(lab, suffix="away", archived_at=timezone.now())
    assert shown(client, query) == expected


@pytest.mark.django_db
@pytest.mark.both_databases
def test_days_are_those_of_the_viewer_s_zone(client, lab) -> None:
    """Midnight in Tokyo is 15:00 UTC of the day before."""
    for name, hour in (("before", 14), ("first", 15), ("last", 23)):
        a_job(lab, suffix=name, created_at=datetime(2026, 3, 9, hour, tzinfo=UTC))
    a_job(lab, suffix="undated", created_at=None)
    assert shown(client, "from=2026-03-10") == {"first", "last"}
    assert shown(client, "to=2026-03-09") == {"before"}
    assert shown(client, "from=2026-03-10&to=2026-03-10") == {"first", "last"}


@pytest.mark.django_db
def test_a_bad_date_is_named_on_the_page(client, lab) -> None:
    a_job(lab, suffix="here")
    response = client.get("/jobs/?from=<b>2026")
    assert names(response) == {"here"}
    assert "“&lt;b&gt;2026” is no date" in response.content.decode()


@pytest.mark.django_db
def test_tags_in_use_are_offered_and_the_chosen_ones_ticked(client, lab) -> None:
    a_job(lab, tags=" prod ")
    page = client.get("/jobs/?tag=prod&tag=gone").context["page"]
    assert page.tag_choices == (("gone", "gone", True), ("prod", "prod", True), ("eu", "eu", False))


@pytest.mark.django_db
def test_two_states_are_chosen_by_boxes_also_such_that_no_job_is_in(client, lab) -> None:
    a_job(lab, state="running")
    response = client.get("/jobs/?state=queued&state=running")
    chosen = {value for value, _, is_chosen in response.context["page"].state_choices if is_chosen}
    html = response.content.decode()
    assert chosen == {"queued", "running"}
    assert html.count('type="checkbox" name="state"') == len(State)
    assert 'name="state" value="queued" checked' in html


@pytest.mark.django_db
def test_no_hits_names_what_was_asked_for_and_keeps_it_in_the_box(client, lab) -> None:
    a_job(lab)
    html = client.get('/jobs/?q=no+"such"+job').content.decode()
    assert "Asked for: “no &quot;such&quot; job”. 1 job without the filter." in html
    assert 'value="no &quot;such&quot; job"' in html


@pytest.mark.django_db
def test_the_model_of_a_checkpoint_leads_to_the_job_that_made_it(client, lab) -> None:
    job, other = a_job(lab, provider_id="ftjob-a"), a_job(lab, provider_id="ftjob-b")
    theirs = a_job(a_connection(a_team(), slug="theirs"))
    for number, (of, model) in enumerate([(job, "ft:m:s:x:step-8"), (theirs, "ft:m:s:y:step-8")]):
        Checkpoint.objects.create(job=of, provider_id=f"ftckpt-{number}", model=model)
    for asked in ("ft:m:s:x:step-8", "ftckpt-0"):
        found = client.get("/jobs/", {"q": asked})
        assert found.headers["Location"] == "/jobs/lab/ftjob-a/#checkpoints"
    assert client.get("/jobs/?q=ft:m:s:y:step-8").status_code == 200  # of another team
    Checkpoint.objects.create(job=other, provider_id="ftckpt-9", model="ft:m:s:x:step-8")
    assert client.get("/jobs/?q=ft:m:s:x:step-8").status_code == 200  # of two jobs


@pytest.mark.django_db
def test_an_exact_id_opens_the_job_whatever_else_contains_it(client, lab, team) -> None:
    a_job(lab, provider_id="ftjob-exact")
    a_job(lab, provider_id="ftjob-exact-2", note="after ftjob-exact")
    found = client.get("/jobs/?q=FTJOB-exact&state=failed")
    assert found.headers["Location"] == "/jobs/lab/ftjob-exact/"
    a_job(a_connection(team), provider_id="ftjob-exact")
    assert client.get("/jobs/?q=ftjob-exact").status_code == 200


@pytest.mark.django_db
def test_an_exact_id_of_another_team_or_put_away_opens_nothing(client, lab) -> None:
    a_job(a_connection(a_team()), provider_id="ftjob-theirs")
    a_job(lab, provider_id="ftjob-away", archived_at=timezone.now())
    for name in ("ftjob-theirs", "ftjob-away"):
        assert shown(client, f"q={name}") == set()


@pytest.mark.django_db
def test_hostile_text_in_every_place_of_the_address_harms_nothing(client, lab) -> None:
    a_job(lab)
    hostile = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE%F0%9F%92%A5"
    names = ("q", "state", "connection", "model", "method", "tag", "error", "from", "sort", "cols")
    response = client.get("/jobs/?" + "&".join(f"{name}={hostile}" for name in names))
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()
