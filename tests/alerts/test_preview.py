"""Would this rule have rung? The last days are decided upon once more, by the same rules."""

from datetime import timedelta

import pytest

from alerts import preview as previews
from alerts.preview import preview
from alerts.quiet_hours import QuietHours
from alerts.setup import RuleFacts
from jobs.claims import database_now
from jobs.models import Transition
from tests.builders import a_connection, a_job, a_transition

pytestmark = pytest.mark.both_databases
DAY = timedelta(days=1)
ENDS = RuleFacts(states=["failed", "succeeded", "recovered"], channels=[])


def happened(house, days_ago: float = 1, **facts) -> Transition:
    job = facts.pop("job", None) or a_job(facts.pop("connection", house.connection))
    at = database_now() - days_ago * DAY
    return a_transition(job, **{"to_state": "failed", "recorded_at": at, **facts})


def seen(house, facts=ENDS) -> previews.Preview:
    return preview(house.team, facts, database_now())


def test_each_change_that_would_have_rung_is_counted_by_its_name(house):
    happened(house)
    happened(house)
    happened(house, to_state="succeeded")
    happened(house, to_state="cancelled")

    assert (seen(house).total, seen(house).by_name) == (3, (("failed", 2), ("succeeded", 1)))


def test_history_other_teams_and_older_days_do_not_count(house):
    happened(house, rings=False)
    happened(house, connection=a_connection())
    happened(house, days_ago=31)

    assert seen(house).total == 0


def test_a_rule_that_is_newer_than_what_happened_is_previewed_all_the_same(house):
    happened(house, days_ago=29)

    assert seen(house).total == 1


def test_all_that_a_rule_asks_for_counts(house):
    other = a_connection(house.team)
    wanted = a_job(other, base_model="llama-3", metadata={"project": "x"})
    happened(house, job=wanted)
    for job in (a_job(base_model="llama-3", metadata={"project": "x"}), a_job(other)):
        happened(house, job=job)

    facts = RuleFacts(["failed"], [], [other], ["llama*"], {"project": "*"})
    assert [one.transition.job for one in seen(house, facts).newest] == [wanted]


def test_a_connection_that_recovers_is_found(house):
    happened(
        house, kind="health", from_state="rejected", to_state="ok", job=a_job(house.connection)
    )
    happened(house, kind="health", from_state="limited", to_state="ok", job=a_job(house.connection))

    assert seen(house).by_name == (("recovered", 1),)


def test_weeks_are_counted_back_from_now(house):
    for days in (0.5, 1, 8, 29):
        happened(house, days_ago=days)

    assert [count for _, count in seen(house).by_week] == [1, 0, 0, 1, 2]
    assert seen(house).by_week[0][0] - database_now() > -30.1 * DAY


def test_what_quiet_hours_would_have_held_is_counted(house):
    now = database_now()
    hour = timedelta(hours=1)
    quiet = QuietHours((now - 3 * hour).time(), (now - hour).time())
    happened(house, days_ago=2 / 24)
    happened(house, days_ago=6 / 24)

    facts = RuleFacts(["failed"], [], quiet=quiet)
    assert (seen(house, facts).total, seen(house, facts).held) == (2, 1)
    urgent = RuleFacts(["failed"], [], quiet=quiet, is_urgent=True)
    assert seen(house, urgent).held == 0


def test_the_newest_few_are_shown_and_too_many_are_cut(house, monkeypatch):
    monkeypatch.setattr(previews, "MOST", 7)
    rows = [happened(house, days_ago=10 - number) for number in range(8)]

    found = seen(house)
    assert [one.transition for one in found.newest] == rows[:2:-1]
    assert (found.total, found.cut_at) == (7, rows[1].recorded_at)


def test_nothing_is_cut_when_all_was_looked_at(house):
    happened(house)

    assert seen(house).cut_at is None


@pytest.mark.parametrize("number", [1, 9])
def test_a_preview_takes_two_queries(house, django_assert_num_queries, number):
    for _ in range(number):
        happened(house)
    now = database_now()
    with django_assert_num_queries(2):
        found = preview(house.team, ENDS, now)
        assert all(one.transition.job.name for one in found.newest)
