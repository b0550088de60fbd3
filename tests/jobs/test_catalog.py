"""Base models, their limits and the day they retire: read once a day, and no trouble of anything else."""

from datetime import date, timedelta

import pytest

from jobs import catalog
from jobs.catalog import retirement_of
from jobs.claims import StaleClaim, claim
from jobs.models import BaseModel, Catalog, Connection
from jobs.poll import poll_due
from jobs.tracking import poll_now
from providers.base import connect
from providers.catalog import BaseModel as Offer
from providers.catalog import ModelLimit
from tests.builders import NOON, a_connection
from tests.servers import start_simulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
MINI = "gpt-4o-mini-2024-07-18"
MODELS, LIMITS = "/v1/models", "/v1/fine_tuning/model_limits"


def asked(provider, path):
    return sum(request["path"] == path for request in provider.requests())


def read_again(connection=None):
    Connection.objects.update(wait_until=None)
    Catalog.objects.update(next_read_at=NOON)
    poll_due(budget_s=20)


def next_in(row):
    return row.next_read_at - (row.read_at or row.limits_read_at)


def a_reading(connection, *offers, limits=()):
    row, _ = Catalog.objects.get_or_create(connection=connection)
    taken, _ = claim(Catalog.objects.filter(pk=row.pk), 1)
    catalog.record(row.pk, taken, catalog.Reading(tuple(offers), tuple(limits)))


def test_a_new_connection_is_read_at_once_and_then_once_a_day(provider, connection):
    poll_due(budget_s=20)
    poll_due(budget_s=20)
    assert asked(provider, MODELS) == asked(provider, LIMITS) == 1
    row = Catalog.objects.get()
    assert timedelta(hours=20) < next_in(row) < timedelta(hours=28)
    assert (row.trouble, row.lease_until, row.claims) == ("", None, 0)


def test_a_base_model_says_when_it_retires(connection):
    poll_due(budget_s=20)
    assert retirement_of(connection.pk, MINI).retires_on == date(2027, 1, 14)
    assert retirement_of(connection.pk, "gpt-4o-mini") is None
    assert retirement_of(connection.pk + 1, MINI) is None


def test_limits_are_kept_in_the_names_of_the_provider(db):
    simulator = start_simulator("--population", "30", "--alive", "30")
    try:
        a_connection(base_url=simulator.url)
        poll_due(budget_s=20)
    finally:
        simulator.stop()
    limited = BaseModel.objects.exclude(limits={})
    assert {frozenset(row.limits) for row in limited} == {
        frozenset({"max_concurrent_jobs", "max_total_jobs", "active_jobs"})
    }


@pytest.mark.parametrize("status", [403, 404, 405, 500, 429])
def test_what_is_not_offered_is_no_trouble_of_the_connection(provider, connection, status):
    poll_due(budget_s=20)
    provider.breaks("status", match=MODELS, status=status)
    provider.breaks("status", match=LIMITS, status=status)
    for _ in range(4):
        read_again()
    assert asked(provider, MODELS) == 5
    connection.refresh_from_db()
    assert connection.health == ("limited" if status == 429 else "ok")
    assert connection.refused == {}
    assert not connection.transitions.filter(rings=True).exists()
    assert Catalog.objects.get().trouble.startswith("models: ")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "html"},
        {"kind": "status", "status": 429, "body": {"error": {"code": "insufficient_quota"}}},
    ],
)
def test_trouble_with_the_models_alone_rings_nobody(provider, connection, fault):
    poll_due(budget_s=20)
    provider.breaks(match=MODELS, **fault)
    for _ in range(4):
        read_again()
    connection.refresh_from_db()
    assert (connection.health, connection.trouble_count) == ("ok", 0)


def test_a_route_that_is_missing_is_tried_again_the_next_day_and_trouble_sooner(
    provider, connection
):
    provider.breaks("status", match=MODELS, status=404)
    poll_due(budget_s=20)
    assert next_in(Catalog.objects.get()) > timedelta(hours=20)
    provider.heals()
    provider.breaks("status", match=MODELS, status=500)
    read_again()
    assert next_in(Catalog.objects.get()) < timedelta(hours=2)


def test_a_rejected_key_is_what_it_is_everywhere(provider, connection):
    provider.breaks("status", match=MODELS, status=401)
    for _ in range(2):
        read_again()
    connection.refresh_from_db()
    assert connection.trouble_count
    assert asked(provider, LIMITS) == 0


def test_limits_without_models_and_models_without_limits(provider, connection):
    provider.breaks("status", match=LIMITS, status=403)
    poll_due(budget_s=20)
    row = Catalog.objects.get()
    assert (bool(row.read_at), row.limits_read_at) == (True, None)
    assert row.trouble.startswith("limits: ")
    assert BaseModel.objects.exists()


def test_limits_of_an_unknown_shape_are_kept_as_said(provider, connection):
    said = {"weather": "fine\u0000", "deep": [{"a": None}]}
    provider.breaks("status", match=LIMITS, status=200, body=said)
    poll_due(budget_s=20)
    assert Catalog.objects.get().limits == [{"weather": "fine\ufffd", "deep": [{"a": None}]}]


def test_a_model_that_is_dropped_keeps_its_row_and_its_day(connection):
    a_reading(connection, Offer("old", date(2027, 1, 1), "system"), Offer("new", None, None))
    a_reading(connection, Offer("new", date(2028, 1, 1), None))
    old, new = (retirement_of(connection.pk, name) for name in ("old", "new"))
    assert old.retires_on == date(2027, 1, 1)
    assert old.last_seen_at < new.last_seen_at
    assert new.first_seen_at == old.first_seen_at
    assert new.retires_on == date(2028, 1, 1)


def test_limits_of_today_replace_those_of_yesterday(connection):
    limit = {"active_jobs": 2}
    a_reading(connection, limits=[ModelLimit("a", limit, {}), ModelLimit("b", limit, {})])
    a_reading(connection, limits=[ModelLimit("b", {"active_jobs": 3}, {})])
    found = dict(BaseModel.objects.values_list("name", "limits"))
    assert found == {"a": {}, "b": {"active_jobs": 3}}


def test_our_own_models_and_doubles_are_no_base_models(connection):
    own = ("ft:gpt-4o:acme::1", "gpt-4o-mini-2024-07-18.ft-0a1b")
    twins = (Offer("a", None, None), Offer("a", date(2027, 1, 1), None))
    a_reading(connection, *(Offer(name, None, None) for name in own), *twins)
    assert list(BaseModel.objects.values_list("name", flat=True)) == ["a"]


def test_a_day_set_by_hand_outlives_what_the_provider_says(connection):
    catalog.set_retirement(connection, "azure-model", date(2027, 5, 1))
    a_reading(connection, Offer("azure-model", date(2029, 1, 1), None))
    row = retirement_of(connection.pk, "azure-model")
    assert (row.retires_on, row.shutdown_on) == (date(2027, 5, 1), date(2029, 1, 1))
    catalog.set_retirement(connection, "azure-model", None)
    assert retirement_of(connection.pk, "azure-model").retires_on == date(2029, 1, 1)


def test_a_worker_that_lost_its_claim_writes_nothing(connection):
    row = Catalog.objects.create(connection=connection)
    taken, _ = claim(Catalog.objects.all(), 1)
    Catalog.objects.update(lease_token=None)
    with pytest.raises(StaleClaim):
        catalog.record(row.pk, taken, catalog.Reading((Offer("a", None, None),), ()))
    assert not BaseModel.objects.exists()


def test_two_workers_do_not_read_the_same_catalog(connection):
    Catalog.objects.create(connection=connection)
    due = Catalog.objects.filter(next_read_at__lte=catalog.database_now())
    assert [len(claim(due, 5)[1]) for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("facts", [{"is_paused": True}, {"archived_at": NOON}])
def test_a_connection_that_rests_is_not_asked(provider, connection, facts):
    Connection.objects.update(**facts)
    poll_due(budget_s=20)
    assert provider.requests() == []


def test_looking_at_a_connection_now_reads_its_models_too(provider, connection):
    poll_due(budget_s=20)
    poll_now(connection)
    poll_due(budget_s=20)
    assert asked(provider, MODELS) == 2


@pytest.mark.parametrize("body", ["<html>", "", "[", '{"data": 5}', '[{"id": 1}]'])
def test_an_answer_that_is_no_list_of_models_changes_nothing(provider, connection, body):
    a_reading(connection, Offer("known", None, None))
    provider.breaks("status", match=MODELS, status=200, body=body)
    read_again()
    assert list(BaseModel.objects.values_list("name", flat=True)) == ["known"]


@pytest.mark.parametrize("dialect", ["azure", "generic", "mistral", "nebius", "together"])
def test_every_dialect_can_be_asked(provider, dialect, db):
    row = a_connection(base_url=provider.url, dialect=dialect)
    reading = catalog.CatalogQuestion(Catalog(connection=row), None, connect(row.account())).ask()
    assert isinstance(reading, catalog.Reading)
