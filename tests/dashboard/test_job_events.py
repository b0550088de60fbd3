"""The events of a job: pages, levels, and what was searched for."""

import pytest

from jobs.models import Event
from tests.builders import NOON, a_job
from tests.dashboard.job_pages import page_of, part_of, some_events

pytestmark = pytest.mark.django_db


def test_events_are_paged_newest_first_without_loss(viewer, lab) -> None:
    job = a_job(lab)
    some_events(job, 250)
    shown, after = [], ""
    for _ in range(3):
        part = (
            viewer.get(f"/jobs/lab/{job.provider_id}/events/", {"after": after})
            .context["page"]
            .part
        )
        shown += [row.message for row in part.rows]
        after = part.next_after
    assert shown == [f"message {n}" for n in reversed(range(250))]
    assert after == ""


def test_events_are_filtered_by_level_and_word(viewer, lab) -> None:
    job = a_job(lab)
    some_events(job, 40)
    part = (
        viewer.get(f"/jobs/lab/{job.provider_id}/events/?level=warn&q=message 2")
        .context["page"]
        .part
    )
    assert [row.message for row in part.rows] == ["message 20"]
    assert {one.level: one.count for one in part.levels} == {"warn": 4, "info": 36}


def an_event(job, message: str) -> None:
    Event.objects.create(job=job, provider_id="e", level="info", message=message, created_at=NOON)


def test_what_was_searched_for_is_marked_and_still_escaped(viewer, lab) -> None:
    job = a_job(lab)
    an_event(job, "the <b>Loss</b> rose")
    html = page_of(viewer, job, "events/?q=%3Cb%3Eloss")
    assert "the <mark>&lt;b&gt;Loss</mark>&lt;/b&gt; rose" in html


@pytest.mark.both_databases
@pytest.mark.parametrize("wanted", ["%", "_", "\\", ".*", "(", "ß", "İ"])
def test_a_search_for_signs_of_a_pattern_finds_these_signs(viewer, lab, wanted) -> None:
    job = a_job(lab)
    an_event(job, f"100 {wanted} done")
    some_events(job, 3)
    part = part_of(viewer, job, "events/", q=wanted)
    assert [row.message for row in part.rows] == [f"100 {wanted} done"]
    assert [one.text for one in part.rows[0].shown if one.is_hit] == [wanted]


def test_the_level_keeps_the_search_and_the_other_way_round(viewer, lab) -> None:
    job = a_job(lab)
    some_events(job, 30)
    html = page_of(viewer, job, "events/?q=message&level=warn&after=7")
    assert 'href="?q=message&amp;level=info"' in html
    assert 'name="level" value="warn"' in html


def test_a_filter_without_hits_is_told_in_words(viewer, lab) -> None:
    job = a_job(lab)
    some_events(job, 3)
    html = page_of(viewer, job, "events/?q=nothing&level=warn")
    assert "Asked for: level warning with “nothing”." in html
    assert "Clear filter" in html


def test_a_long_message_is_folded_and_whole(viewer, lab) -> None:
    job = a_job(lab)
    an_event(job, "a" * 700 + "b" * 700)
    html = page_of(viewer, job, "events/")
    assert "The rest of the message" in html
    assert (
        "".join(
            part.text
            for row in part_of(viewer, job, "events/").rows
            for part in (*row.shown, *row.rest)
        )
        == "a" * 700 + "b" * 700
    )


def test_a_refused_reading_of_events_is_the_reason_of_an_empty_list(viewer, lab) -> None:
    lab.refused = {"events": {"words": "no"}}
    lab.save()
    assert "This provider or key gives no events." in page_of(viewer, a_job(lab))
