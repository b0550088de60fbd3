"""/jobs/<connection>/<job>/points/ and how the page of a job asks for a view of its curves."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection as database
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from dashboard.metric_view import MetricView
from dashboard.queries import curves
from dashboard.queries.shelf import Shelf
from jobs import record
from jobs.models import Checkpoint, Event, Job, Point, PointSource
from tests.builders import NOON, a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def job() -> Job:
    return a_job(a_connection(a_team(), slug="lab"), provider_id="ftjob-a", suffix="=bot")


@pytest.fixture
def client(job) -> Client:
    client = Client()
    client.force_login(a_member(job.team, Role.VIEWER))
    return client


def tell(job: Job, metric: str, values, **facts) -> None:
    Point.objects.bulk_create(
        Point(job=job, metric=metric, step=step, value=value, source=1,
              seen_at=facts.get("seen_at", NOON))
        for step, value in enumerate(values, 1)
    )  # fmt: skip


def asked(client: Client, query: str = "", **headers):
    return client.get(f"/jobs/lab/ftjob-a/points/{query}", headers=headers)


def panels(client: Client, query: str = "") -> dict:
    return {one["name"]: one for one in asked(client, query).json()["panels"]}


@pytest.mark.parametrize(
    ("query", "view"),
    [
        ("", MetricView()),
        ("x=time&y=log&smooth=0.6", MetricView("time", is_log=True, smooth=0.6)),
        ("from=10&to=20.5", MetricView(low=10, high=20.5)),
        ("series=a&series=b&series=a&series=", MetricView(series=("a", "b"))),
        ("x=furlongs&y=3&smooth=1&from=ten&to=nan", MetricView()),
        ("smooth=-0.1&from=inf&to=-1e999", MetricView()),
        ("smooth=nan&from=20&to=10", MetricView(low=10, high=20)),
        ("from=7&to=7", MetricView()),
        ("from=&to=", MetricView()),
        (f"from={'9' * 5000}", MetricView()),
    ],
)
def test_an_address_is_read_and_nonsense_counts_as_absent(query, view):
    assert MetricView.read(QueryDict(query)) == view


@pytest.mark.parametrize(
    "view",
    [
        MetricView(),
        MetricView("tokens", is_log=True, smooth=0.25, low=-1.5, high=2e20, series=("a&b", "ü")),
    ],
)
def test_a_view_writes_the_address_it_was_read_from(view):
    assert MetricView.read(QueryDict(view.query().removeprefix("?"))) == view


def test_the_points_come_as_the_page_draws_them(client, job):
    tell(job, "train_loss", [3, 2, 1])
    page = client.get("/jobs/lab/ftjob-a/").context["page"]
    drawn = panels(client)["loss"]["series"][0]
    assert (tuple(drawn["steps"]), tuple(drawn["values"])) == ((1, 2, 3), (3, 2, 1))
    assert drawn["values"] == list(page.metrics.charts[0].series[0].values)


def test_a_view_is_drawn_by_the_server_alone(client, job):
    tell(job, "train_loss", [3, 2, 1, 4, 5])
    html = client.get("/jobs/lab/ftjob-a/?y=log&smooth=0.5&from=2&to=4").content.decode()
    assert "Training loss, smoothed" in html
    assert "From step 2 to step 4" in html
    assert '<option value="log" selected>' in html
    assert 'name="from" step="any" value="2"' in html
    assert 'name="smooth" min="0" max="0.99" step="0.01" value="0.5"' in html


def test_the_poll_of_the_page_keeps_the_view(client, job):
    tell(job, "train_loss", [3, 2, 1])
    html = client.get("/jobs/lab/ftjob-a/?from=2&to=3").content.decode()
    assert 'hx-get="/jobs/lab/ftjob-a/?from=2&amp;to=3"' in html


@pytest.mark.parametrize(
    "query",
    ["?x=%ff&y=[]&smooth=x&from=--&to=1e400&series=%F0", "?panel=&format=pdf", "?from=5&to=5"],
)
def test_nonsense_is_answered_like_nothing(client, job, query):
    tell(job, "train_loss", [3, 2, 1])
    assert len(panels(client, query)["loss"]["series"][0]["steps"]) == 3


def test_a_range_without_points_has_no_panel_and_the_page_says_the_way_out(client, job):
    tell(job, "train_loss", [3, 2, 1])
    assert panels(client, "?from=100") == {}
    html = client.get("/jobs/lab/ftjob-a/?from=100&smooth=0.5").content.decode()
    assert "Nothing in this range of: Loss." in html
    assert 'href="/jobs/lab/ftjob-a/?smooth=0.5#metrics"' in html


def test_lines_are_chosen_by_name_and_unknown_names_choose_nothing(client, job):
    tell(job, "train_loss", [3, 2, 1])
    tell(job, "valid_loss", [4, 3, 2])
    labels = [one["label"] for one in panels(client, "?series=valid_loss")["loss"]["series"]]
    assert labels == ["Validation loss"]
    assert len(panels(client, "?series=nothing")["loss"]["series"]) == 2


def test_the_csv_is_the_table_of_the_panel(client, job):
    tell(job, "train_loss", [3, 2.5, 1])
    tell(job, "train_accuracy", [0.1, 0.2, 0.3])
    page = client.get("/jobs/lab/ftjob-a/?smooth=0.5&from=2").context["page"]
    chart = page.metrics.charts[0]
    answer = client.get(chart.csv_url)
    header, *rows = csv.reader(io.StringIO(answer.content.decode()))
    assert header == ["Step", "Training loss", "Training loss, smoothed"]
    told = [[float(cell) for cell in row] for row in rows]
    assert told == [[x, *values] for x, values in chart.rows]
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="bot-loss.csv"' in answer.headers["Content-Disposition"]


def test_the_csv_of_all_panels_has_their_columns_side_by_side(client, job):
    tell(job, "train_loss", [3, 2])
    tell(job, "=cmd()", [7])
    header, *rows = csv.reader(io.StringIO(asked(client, "?format=csv").content.decode()))
    assert header == ["Step", "Training loss", "'=cmd()"]
    assert rows == [["1", "3", "7"], ["2", "2", ""]]


def test_an_unknown_panel_is_not_found(client, job):
    tell(job, "train_loss", [3, 2])
    assert asked(client, "?panel=loss").status_code == 200
    for query in ("?panel=nothing", "?panel=nothing&format=csv", "?panel=%F0%9F"):
        assert asked(client, query).status_code == 404


def test_unchanged_points_are_answered_304_until_the_job_changes(client, job):
    tell(job, "train_loss", [3, 2])
    tag = asked(client).headers["ETag"]
    same = asked(client, **{"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    assert asked(client, "?smooth=0.5", **{"If-None-Match": tag}).status_code == 200
    record.touch(job.pk)
    assert asked(client, **{"If-None-Match": tag}).status_code == 200


def test_another_team_finds_nothing(job):
    stranger = Client()
    stranger.force_login(a_member(a_team()))
    tell(job, "train_loss", [3, 2])
    assert asked(stranger).status_code == 404


def test_a_job_without_points_has_no_panels(client, job):
    assert asked(client).json()["panels"] == []
    assert asked(client, "?format=csv").content == b'"Step"\r\n'


def test_long_curves_are_read_once_for_each_version_of_the_job(client, job):
    tell(job, "train_loss", [1 + number % 7 for number in range(curves.WORTH)])
    asked(client)
    with CaptureQueriesContext(database) as queries:
        part = panels(client, "?from=10&to=20")["loss"]["series"][0]["steps"]
    assert part == list(range(10, 21))
    assert not any("jobs_point" in query["sql"] for query in queries)
    Point.objects.filter(job=job, step=15).update(value=99)
    record.touch(job.pk)
    assert 99 in panels(client, "?from=10&to=20")["loss"]["series"][0]["values"]


def test_a_long_answer_is_small(client, job):
    for metric in ("train_loss", "valid_loss"):
        tell(job, metric, [2 / 3 + number % 97 for number in range(10_000)])
    answer = asked(client)
    assert len(answer.content) < 60_000
    assert all(len(one["steps"]) <= 902 for one in answer.json()["panels"][0]["series"])


def test_the_section_alone_answers_a_change_of_view(client, job):
    tell(job, "train_loss", [3, 2, 1])
    html = asked(client, "?from=2", **{"HX-Request": "true"}).content.decode()
    assert html.startswith('<section class="section" id="metrics"')
    assert "From step 2 on: training loss" in html
    assert 'data-shown="from=2"' in html


def event(job: Job, step: int, at, **facts) -> None:
    body = {"step": step, "train_loss": 1.0}
    Event.objects.create(
        **{"job": job, "provider_id": f"e{step}", "created_at": at, "level": "info",
           "type": "metrics", "body": body, **facts}
    )  # fmt: skip


def test_time_is_the_provider_s_where_events_tell_it_and_pauses_are_gaps(client, job):
    tell(job, "train_loss", [3, 2, 1])
    for step, minute in ((1, 0), (2, 30), (3, 40)):
        event(job, step, NOON + timedelta(minutes=minute))
    for state, minute in (("running", 0), ("paused", 5), ("running", 25)):
        a_transition(job, to_state=state, happened_at=NOON + timedelta(minutes=minute))
    found = panels(client, "?x=time")["loss"]
    assert found["x"]["label"] == "Minutes since the first point"
    assert (found["series"][0]["steps"], found["series"][0]["values"]) == (
        [0, 15, 30, 40],
        [3, None, 2, 1],
    )


def test_without_dated_events_time_is_ours_and_says_so(client, job):
    tell(job, "train_loss", [3])
    later = NOON + timedelta(minutes=7)
    Point.objects.create(job=job, metric="train_loss", step=2, value=1, source=1, seen_at=later)
    html = client.get("/jobs/lab/ftjob-a/?x=time").content.decode()
    assert "Times are ours" in html
    assert panels(client, "?x=time")["loss"]["series"][0]["steps"] == [0, 7]


def test_a_checkpoint_s_time_counts_too(client, job):
    tell(job, "train_loss", [3, 2, 1])
    event(job, 1, NOON)
    Checkpoint.objects.create(
        job=job, provider_id="c", step=3, created_at=NOON + timedelta(minutes=4)
    )
    assert panels(client, "?x=time")["loss"]["series"][0]["steps"] == [0, 2, 4]
    assert "an estimate" in client.get("/jobs/lab/ftjob-a/?x=time").content.decode()


@pytest.mark.parametrize("body", [None, [], {"step": "7"}, {"step": True}, {"step": None}, {}])
def test_events_without_a_readable_step_tell_no_time(client, job, body):
    tell(job, "train_loss", [3, 2, 1])
    event(job, 1, NOON, body=body)
    assert panels(client, "?x=time")["loss"]["series"][0]["steps"] == [1, 2, 3]


def axes_of(client: Client) -> list[str]:
    page = client.get("/jobs/lab/ftjob-a/").context["page"]
    return [one.value for one in page.metrics.form.xs]


def test_an_axis_is_offered_only_where_it_is_known(client, job):
    tell(job, "train_loss", [3, 2])
    assert axes_of(client) == ["step"]
    Job.objects.filter(pk=job.pk).update(state="succeeded", trained_tokens=1000)
    assert axes_of(client) == ["step", "tokens"]
    event(job, 1, NOON)
    assert axes_of(client) == ["step", "tokens", "time"]


def test_tokens_of_a_job_that_still_trains_are_not_shared_out(client, job):
    tell(job, "train_loss", [3, 2])
    Job.objects.filter(pk=job.pk).update(trained_tokens=1000)
    assert axes_of(client) == ["step"]


def test_counted_tokens_go_before_an_estimate(client, job):
    tell(job, "train_loss", [3, 2])
    tell(job, "elapsed_tokens", [512, 1024])
    Job.objects.filter(pk=job.pk).update(state="succeeded", trained_tokens=9000)
    found = panels(client, "?x=tokens")["loss"]
    assert (found["x"]["label"], found["series"][0]["steps"]) == ("Tokens", [512, 1024])


def test_the_best_row_of_the_table_is_marked(client, job):
    tell(job, "valid_loss", [3, 2, 4])
    html = client.get("/jobs/lab/ftjob-a/").content.decode()
    assert '<th scope="row" class="number">2 <span class="best-word">best</span></th>' in html
    assert '<circle class="best"' in html


def test_a_full_shelf_gives_up_what_was_used_longest_ago():
    shelf = Shelf[str](room=10, weigh=len)
    for word in ("four", "five!", "x"):
        shelf.put(word, word)
    assert shelf.get("four") == "four"
    shelf.put("new", "new")
    assert [shelf.get(word) for word in ("four", "five!", "x", "new")] == ["four", None, "x", "new"]
    shelf.put("huge", "larger than the whole")
    assert shelf.get("huge") is None


def test_the_page_says_where_its_points_come_from_and_that_some_were_corrected(client, job):
    tell(job, "train_loss", [3, 2, 1])
    Point.objects.filter(step=3).update(source=PointSource.RESULT_FILE)
    Job.objects.update(corrected_points=1)
    html = client.get("/jobs/lab/ftjob-a/").content.decode()
    assert "1 point from the result file, 2 from events." in html
    assert "1 differed from what events or checkpoints said." in html
