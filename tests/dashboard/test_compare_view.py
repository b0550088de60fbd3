"""/compare/: how its curves are shown, as its address says."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from dashboard.queries.curves import WORTH
from jobs.models import Event, Point
from providers.states import State
from tests.builders import NOON, a_connection, a_job, a_transition
from tests.dashboard.test_compare_page import (
    a_curve,
    address,
    client,
    lab,
    page_of,
    queries,
    table_of,
)

__all__ = ["client", "lab"]
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
VIEW = {"x": "tokens", "y": "log", "smooth": "0.5", "from": "10", "to": "2000"}
FALL = (2.0, 1.5, 1.0, 0.5)


def a_run(lab, begun=None, minutes: float = 1.0, **facts):
    """Four steps with a loss; of one that begun each step took so many minutes, as its events tell."""
    job = a_job(lab, state=State.SUCCEEDED, **facts)
    a_curve(job, "train_loss", *FALL)
    if begun:
        a_transition(job, from_state="queued", to_state="running", stayed_s=5, recorded_at=begun)
        Event.objects.bulk_create(
            Event(
                job=job,
                provider_id=f"{job.pk}-{step}",
                type="metrics",
                level="info",
                created_at=begun + timedelta(minutes=minutes * step),
                body={"step": step},
            )
            for step in range(1, 5)
        )
    return job


def xs(page) -> list[str]:
    return [one.value for one in page.form.xs]


def test_the_address_keeps_how_the_curves_are_shown(client, lab):
    asked = address(*(a_run(lab, trained_tokens=4000) for _ in range(2)), diff="1", **VIEW)
    page = client.get(asked).context["page"]
    assert page.asked.url == asked
    others = (page.toggle_url, page.other_view_url, page.change_url, page.jobs[0].without_url)
    assert all("&x=tokens&y=log&smooth=0.5&from=10&to=2000" in url for url in others)


@pytest.mark.parametrize(
    "asked",
    [
        {"x": "hours", "y": "cubic", "smooth": "2", "from": "x", "to": "nan"},
        {"x": "\0", "smooth": "-1", "from": "1e999", "to": "-1e999"},
        {"smooth": "9" * 5000, "from": "5", "to": "5"},
    ],
)
def test_what_makes_no_sense_of_it_is_as_if_it_were_not_said(client, lab, asked):
    page = page_of(client, *(a_run(lab) for _ in range(2)), **asked)
    assert page.asked.view.is_plain
    assert page.plain_url == ""


def test_the_forms_hand_on_what_they_do_not_ask_for(client, lab):
    jobs = [a_run(lab, trained_tokens=4000) for _ in range(2)]
    asked = page_of(client, *jobs, diff="1", metric="train_loss", **VIEW).asked
    refs = address(*jobs).partition("jobs=")[2]
    assert asked.kept_by_view == [("jobs", refs), ("diff", "1")]
    assert asked.kept_by_choice == [("diff", "1"), ("metric", "train_loss"), *VIEW.items()]


def test_the_csv_is_the_same_however_the_curves_are_shown(client, lab):
    jobs = [a_run(lab, trained_tokens=4000) for _ in range(2)]
    assert table_of(client, *jobs, **VIEW) == table_of(client, *jobs)
    assert "smooth" not in page_of(client, *jobs, **VIEW).csv_url


def test_the_best_of_the_table_is_of_the_whole_run_and_not_of_the_zoom(client, lab):
    page = page_of(client, *(a_run(lab) for _ in range(2)), to="2")
    assert [one.values for one in page.chart.series] == [(2.0, 1.5), (2.0, 1.5)]
    best = next(row for row in page.comparison.rows if row.name == "best_train_loss")
    assert best.cells[0].text == "0.5"


def test_runs_of_other_days_lie_over_each_other_by_time(client, lab):
    jobs = [a_run(lab, NOON), a_run(lab, NOON - timedelta(days=9), minutes=2)]
    page = page_of(client, *jobs, x="time")
    assert xs(page) == ["step", "time"]
    assert [one.steps for one in page.chart.series] == [(1, 2, 3, 4), (2, 4, 6, 8)]
    assert page.chart.x_label == "Minutes since it began running"
    assert page.form.note == ""


def test_who_was_not_seen_to_begin_counts_from_its_first_point(client, lab):
    late = a_run(lab, NOON, suffix="late")
    late.transitions.update(stayed_s=None)
    page = page_of(client, a_run(lab, NOON), late, x="time")
    assert [one.steps for one in page.chart.series] == [(1, 2, 3, 4), (0, 1, 2, 3)]
    assert page.form.note.startswith("late: Minutes count from the first point")


def test_times_of_ours_are_called_ours(client, lab):
    seen = a_run(lab)
    for number, point in enumerate(Point.objects.filter(job=seen).order_by("step")):
        Point.objects.filter(pk=point.pk).update(seen_at=NOON + timedelta(minutes=number))
    page = page_of(client, a_run(lab, NOON), seen, x="time")
    assert f"{seen.name}: Times are ours" in page.form.note


def test_tokens_that_are_shared_out_are_called_an_estimate(client, lab):
    counted = a_run(lab)
    a_curve(counted, "elapsed_tokens", 1000, 2000, 3000, 4000)
    page = page_of(client, counted, a_run(lab, trained_tokens=8000, suffix="v8"), x="tokens")
    assert [one.steps for one in page.chart.series] == [
        (1000, 2000, 3000, 4000),
        (2000, 4000, 6000, 8000),
    ]
    assert page.chart.x_label == "Tokens (estimate)"
    assert page.form.note.startswith("v8: Tokens are an estimate")


@pytest.mark.parametrize("x", ["tokens", "time"])
def test_an_axis_that_one_of_them_lacks_is_not_taken_and_says_why(client, lab, x):
    whole = a_run(lab, NOON, trained_tokens=4000)
    page = page_of(client, whole, a_run(lab, suffix="bare"), x=x, **{"from": "900"})
    assert xs(page) == ["step"]
    assert page.chart.x_label == "Step"
    assert page.form.note == f"Drawn by step: no {x} known of bare."


def test_jobs_without_the_metric_stand_in_nobodys_way(client, lab):
    jobs = [a_run(lab, trained_tokens=4000), a_job(lab)]
    assert page_of(client, *jobs, x="tokens").chart.x_label == "Tokens (estimate)"


def test_a_zoom_to_where_nothing_is_leads_back(client, lab):
    jobs = [a_run(lab) for _ in range(2)]
    answer = client.get(address(*jobs, **{"from": "900"}))
    assert answer.context["page"].chart is None
    assert answer.context["page"].whole_url == address(*jobs)
    assert "Nothing in this range" in answer.content.decode()


def test_a_zoomed_chart_has_a_way_out_that_keeps_the_rest(client, lab):
    jobs = [a_run(lab) for _ in range(2)]
    page = page_of(client, *jobs, smooth="0.5", to="2")
    assert page.chart.reset_url == address(*jobs, smooth="0.5")


def test_a_reward_is_offered_no_logarithmic_scale(client, lab):
    jobs = [a_job(lab), a_job(lab)]
    for job in jobs:
        a_curve(job, "train_mean_reward", 0.1, 0.5)
    page = page_of(client, *jobs, y="log")
    assert page.form.ys == ()
    assert not page.chart.is_log


def test_a_change_of_view_is_answered_without_the_frame_of_the_page(client, lab):
    path = address(*(a_run(lab) for _ in range(2)), smooth="0.5")
    answer = client.get(path, headers={"HX-Request": "true"})
    assert answer.content.strip().startswith(b'<div class="sides" id="compared">')
    assert "HX-Request" in answer.headers["Vary"]
    assert b"<html" in client.get(path).content


def test_of_long_runs_only_what_moved_is_read_again(client, lab):
    jobs = [a_job(lab), a_job(lab)]
    for job in jobs:
        a_curve(job, "train_loss", *(1 + step / WORTH for step in range(WORTH)))
    path = address(*jobs)
    client.get(path)
    assert len(queries_of_points(client, path)) == 0
    Point.objects.filter(job=jobs[1], step=WORTH).update(value=0.25)
    jobs[1].version += 1  # as recording does when points come
    jobs[1].save()
    (read,) = queries_of_points(client, path)
    assert f"IN ({jobs[1].pk})" in read
    assert [one.last for one in page_of(client, *jobs).chart.series][1] == 0.25


def queries_of_points(client, path: str) -> list[str]:
    with CaptureQueriesContext(database) as captured:
        assert client.get(path).status_code == 200
    found = [query["sql"] for query in captured.captured_queries]
    return [sql for sql in found if '"jobs_point"."value"' in sql]


@pytest.mark.parametrize("x", ["step", "tokens", "time"])
def test_many_jobs_cost_as_many_queries_as_two(client, lab, x):
    eu = a_connection(lab.team)
    jobs = [a_run(one, NOON, trained_tokens=4000) for one in (lab, eu) * 4]
    for job in jobs[::2]:
        a_curve(job, "elapsed_tokens", 1000, 2000, 3000, 4000)
        Event.objects.filter(job=job).delete()
        Point.objects.filter(job=job, step=1).update(seen_at=NOON - timedelta(minutes=1))
    few, many = (len(queries(client, address(*some, x=x))) for some in (jobs[:2], jobs))
    assert few == many <= 15
