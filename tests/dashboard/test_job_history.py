"""The timeline of a job, what changed between two contents, and the raw JSON."""

import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import Estimate, Job, Snapshot, Transition
from tests.builders import NOON, a_connection, a_job, a_transition
from tests.dashboard.job_pages import BARE, page_of, part_of, seen, some_snapshots, words_of

pytestmark = pytest.mark.django_db


def told(changes) -> list[tuple]:
    return [(one.path, one.before, one.after, one.kind.value) for one in changes]


def test_snapshots_show_only_what_changed(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, {"status": "queued", "x": None}, {"status": "running", "x": [], "seed": 7})
    newest, first = part_of(viewer, job, "timeline/").snapshots
    assert told(newest.changes) == [
        ("status", "queued", "running", "changed"),
        ("x", "null", "[]", "changed"),
        ("seed", None, "7", "added"),
    ]
    assert first.before is None


def test_polls_without_change_are_folded_to_a_count(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, {"status": "running"}, seen_count=400)
    html = words_of(page_of(viewer, job, "timeline/"))
    assert "then 399 polls without change" in html
    assert "400 polls brought 1 version" in html


def test_each_source_is_compared_with_itself(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, {"a": 1, "b": 1}, {"a": 2, "b": 1}, is_newest=False)
    some_snapshots(job, {"a": 1}, {"a": 3}, source="list", is_newest=False)
    found = part_of(viewer, job, "timeline/").snapshots
    assert [told(one.changes) for one in found] == [
        [("a", "1", "3", "changed")],
        [],
        [("a", "1", "2", "changed")],
        [],
    ]


def test_thousands_of_snapshots_are_paged_and_none_is_lost(viewer, lab) -> None:
    job = a_job(lab)
    ids = some_snapshots(job, *({"n": number} for number in range(120)), is_newest=False)
    found, before = [], ""
    for _ in range(3):
        part = part_of(viewer, job, "timeline/", before=before)
        found += part.snapshots
        before = part.next_before
    assert [one.id for one in found] == ids[::-1]
    assert before == 0
    assert told(found[49].changes) == [("n", "69", "70", "changed")]


@pytest.mark.parametrize("before", ["0", "x", "9" * 40, "-3", "%00"])
def test_a_cursor_that_cannot_be_read_is_none(viewer, lab, before) -> None:
    job = a_job(lab)
    some_snapshots(job, {"n": 1})
    answer = viewer.get(f"/jobs/lab/{job.provider_id}/timeline/?before={before}")
    assert answer.status_code in {200, 400}


def test_the_page_of_a_job_reads_one_snapshot_however_many_there_are(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, *({"n": number} for number in range(20)))
    with CaptureQueriesContext(database) as queries:
        page_of(viewer, job)
    bodies = [one["sql"] for one in queries if '"jobs_snapshot"."body"' in one["sql"]]
    assert len(bodies) == 1
    assert "is_newest" in bodies[0]


def test_any_two_snapshots_are_compared_field_by_field(viewer, lab) -> None:
    job = a_job(lab)
    first, _, last = some_snapshots(
        job, {"a": {"b": 1}, "gone": "x", "same": 5}, {}, {"a": {"b": 2}, "new": True, "same": 5}
    )
    part = part_of(viewer, job, "changes/", **{"from": first, "to": last})
    assert told(part.rows) == [
        ("a.b", "1", "2", "changed"),
        ("new", None, "true", "added"),
        ("gone", "x", None, "removed"),
    ]
    assert (part.changed, part.same) == (3, 1)
    html = page_of(viewer, job, f"changes/?from={first}&to={last}")
    assert [word in html for word in ("Added", "Removed", "Changed", "1 field did not")] == [
        True
    ] * 4


def test_what_did_not_change_is_shown_when_asked_for(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, {"a": 1, "same": 5}, {"a": 2, "same": 5})
    assert len(part_of(viewer, job, "changes/").rows) == 1
    assert len(part_of(viewer, job, "changes/", all="1").rows) == 2


def test_without_a_choice_the_newest_is_compared_with_the_first_of_its_source(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, {"a": 0}, source="list", is_newest=False)
    first, _, last = some_snapshots(job, {"a": 1}, {"a": 2}, {"a": 3})
    part = part_of(viewer, job, "changes/")
    assert (part.old.pk, part.new.pk) == (first, last)
    assert part.swapped == f"?from={last}&to={first}"


def test_two_sources_can_be_compared_and_it_is_said(viewer, lab) -> None:
    job = a_job(lab)
    (listed,) = some_snapshots(job, {"a": 0}, source="list")
    (retrieved,) = some_snapshots(job, {"a": 1})
    html = page_of(viewer, job, f"changes/?from={listed}&to={retrieved}")
    assert "A list may say less" in html


@pytest.mark.parametrize("wanted", ["0", "-1", "x", "9" * 40, "<b>", "OTHER"])
def test_a_snapshot_that_is_not_of_this_job_is_told(viewer, lab, wanted) -> None:
    (other,) = some_snapshots(a_job(lab), {"secret": "canary"})
    job = a_job(lab)
    some_snapshots(job, {"a": 1}, {"a": 2})
    asked = str(other) if wanted == "OTHER" else wanted
    for path in (f"changes/?from={asked}", f"changes/?to={asked}", f"raw/?snapshot={asked}"):
        html = page_of(viewer, job, path)
        assert "is no snapshot of this job" in html
        assert "canary" not in html
        assert "<b> is no" not in html


def test_a_long_value_is_folded_and_whole(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, {"a": "x"}, {"a": "y" * 70_000})
    html = page_of(viewer, job, "changes/")
    assert "y" * 70_000 in html
    assert "<summary>" in html
    assert "y" * 400 not in page_of(viewer, job, "timeline/")


def test_a_body_that_is_no_json_is_compared_with_nothing(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, "{broken", {"a": 1})
    assert part_of(viewer, job, "changes/").changed >= 1


@pytest.mark.parametrize("path", ["changes/", "raw/", "timeline/", ""])
def test_a_job_that_was_never_read_says_so(viewer, lab, path) -> None:
    html = page_of(viewer, a_job(lab), path)
    assert re.search("not been read yet|Nothing received yet", html)


def test_a_chosen_snapshot_is_shown_raw_beside_what_was_understood(viewer, lab) -> None:
    job = seen(lab, {**BARE, "surprise": {"deep": [1, {"x": "y"}]}})
    chosen = Snapshot.objects.get(job=job)
    html = words_of(page_of(viewer, job, f"raw/?snapshot={chosen.pk}"))
    assert '"surprise"' in html
    assert re.search(r"raw_status\s+running", html)


@pytest.mark.parametrize("wanted", ["", "0", "-1", "x", "9" * 40, "٣"])
def test_an_unreadable_snapshot_choice_shows_the_newest(viewer, lab, wanted) -> None:
    job = seen(lab, BARE)
    assert "fine_tuning.job" in page_of(viewer, job, f"raw/?snapshot={wanted}")


def test_an_answer_too_long_for_the_page_has_its_own(viewer, lab) -> None:
    job = a_job(lab)
    some_snapshots(job, {"a": "y" * 150_000})
    assert "too many for this page" in page_of(viewer, job)
    assert "y" * 150_000 in page_of(viewer, job, "raw/")


def in_states(job: Job, *moves: tuple[str, int]) -> None:
    """(state, minutes after noon at which it began), oldest first."""
    before = ""
    for state, minute in moves:
        at = NOON + timedelta(minutes=minute)
        Transition.objects.create(
            connection=job.connection, job=job, from_state=before, to_state=state, happened_at=at
        )
        before = state


def a_past(lab, state: str, *minutes: int, **facts) -> None:
    for number in minutes:
        plain = {"from_state": state, "to_state": "running", "base_model": "m"}
        a_transition(a_job(lab), **{**plain, "stayed_s": number * 60, **facts})


def test_each_stay_stands_beside_the_usual_one(viewer, lab) -> None:
    a_past(lab, "queued", 16, 17, 18, 19, 20)
    a_past(lab, "running", 40, 40, 40, 40, 40, to_state="succeeded")
    a_past(lab, "running", 1, 1, 1, 1, 1, to_state="failed")
    ended = NOON + timedelta(minutes=82)
    job = a_job(lab, state="succeeded", base_model="m", created_at=NOON, ended_at=ended)
    in_states(job, ("queued", 0), ("running", 22), ("succeeded", 82))
    html = words_of(page_of(viewer, job))
    assert re.search(r"Queued\s+22:00\s+usual 18 min over 5 jobs", html)
    assert re.search(r"Running\s+1:00:00\s+usual 40 min over 5 jobs", html)


def test_a_stay_far_beyond_the_usual_is_said_in_words(viewer, lab) -> None:
    a_past(lab, "queued", 10, 10, 10, 10, 10)
    job = a_job(lab, state="running", base_model="m", created_at=NOON)
    in_states(job, ("queued", 0), ("running", 50))
    assert "5.0 times the usual" in page_of(viewer, job)


def test_where_the_model_is_new_all_models_of_the_team_speak(viewer, lab) -> None:
    a_past(lab, "queued", 10, 10, 10, 10, 10)
    a_past(a_connection(), "queued", 90, 90, 90, 90, 90, base_model="new")
    job = a_job(lab, state="running", base_model="new", created_at=NOON)
    in_states(job, ("queued", 0), ("running", 5))
    assert "usual 10 min over 5 jobs of all base models" in page_of(viewer, job)


def test_a_state_that_lasts_grows_and_goes_on_to_the_usual(viewer, lab) -> None:
    a_past(lab, "running", 60, 60, 60, 60, 60, to_state="succeeded")
    began = timezone.now() - timedelta(minutes=20)
    job = a_job(lab, base_model="m", created_at=began)
    for before, after in (("", "queued"), ("queued", "running")):
        a_transition(job, from_state=before, to_state=after, happened_at=began)
    running, ahead = part_of(viewer, job, "timeline/").past.segments
    assert running.elapsed.startswith("20:")
    assert (ahead.is_ahead, ahead.elapsed) == (True, "39 min")
    assert running.width == pytest.approx(33.4, abs=0.5)


def test_of_a_job_first_seen_at_work_nothing_is_claimed_of_the_time_before(viewer, lab) -> None:
    a_past(lab, "running", 50, 50, 50, 50, 50, to_state="succeeded")
    now = timezone.now()
    job = a_job(lab, base_model="m", created_at=now - timedelta(hours=6))
    a_transition(job, from_state="", to_state="running", recorded_at=now - timedelta(seconds=12))
    before, running = part_of(viewer, job, "timeline/").past.segments
    assert (before.word, before.usual) == ("Not seen", "")
    assert before.elapsed.startswith("5:59:")
    assert running.elapsed.startswith("0:")
    html = page_of(viewer, job)
    assert "times the usual" not in html
    assert re.search(r"Running for at least 0:\d\d", html)


def test_a_finish_that_moved_is_told_and_drawn(viewer, lab) -> None:
    finish = NOON + timedelta(hours=2)
    job = a_job(lab, estimated_finish=finish)
    for minute, moved in ((0, -30), (10, -40), (20, -10), (30, 0)):
        at = NOON + timedelta(minutes=minute)
        Estimate.objects.create(
            job=job, seen_at=at, estimated_finish=finish + timedelta(minutes=moved)
        )
    html = page_of(viewer, job)
    assert "ETA 2025-11-20 14:00 UTC" in html or "ETA 14:00 UTC, was 13:50" in html
    assert "moved 3 times, +30 min in all." in html
    assert html.count("<td>2025-11-20 13:") == 3


def test_a_job_whose_finish_never_moved_has_no_drawing(viewer, lab) -> None:
    job = a_job(lab, estimated_finish=NOON)
    Estimate.objects.create(job=job, seen_at=NOON, estimated_finish=NOON)
    html = page_of(viewer, job)
    assert "it never moved" in html
    assert "Table of estimates" not in html


def test_many_changes_of_state_are_folded_on_the_job_and_whole_on_its_timeline(viewer, lab) -> None:
    job = a_job(lab)
    in_states(job, *((("running", "paused")[n % 2], n) for n in range(50)))
    assert "30 earlier changes" in page_of(viewer, job)
    assert len(part_of(viewer, job, "timeline/").past.transitions) == 50


def test_seconds_of_a_provider_s_clock_are_told_as_a_time_too(viewer, lab) -> None:
    job = a_job(lab)
    old, new = {"finished_at": None, "seed": 1}, {"finished_at": 1795815200, "seed": 1795815200}
    some_snapshots(job, old, new)
    for path in ("timeline/", "changes/"):
        html = words_of(page_of(viewer, job, path))
        assert html.count("1795815200") == 2
        assert html.count("2026-11-27 21:33:20 UTC") == 1  # of the seed it is none
