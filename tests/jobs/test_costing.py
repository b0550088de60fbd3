"""What keeps the estimates of jobs: their polls, and the prices when these change."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from itertools import count

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.ours import sweep
from dashboard.celery import app
from jobs import costing, repricing, tasks
from jobs.costs import Estimate, Why
from jobs.models import Job, Price, Repricing
from tests.builders import NOON, a_connection, a_job, a_team, a_transition
from tests.provider_double import BORN

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
DONE = {"status": "succeeded", "finished_at": BORN + 3600}
MINI = "gpt-4o-mini"


def a_price(team, usd="3", **facts) -> Price:
    said = {"base_model": MINI, "valid_from": date(2025, 1, 1), "source": "a contract"}
    price = Price(team=team, usd=Decimal(usd), **{**said, **facts})
    with transaction.atomic():
        repricing.add_price(price)
    return Price.objects.latest("pk")


def an_old_job(connection=None, **facts) -> Job:
    said = {"state": "succeeded", "trained_tokens": 1_000_000, "ended_at": NOON}
    return a_job(connection, **{**said, **facts})


def cost() -> float | None:
    return Job.objects.get().cost_usd


def test_a_job_has_its_estimate_when_its_end_is_seen(provider, connection, poll):
    job = provider.serves(status="running", trained_tokens=400_000)
    poll(2)
    assert cost() is None  # it moves with every step
    provider.serves(job, trained_tokens=1_204_331, **DONE)
    poll()
    assert cost() == pytest.approx(3.612993)  # 1.204331 M × $3


def test_tokens_that_come_late_and_an_end_that_is_taken_back_are_followed(
    provider, connection, poll
):
    job = provider.serves(**DONE)
    poll(2)
    assert cost() is None
    provider.serves(job, **DONE, trained_tokens=1_000_000)
    sweep(connection.pk)
    assert cost() == 3
    provider.serves(job, status="running", trained_tokens=1_000_000)
    sweep(connection.pk)
    provider.serves(job, status="running", trained_tokens=1_000_001)
    sweep(connection.pk)
    assert Job.objects.get().state == "running"
    assert cost() is None


def test_a_reinforcement_job_is_priced_by_its_time_in_training(provider, connection):
    facts = {
        "model": "o4-mini-2025-04-16",
        "method": {"type": "reinforcement", "reinforcement": {}},
    }
    job = provider.serves(status="queued", **facts)
    sweep(connection.pk)
    provider.serves(job, status="running", **facts)
    sweep(connection.pk)
    began = timezone.now() - timedelta(hours=2)
    Job.objects.update(state_since=began, is_since_exact=True)
    provider.serves(job, **DONE, **facts)
    sweep(connection.pk)
    assert cost() == pytest.approx(200, rel=0.01)  # 2 h × $100


def statements(connection) -> list[str]:
    with CaptureQueriesContext(database) as asked:
        sweep(connection.pk)
    return [query["sql"] for query in asked]


def test_a_page_of_ended_jobs_takes_no_more_statements_than_one(provider, connection, poll):
    numbers = count()

    def more(how_many, **facts):
        for number in [next(numbers) for _ in range(how_many)]:
            provider.serves(f"ftjob-{number:04}", created_at=BORN + number, **DONE, **facts)

    hourly = {
        "model": "o4-mini-2025-04-16",
        "method": {"type": "reinforcement", "reinforcement": {}},
    }
    for _ in range(2):  # the second time there is something unchanged too
        more(1, trained_tokens=5)
        more(1, **hourly)
        few = statements(connection)
    more(30, trained_tokens=5)
    more(15, **hourly)
    many = statements(connection)
    assert len(many) <= len(few)
    assert sum('"jobs_price"' in sql for sql in many) == 1


def test_active_jobs_ask_for_no_price(provider, connection):
    job = provider.serves(status="queued", trained_tokens=5)
    sweep(connection.pk)
    provider.serves(job, status="running", trained_tokens=9)
    assert not any('"jobs_price"' in sql for sql in statements(connection))


def test_a_changed_price_reaches_every_ended_job_of_the_team_and_no_other():
    lab, other = a_connection(), a_connection()
    jobs = [an_old_job(lab), an_old_job(lab, state="running"), an_old_job(other)]
    a_price(lab.team, "4")
    assert repricing.reprice_now(lab.team)
    assert [Job.objects.get(pk=job.pk).cost_usd for job in jobs] == [4, None, None]


def test_a_price_that_is_removed_gives_way_to_the_one_behind_it():
    job = an_old_job()
    for usd, expected in (("4", 4), ("5", 5)):
        a_price(job.team, usd, valid_from=date(2025, 1, int(usd)))
        repricing.reprice_now(job.team)
        assert cost() == expected
    for expected in (4, 3):  # the shipped one at last
        with transaction.atomic():
            repricing.remove_price(Price.objects.latest("pk"))
        repricing.reprice_now(job.team)
        assert cost() == expected


def test_a_price_of_the_same_day_is_refused():
    team = a_team()
    a_price(team)
    with pytest.raises(repricing.AlreadyPriced):
        a_price(team, "4")
    assert Price.objects.get().usd == 3


def test_only_jobs_whose_estimate_differs_are_written_and_shown_anew():
    lab = a_connection()
    same, changed = an_old_job(lab, cost_usd=3.0), an_old_job(lab, cost_usd=1.0)
    repricing.reprice_due()
    same.refresh_from_db(), changed.refresh_from_db()
    assert (same.version, changed.version, changed.cost_usd) == (0, 1, 3)


def test_what_was_there_before_prices_were_is_estimated_by_itself():
    an_old_job()
    assert repricing.due_teams() != []
    assert tasks.reprice_due() == 1
    assert (cost(), repricing.due_teams(), tasks.reprice_due()) == (3, [], 0)


def test_prices_shipped_anew_reach_every_team(monkeypatch):
    an_old_job()
    repricing.reprice_due()
    Job.objects.update(cost_usd=1)
    Repricing.objects.update(table="an older table")
    assert (repricing.reprice_due(), cost()) == (1, 3)


def test_a_round_goes_on_where_it_was_interrupted(monkeypatch):
    monkeypatch.setattr(repricing, "JOBS", 2)
    lab = a_connection()
    jobs = [an_old_job(lab) for _ in range(5)]
    ticks = iter([0.0, 1.0, 2.0, 9.0])  # two batches, then the time is up
    assert repricing.reprice_due(budget_s=3, clock=lambda: next(ticks)) == 4
    assert repricing.progress(lab.team) == repricing.Progress(4, 5)
    assert [Job.objects.get(pk=job.pk).cost_usd for job in jobs] == [3, 3, 3, 3, None]
    assert repricing.reprice_due() == 1
    assert repricing.progress(lab.team) is None


def test_a_price_that_changes_in_the_middle_of_a_round_begins_it_again(monkeypatch):
    monkeypatch.setattr(repricing, "JOBS", 2)
    lab = a_connection()
    for _ in range(5):
        an_old_job(lab)
    repricing.reprice_batch(lab.team_id)
    a_price(lab.team, "7")
    repricing.reprice_due()
    assert set(Job.objects.values_list("cost_usd", flat=True)) == {7}


def test_a_batch_takes_a_fixed_number_of_statements():
    lab, asked = a_connection(), []
    for number in (1, 40):
        for _ in range(number):
            an_old_job(lab)
            hourly = an_old_job(lab, base_model="o4-mini-2025-04-16", method="reinforcement")
            a_transition(hourly, from_state="running", to_state="succeeded", stayed_s=60.0)
        with CaptureQueriesContext(database) as captured:
            repricing.begin(lab.team)
            repricing.reprice_batch(lab.team_id)
        asked.append([q["sql"] for q in captured if not q["sql"].startswith("INSERT")])
    assert len(asked[1]) <= len(asked[0]), asked[1]


def test_the_command_estimates_all_teams_or_one():
    an_old_job(), an_old_job(base_model="nobody-knows")
    out = StringIO()
    call_command("estimate_costs", stdout=out)
    assert "1 of 2 finished jobs have an estimate; 1 have none." in out.getvalue()
    team = Job.objects.filter(cost_usd=None).get().team
    call_command("estimate_costs", team=team.slug, stdout=out)
    assert out.getvalue().endswith("0 of 1 finished jobs have an estimate; 1 have none.\n")
    with pytest.raises(CommandError, match=team.slug):
        call_command("estimate_costs", team="nobody", stdout=out)


def test_the_beat_goes_on_with_what_a_request_left():
    assert app.conf.beat_schedule["jobs.reprice_due"]["task"] == tasks.reprice_due.name


def test_of_one_job_the_sum_is_told():
    job = an_old_job()
    found = costing.estimate_of(job, timezone.now())
    assert isinstance(found, Estimate)
    assert found.basis == "1\u2009000\u2009000 tokens × $3.00 per 1 M tokens"
    job.base_model = "o4-mini-2025-04-16"
    job.method = "reinforcement"
    assert costing.estimate_of(job, timezone.now()).why is Why.NO_TIME
    for came, went in (("queued", "running"), ("running", "succeeded")):
        a_transition(job, from_state=came, to_state=went, stayed_s=5400.0)
    assert costing.estimate_of(job, timezone.now()).usd == 150  # 1.5 h × $100
