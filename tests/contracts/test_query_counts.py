"""The number of SQL queries of a page does not grow with its rows."""

import json

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiToken, AuditEntry, Role
from alerts.models import Attempt, Channel, Delivery, Rule
from jobs.models import Checkpoint, Event, File, Point, PointSource, Snapshot, Transition
from tests.builders import NOON, a_connection, a_delivery, a_job, a_member, a_transition
from tests.contracts.test_routes import JOB, MACHINE, PAGES, address
from tests.dashboard.graph import Graph, a_graph

pytestmark = pytest.mark.django_db
MOST = 18  # with five of every page: session, who has it, the count in its title, two for banners
READ = sorted(name for name in PAGES if "GET" in PAGES[name].methods)


def grow(graph: Graph, numbers: range) -> None:
    """More of everything a page could list."""
    for number in numbers:
        connection = a_connection(graph.team)
        other = a_job(connection, state="failed", error_code="x")
        channel = Channel.objects.create(
            team=graph.team, kind="email", name=f"mail {number}", config={"address": "a@b.co"}
        )
        rule = Rule.objects.create(team=graph.team, states=["failed"])
        rule.connections.add(connection)
        rule.channels.set([channel, graph.channel])
        for job in (other, graph.job):
            a_delivery(channel, a_transition(job), state=Delivery.State.DEAD)
        for delivery in Delivery.objects.filter(team=graph.team):
            Attempt.objects.create(delivery=delivery, is_sent=False, duration_ms=1)
        Transition.objects.create(
            connection=graph.connection, kind="health", from_state="ok", to_state="rejected"
        )
        ApiToken.create_token(
            graph.team, f"token {number}", creator=a_member(graph.team, Role.VIEWER)
        )
        AuditEntry.objects.create(team=graph.team, actor=graph.admin, action="tested")
        _grow_job(graph, number)


def _grow_job(graph: Graph, number: int) -> None:
    seen, job = {"first_seen_at": NOON, "last_seen_at": NOON, "fingerprint": str(number)}, graph.job
    a_job(graph.connection)
    Snapshot.objects.create(
        job=job,
        source="retrieve",
        body=json.dumps({"id": "x", "n": number}),
        is_newest=False,
        **seen,
    )
    Event.objects.create(
        job=job, provider_id=f"e{number}", created_at=NOON, level="warn", message="careful"
    )
    Checkpoint.objects.create(job=job, provider_id=f"c{number}", step=number, created_at=NOON)
    Point.objects.create(
        job=job,
        metric="train_loss",
        step=number + 2,
        value=1,
        source=PointSource.EVENT,
        seen_at=NOON,
    )
    File.objects.create(connection=graph.connection, provider_id=f"f{number}", filename="r.csv")
    job.result_files = [*job.result_files, f"f{number}"]
    job.save(update_fields=["result_files"])


def queries_of(client, path: str, **extra) -> list[str]:
    with CaptureQueriesContext(database) as captured:
        assert client.get(path, **extra).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize("name", READ)
def test_a_page_asks_no_more_for_many_rows_than_for_few(client, name):
    graph = a_graph("counted")
    path = address(name, PAGES[name].needs, graph)
    grow(graph, range(1))
    client.force_login(graph.admin)
    client.get(path)
    few = queries_of(client, path)
    grow(graph, range(1, 6))
    many = queries_of(client, path)
    assert len(many) <= len(few), "\n".join(many)
    assert len(many) <= MOST + 10 * (PAGES[name].needs == JOB)


@pytest.mark.parametrize("name", sorted(MACHINE))
def test_the_machine_face_asks_no_more_for_many_rows_than_for_few(client, name):
    graph = a_graph("counted")
    path, headers = address(name, MACHINE[name], graph), {"Authorization": f"Bearer {graph.secret}"}
    grow(graph, range(1))
    client.get(path, headers=headers)
    few = queries_of(client, path, headers=headers)
    grow(graph, range(1, 6))
    assert len(queries_of(client, path, headers=headers)) <= len(few) <= MOST
