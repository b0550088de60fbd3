"""/compare/: which jobs it takes, what it says of them, and its CSV."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.queries.compare import ref_of
from dashboard.queries.compare_asked import MOST_CURVES, MOST_ROWS
from jobs.models import File, Point
from jobs.refs import compare_path
from providers.states import State
from tests.builders import NOON, a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOSTILE = '<b onmouseover="x">\u202egnp</b>\x07' + "long " * 5000


@pytest.fixture
def lab():
    return a_connection(slug="lab", name="Lab")


@pytest.fixture
def client(lab):
    client = Client()
    client.force_login(a_member(lab.team))
    return client


def a_curve(job, metric: str, *values: float) -> None:
    Point.objects.bulk_create(
        Point(job=job, metric=metric, step=step, value=value, source=1, seen_at=NOON)
        for step, value in enumerate(values, start=1)
    )


def address(*jobs, **asked: str) -> str:
    more = "".join(f"&{name}={value}" for name, value in asked.items())
    return compare_path(map(ref_of, jobs)) + more


def page_of(client, *jobs, **asked: str):
    answer = client.get(address(*jobs, **asked))
    assert answer.status_code == 200
    return answer.context["page"]


def row(page, name: str):
    return next(row for row in page.comparison.rows if row.name == name)


def texts(page, name: str) -> list[str]:
    return [cell.text for cell in row(page, name).cells]


def table_of(client, *jobs, **asked: str) -> list[list[str]]:
    answer = client.get(address(*jobs, format="csv", **asked))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    return list(csv.reader(io.StringIO(answer.content.decode())))


def some_jobs(lab, number: int) -> list:
    return [a_job(lab) for _ in range(number)]


def test_jobs_stand_in_the_order_of_the_address_and_each_once(client, lab):
    first, second = a_job(lab, suffix="v7"), a_job(a_connection(lab.team), suffix="v8")
    page = page_of(client, second, first, second)
    assert [job.name for job in page.jobs] == ["v8", "v7"]


@pytest.mark.parametrize(
    "query",
    [
        "jobs=lab/ftjob-a,lab/nobody",
        "jobs=lab/ftjob-a,nowhere/ftjob-a",
        "jobs=lab/ftjob-a,lab",
        "jobs=lab/ftjob-a,lab/%2500",
        "jobs=lab/ftjob-a,lab/" + "x" * 3000,
        "job=0",
        "job=x",
        "job=-1",
        "job=9999999999999999999999",
        "job=999999999",
    ],
)
def test_what_is_no_job_of_the_team_is_not_found(client, lab, query):
    a_job(lab, provider_id="ftjob-a")
    assert client.get(f"/compare/?{query}").status_code == 404


def test_a_job_of_another_team_is_not_found_and_not_named(client, lab):
    other = a_job(a_connection(a_team(), slug="theirs"), suffix="secret-plan")
    for query in (address(a_job(lab), other), f"/compare/?job={other.pk}"):
        answer = client.get(query)
        assert answer.status_code == 404
        assert "secret-plan" not in answer.content.decode()


def test_ticked_boxes_lead_to_the_address_that_names_the_jobs(client, lab):
    first, second = some_jobs(lab, 2)
    answer = client.get(f"/compare/?job={second.pk}&job={first.pk}&job={first.pk}&diff=1&q=x")
    assert answer.status_code == 302
    assert answer.url == address(second, first, diff="1")


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_are_asked_for_more(client, lab, number):
    jobs = some_jobs(lab, 3)
    answer = client.get(address(*jobs[:number]))
    page = answer.context["page"]
    assert [one.id for one in page.ticked] == [job.pk for job in jobs[:number]]
    assert {one.id for one in page.found} == {job.pk for job in jobs[number:]}
    assert b'type="checkbox"' in answer.content


def test_jobs_with_curves_are_offered_first_with_their_result(client, lab):
    bare, drawn = a_job(lab), a_job(lab)
    facts = {"headline_metric": "valid_loss", "best_valid_loss": 0.47, "train_loss": 0.3}
    type(drawn).objects.filter(pk=drawn.pk).update(**facts)
    page = client.get("/compare/").context["page"]
    assert [(one.id, one.result) for one in page.found] == [
        (drawn.pk, "lowest validation loss 0.47"),
        (bare.pk, ""),
    ]


def test_a_search_for_more_jobs_keeps_those_that_are_ticked(client, lab):
    ticked, wanted, _ = a_job(lab), a_job(lab, suffix="needle"), a_job(lab)
    answer = client.get(f"/compare/?job={ticked.pk}&q=needle&choose=1", follow=True)
    page = answer.context["page"]
    assert [one.id for one in page.ticked] == [ticked.pk]
    assert [one.id for one in page.found] == [wanted.pk]


def test_more_than_curves_can_hold_are_offered_as_a_table(client, lab):
    jobs = some_jobs(lab, MOST_CURVES + 1)
    assert page_of(client, *jobs[1:]).comparison
    page = page_of(client, *jobs)
    assert page.number == MOST_CURVES + 1
    table = client.get(page.table_url).context["page"]
    assert [row.job.name for row in table.wide_rows] == [job.name for job in jobs]


def test_more_than_a_table_can_hold_are_refused_in_words(client, lab):
    refs = ",".join(f"lab/ftjob-{number}" for number in range(MOST_ROWS + 1))
    answer = client.get(f"/compare/?jobs={refs}&view=table")
    assert answer.status_code == 200
    assert f"{MOST_ROWS + 1} jobs are too many" in answer.content.decode()
    assert f"holds {MOST_ROWS} jobs" in answer.content.decode()


def test_a_hundred_jobs_are_a_table(client, lab):
    jobs = some_jobs(lab, MOST_ROWS)
    assert len(page_of(client, *jobs, view="table").wide_rows) == MOST_ROWS


def test_removing_a_chip_leaves_the_others_as_they_were(client, lab):
    jobs = some_jobs(lab, 3)
    page = page_of(client, *jobs, diff="1")
    assert page.jobs[1].without_url == address(jobs[0], jobs[2], diff="1")


def test_the_result_is_told_in_full(client, lab):
    job = a_job(
        lab,
        state=State.SUCCEEDED,
        trained_tokens=1_204_331,
        best_valid_loss=0.47,
        cost_usd=3.614,
        created_at=NOON,
        ended_at=NOON + timedelta(minutes=72),
    )
    for state, seconds in (("validating", 60), ("queued", 1260), ("running", 3000)):
        a_transition(job, from_state=state, stayed_s=seconds)
    a_curve(job, "valid_loss", 0.9, 0.47, 0.5)
    page = page_of(client, job, a_job(lab))
    assert texts(page, "trained_tokens") == ["1\u2009204\u2009331", ""]
    assert texts(page, "final_valid_loss") == ["0.5", ""]
    assert texts(page, "best_valid_loss") == ["0.47", ""]
    assert texts(page, "best_valid_loss_step") == ["2", ""]
    assert texts(page, "waited_s") == ["22:00", ""]
    assert texts(page, "trained_s") == ["50:00", ""]
    assert texts(page, "duration_s")[0] == "1:12:00"
    assert texts(page, "cost_estimate_usd") == ["$3.61", ""]


def test_what_is_not_known_is_a_dash_and_never_zero(client, lab):
    body = client.get(address(a_job(lab, created_at=None), a_job(lab))).content.decode()
    assert "Not given by the provider" in body
    assert "$0" not in body


def test_requested_stands_beside_resolved_where_they_are_unlike(client, lab):
    asked = {"n_epochs": "auto", "batch_size": 8}
    job = a_job(lab, requested=asked, hyperparameters={"n_epochs": 3, "batch_size": 8})
    page = page_of(client, job, a_job(lab, requested=asked, hyperparameters=asked))
    assert texts(page, "hp.n_epochs") == ["3", "auto"]
    assert row(page, "hp.n_epochs").cells[0].note == "was auto"
    assert texts(page, "requested.n_epochs") == ["auto", "auto"]
    assert "requested.batch_size" not in [row.name for row in page.comparison.rows]


def test_method_details_are_compared_without_what_is_told_elsewhere(client, lab):
    def details(grader: str) -> dict[str, object]:
        block = {"hyperparameters": {"n_epochs": 3}, "grader": {"type": grader}}
        return {"type": "reinforcement", "reinforcement": block, "dpo": None}

    jobs = [a_job(lab, method_details=details(one)) for one in ("string_check", "python")]
    page = page_of(client, *jobs)
    told = [row.name for row in page.comparison.rows if row.name.startswith("method.")]
    assert told == ["method.reinforcement.grader.type"]


def test_files_are_told_with_their_hashes_and_of_their_own_connection(client, lab):
    eu = a_connection(lab.team)
    facts = {"provider_id": "file-a", "sha256": "ab" * 32, "size_bytes": 1_250_000}
    File.objects.create(connection=lab, filename="train.jsonl", **facts)
    page = page_of(client, *(a_job(one, training_file="file-a") for one in (lab, eu)))
    assert texts(page, "training_file_name") == ["train.jsonl", ""]
    assert texts(page, "training_file_sha256") == ["ab" * 32, ""]
    assert texts(page, "training_file_bytes") == ["1.2 MB", ""]


def test_jobs_that_trained_the_same_thing_are_named_first(client, lab):
    like = {"hyperparameters": {"n_epochs": 3}, "training_file": "file-a", "state": State.SUCCEEDED}
    jobs = [a_job(lab, suffix=name, **like) for name in ("v7", "v9")]
    page = page_of(client, *jobs, a_job(lab, suffix="v8", **{**like, "training_file": "file-b"}))
    assert page.same[0].sentence == "v7 and v9 trained the same thing."


def rivals(lab, **other):
    """v7 and v9, the better one, with the same data and base model."""
    like = {"training_file": "file-a", "state": State.SUCCEEDED}
    jobs = [
        a_job(lab, suffix="v7", hyperparameters={"n_epochs": 3}, **like),
        a_job(lab, suffix="v9", hyperparameters={"n_epochs": 4}, **{**like, **other}),
    ]
    for job, least in zip(jobs, (0.5, 0.4), strict=True):
        a_curve(job, "valid_loss", 0.9, least, 0.7)
        a_curve(job, "train_loss", 0.3, least / 2)
    return jobs


@pytest.mark.parametrize("view", ["", "table"])
def test_the_verdict_says_which_is_better_and_what_differs(client, lab, view):
    jobs = rivals(lab)
    for job, least in zip(jobs, (0.5, 0.4), strict=True):
        job.best_valid_loss = least  # as recording does when points come
        job.save()
    page = page_of(client, *jobs, view=view)
    assert page.verdict == (
        "Lowest validation loss: v9, 0.4; next v7, 0.5. They differ in n_epochs."
    )
    assert [cell.best for cell in row(page, "best_valid_loss").cells] == ["", "lowest"]


def test_the_verdict_follows_the_metric_that_is_asked_for(client, lab):
    page = page_of(client, *rivals(lab), metric="train_loss")
    assert page.verdict.startswith("Lowest training loss: v9, 0.2; next v7, 0.25.")


def test_no_loss_is_called_the_lowest_where_losses_do_not_compare(client, lab):
    page = page_of(client, *rivals(lab, base_model="gpt-y"))
    assert page.verdict == "Their losses do not compare: base models differ."
    assert [cell.best for found in page.comparison.rows for cell in found.cells if cell.best] == []


def test_the_union_of_metrics_is_offered_and_who_lacks_one_is_named(client, lab):
    tuned, rewarded = a_job(lab, suffix="sft"), a_job(lab, suffix="rft", method="reinforcement")
    a_curve(tuned, "train_loss", 2.0, 1.0)
    a_curve(rewarded, "train_mean_reward", 0.1, 0.6)
    page = page_of(client, tuned, rewarded, metric="train_mean_reward")
    assert [one.name for one in page.metrics] == ["train_loss", "train_mean_reward"]
    assert [one.label for one in page.chart.series] == ["rft"]
    assert page.chart.sentence.endswith("Without training mean reward: sft.")
    assert row(page, "best_train_mean_reward").cells[1].text == "0.6"


@pytest.mark.parametrize("metric", ["", "no_such_metric", "x" * 3000])
def test_a_metric_that_none_has_is_as_if_it_were_not_asked_for(client, lab, metric):
    job = a_job(lab)
    a_curve(job, "train_loss", 2.0, 1.0)
    page = page_of(client, job, a_job(lab), metric=metric)
    assert [one.name for one in page.metrics if one.is_chosen] == ["train_loss"]


def test_new_points_move_the_curve(client, lab):
    job, other = some_jobs(lab, 2)
    a_curve(job, "train_loss", 2.0, 1.0)
    assert page_of(client, job, other).chart.series[0].last == 1.0
    Point.objects.create(job=job, metric="train_loss", step=3, value=0.5, source=1, seen_at=NOON)
    job.version += 1  # as recording does when points come
    job.save()
    assert page_of(client, job, other).chart.series[0].last == 0.5


def test_jobs_without_points_say_so(client, lab):
    body = client.get(address(*some_jobs(lab, 2))).content.decode()
    assert "None of these jobs has a curve" in body


def test_an_unknown_state_is_shown_by_its_own_word(client, lab):
    page = page_of(client, a_job(lab, state=State.UNKNOWN, raw_status="defragmenting"), a_job(lab))
    assert row(page, "state").cells[0].raw == "defragmenting"


def test_a_running_job_shows_how_old_it_is(client, lab):
    running, over = a_job(lab), a_job(lab, state=State.SUCCEEDED)
    page = page_of(client, running, over)
    assert [job.seen_at for job in page.jobs] == [NOON, None]
    assert "seen <time" in client.get(address(running, over)).content.decode()


def test_hostile_text_is_text(client, lab):
    facts = {"metadata": {HOSTILE: HOSTILE}, "hyperparameters": {HOSTILE: HOSTILE}}
    jobs = [a_job(lab, suffix=HOSTILE[:200], error_code="x", **facts), a_job(lab)]
    for view in ("", "table"):
        answer = client.get(address(*jobs, view=view))
        assert answer.status_code == 200
        assert b"<b onmouseover" not in answer.content


def test_the_csv_is_the_table(client, lab):
    jobs = [a_job(lab, suffix="v7", trained_tokens=5, seed=1), a_job(lab, suffix="v8", seed=2)]
    a_curve(jobs[0], "train_loss", 2.0, 0.25)
    for diff in ("", "1"):
        page = page_of(client, *jobs, diff=diff)
        head, *lines = table_of(client, *jobs, diff=diff)
        assert head == ["group", "fact", "differs", *(str(ref_of(job)) for job in jobs)]
        assert [line[1] for line in lines] == [row.name for row in page.comparison.rows]
        assert {line[1]: line[3:] for line in lines}["trained_tokens"] == ["5", ""]


def test_the_csv_of_the_wide_table_has_a_line_a_job(client, lab):
    jobs = some_jobs(lab, 3)
    page = page_of(client, *jobs, view="table")
    head, *lines = table_of(client, *jobs, view="table")
    assert head == ["job", "name", *(row.name for row in page.comparison.rows)]
    assert [line[:2] for line in lines] == [[str(ref_of(job)), job.name] for job in jobs]


def test_no_cell_of_the_csv_is_a_formula(client, lab):
    jobs = [a_job(lab, suffix="=1+1", metadata={"=x": "@SUM(A1)"}), a_job(lab, suffix="-v8")]
    for view in ("", "table"):
        found = [cell for line in table_of(client, *jobs, view=view) for cell in line]
        assert [cell for cell in found if cell.startswith(("=", "+", "-", "@"))] == []
        assert "'@SUM(A1)" in found


def test_the_address_of_a_view_brings_it_back(client, lab):
    jobs = some_jobs(lab, 2)
    a_curve(jobs[0], "train_loss", 2.0, 1.0)
    asked = address(*jobs, diff="1", metric="train_loss")
    assert client.get(asked).context["page"].asked.url == asked


def test_many_jobs_cost_as_many_queries_as_two(client, lab):
    jobs = some_jobs(lab, 40)
    for job in jobs:
        a_curve(job, "train_loss", 2.0, 1.0)
        job.training_file = f"file-{job.pk}"
        job.save()
        File.objects.create(connection=lab, provider_id=job.training_file)
    counts = [
        len(queries(client, address(*some, **asked)))
        for some, asked in (
            (jobs[:2], {}),
            (jobs[:8], {}),
            (jobs[:2], {"view": "table"}),
            (jobs, {"view": "table"}),
        )
    ]
    assert counts[0] == counts[1] <= 15
    assert counts[2] == counts[3] <= 15


def queries(client, path: str) -> list[str]:
    client.get(path)
    with CaptureQueriesContext(database) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def test_a_job_page_offers_to_compare_it(client, lab):
    job = a_job(lab)
    body = client.get(f"/jobs/lab/{job.provider_id}/").content.decode()
    assert f'href="{address(job)}"' in body
