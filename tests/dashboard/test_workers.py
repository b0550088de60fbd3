"""Several workers of one kind: each is seen, one that is silent is not hidden by one that is well."""

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
import redis
from django.apps import apps
from django.db import connection
from django.utils import timezone

from dashboard import context, exposition, heartbeats, patience, worker_name
from dashboard.crews import crews
from dashboard.models import Heartbeat
from dashboard.queries import readiness, status
from dashboard.supervisor_plan import worker_command
from tests import servers
from tests.builders import a_member, a_team
from tests.dashboard.metrics.scraping import scrape, value

pytestmark = pytest.mark.django_db
GONE = timedelta(seconds=patience.GONE_S)
SECOND = timedelta(seconds=1)
SILENT = timedelta(minutes=4)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture(autouse=True)
def nothing_noted_yet():
    exposition.shelf.clear()
    for notes in (heartbeats._last_note, heartbeats._last_tidied):
        notes.clear()
    yield
    exposition.shelf.clear()
    for notes in (heartbeats._last_note, heartbeats._last_tidied):
        notes.clear()


def seen(worker: str, at, part: str = "poll", **facts) -> Heartbeat:
    return Heartbeat.objects.create(part=part, worker=worker, at=at, **facts)


def names(now) -> tuple[list[str], ...]:
    """Of the one part there is: who is well, who is silent, who is gone."""
    (crew,) = crews(Heartbeat.objects.all(), now)
    groups = (crew.well, crew.silent, crew.gone)
    return tuple([note.worker for note in group] for group in groups)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize(
    ("nodename", "part", "is_local", "name"),
    [
        ("poll@b5f0", "poll", False, "b5f0"),
        ("celery@b5f0", "poll", False, "b5f0"),
        ("b5f0", "beat", False, "b5f0"),
        ("poll2@b5f0", "poll", False, "poll2@b5f0"),
        ("poll@b5f0", "poll", True, "local"),
        ("poll2@b5f0", "poll", True, "poll2@local"),
        ("poll@" + "x" * 300, "poll", False, "x" * 100),
    ],
)
def test_a_worker_is_named_by_its_machine(nodename, part, is_local, name):
    assert worker_name.name_of(nodename, part, is_local=is_local) == name


def test_one_that_is_well_does_not_hide_one_that_is_silent(now):
    seen("one", now), seen("two", now - SILENT), seen("three", now - SECOND)
    assert names(now) == (["one", "three"], ["two"], [])


@pytest.mark.parametrize(
    ("behind", "group"), [(GONE, "silent"), (GONE + SECOND, "gone"), (GONE * 100, "gone")]
)
def test_one_that_never_comes_back_stops_to_alarm(now, behind, group):
    seen("new", now), seen("old", now - behind)
    (crew,) = crews(Heartbeat.objects.all(), now)
    assert [note.worker for note in getattr(crew, group)] == ["old"]


def test_when_all_are_silent_the_last_ones_alarm_for_ever(now):
    ago = GONE * 1000
    seen("last", now - ago), seen("with-it", now - ago - SECOND), seen("older", now - ago * 2)
    assert names(now) == ([], ["last", "with-it"], ["older"])


def test_one_that_was_told_to_stop_is_missed_only_when_it_was_the_last(now):
    seen("stopped", now - SILENT, has_left=True)
    assert names(now) == ([], ["stopped"], [])
    seen("other", now)
    assert names(now) == (["other"], [], ["stopped"])


def test_the_sweep_is_no_worker(now):
    seen("", now, part="sweep")
    assert crews(Heartbeat.objects.all(), now) == []


def a_task(host: str, origin: str = "gen7@clock", **request) -> SimpleNamespace:
    facts = {"hostname": f"poll@{host}", "origin": origin, "celery_beat_task": True, **request}
    return SimpleNamespace(name="jobs.poll_due", request=SimpleNamespace(**facts))


@pytest.fixture
def on_many_machines(monkeypatch):
    """As on PostgreSQL, where workers may be anywhere."""
    monkeypatch.setattr(heartbeats, "connection", SimpleNamespace(vendor="x", needs_rollback=False))


@pytest.mark.both_databases
def test_each_worker_and_each_beat_has_its_own_note(on_many_machines):
    heartbeats.task_begins(task=a_task("one"))
    heartbeats.task_ends(task=a_task("one"), state="SUCCESS")
    heartbeats.task_begins(task=a_task("two", origin="gen99@clock2"))
    heartbeats.task_begins(task=a_task("two", origin="gen98@clock2"))
    found = set(Heartbeat.objects.values_list("part", "worker", "is_busy"))
    assert found == {
        ("poll", "one", False),
        ("poll", "two", True),
        ("sweep", "", False),
        ("beat", "clock", False),
        ("beat", "clock2", False),
    }


@pytest.mark.both_databases
def test_a_beat_forgets_who_stopped_and_who_was_silent_for_a_day(now):
    day = timedelta(seconds=patience.FORGOTTEN_S)
    seen("stopped", now, has_left=True), seen("old", now - day - SECOND)
    seen("silent", now - day + timedelta(minutes=1)), seen("me", now - day * 9)
    seen("old", now - day * 9, part="alerts"), seen("", now - day * 9, part="sweep")
    heartbeats.beat("poll", "me")
    left = set(Heartbeat.objects.values_list("part", "worker"))
    assert left == {("poll", "silent"), ("poll", "me"), ("alerts", "old"), ("sweep", "")}


def test_forgetting_costs_no_query_at_every_beat(django_assert_num_queries):
    heartbeats.beat("poll", "me")
    heartbeats._last_note.clear()
    with django_assert_num_queries(1):
        heartbeats.beat("poll", "me")


@pytest.mark.both_databases
def test_one_that_stops_says_so_and_takes_it_back_when_it_is_there_again(now):
    name = heartbeats.worker_name("poll@b5f0", "poll")
    seen(name, now), seen(name, now, part="alerts"), seen("other", now)
    heartbeats.worker_ends(sender=SimpleNamespace(hostname="poll@b5f0"))
    left = Heartbeat.objects.filter(has_left=True)
    assert list(left.values_list("part", "worker")) == [("poll", name)]
    heartbeats.beat("poll", name)
    assert not left.exists()


@pytest.fixture
def broker(valkey, settings):
    valkey.flush()
    settings.CELERY_BROKER_URL = valkey.url
    with redis.Redis.from_url(valkey.url) as client:
        yield client


@pytest.mark.django_db(transaction=True)
def test_one_that_has_nothing_to_do_is_seen(broker):
    heartbeats.sign_idle("poll", "poll@b5f0")
    assert list(Heartbeat.objects.values_list("part", "is_busy")) == [("poll", False)]


@pytest.mark.django_db(transaction=True)
def test_one_that_had_a_task_lately_writes_nothing(broker, django_assert_num_queries):
    heartbeats.beat("poll", heartbeats.worker_name("poll@b5f0", "poll"))
    for key in heartbeats._last_note:
        heartbeats._last_note[key] -= heartbeats.EVERY_S + 1
    with django_assert_num_queries(0):
        heartbeats.sign_idle("poll", "poll@b5f0")


@pytest.mark.django_db(transaction=True)
def test_one_that_leaves_tasks_waiting_is_not_well(broker):
    broker.lpush("poll", "a task")
    heartbeats.sign_idle("poll", "poll@b5f0")
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_nobody_is_idle(settings):
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{servers.free_port()}/0"
    heartbeats.sign_idle("poll", "poll@b5f0")
    assert not Heartbeat.objects.exists()


@pytest.mark.both_databases
def test_what_older_versions_noted_gives_way_to_the_first_worker_with_a_name(now):
    seen("", now), seen("", now, part="sweep")
    step = import_module("dashboard.migrations.0002_workers")
    step.let_them_go(apps, SimpleNamespace(connection=connection))
    seen("new", now + SECOND)
    assert names(now) == (["new"], [], [""])
    assert not Heartbeat.objects.get(part="sweep").has_left


@pytest.fixture
def three(now):
    """Of three poll workers one is silent; a fourth was taken away long ago."""
    for part in ("alerts", "beat", "sweep"):
        seen("" if part == "sweep" else "b5f0", now, part=part)
    seen("one", now), seen("three", now - SECOND, is_busy=True)
    seen("two", now - SILENT), seen("four", now - GONE - SECOND)


def test_the_page_has_a_line_for_each_worker(client, three, now):
    team = a_team()
    page = status.status_page(team, now)
    part = page.parts[0]
    assert (part.name, part.detail, part.is_well) == (*("Poll worker", "1 of 3 not seen", False),)
    assert [(line.name, line.word, line.look) for line in part.workers] == [
        ("two", "Not seen lately", "failed"),
        ("one", "Well", "succeeded"),
        ("three", "At work", "succeeded"),
        ("four", "Gone", "cancelled"),
    ]
    assert page.verdict.startswith("Not seen: 1 of 3 poll workers")
    client.force_login(a_member(team))
    told = text(client.get("/status/"))
    assert told.index("1 of 3 not seen") < told.index("two") < told.index("Gone")


def test_workers_that_are_all_well_are_counted(three, now):
    Heartbeat.objects.filter(worker="two").update(at=now)
    part = status.status_page(a_team(), now).parts[0]
    assert (part.detail, part.is_well, len(part.workers)) == ("3 workers", True, 4)


def test_one_worker_alone_has_one_line(three, now):
    lines = {part.name: part for part in status.status_page(a_team(), now).parts}
    alone = lines["Alert worker"]
    assert (alone.detail, alone.workers) == ("Well", ())


def test_a_page_lists_twenty_workers_and_counts_the_rest(client, now):
    for number in range(23):
        seen(f"w{number:02}", now)
    part = status.status_page(a_team(), now).parts[0]
    assert (len(part.workers), part.more) == (20, 3)
    client.force_login(a_member(a_team()))
    assert "And 3 more workers." in text(client.get("/status/"))


def test_a_banner_says_how_many_are_missing_and_that_others_are_there(three, now):
    (banner,) = context.banners(Heartbeat.objects.all(), now)
    assert (banner.state, banner.title) == ("paused", "1 of 3 poll workers not seen for 4 min.")
    assert banner.text == context.HELPED
    Heartbeat.objects.update(at=now - SILENT)
    banner = context.banners(Heartbeat.objects.all(), now)[0]
    assert (banner.state, banner.title) == ("failed", "Poll worker not seen for 4 min.")


def test_machines_are_told_how_many_are_silent(three, now):
    assert readiness.readiness(now).degraded["parts_silent"] == 1


@pytest.mark.both_databases
def test_metrics_count_workers_and_name_none(client, three):
    found = scrape(client)
    told = {
        name: value(found, f"tunebell_{name}", part="poll")
        for name in ("part_up", "part_workers", "part_workers_silent")
    }
    assert told == {"part_up": 1, "part_workers": 2, "part_workers_silent": 1}
    assert value(found, "tunebell_part_workers", part="alerts") == 1
    assert value(found, "tunebell_heartbeat_age_seconds", part="poll") < SILENT.total_seconds()
    parts = [one for name, one in found.items() if "part_" in name or "heartbeat" in name]
    assert {key for one in parts for sample in one.samples for key in sample.labels} == {"part"}


def second_worker(stack) -> servers.Server:
    """Another poll worker on the same machine, which a name of its own tells apart."""
    command = [*worker_command("poll"), "--hostname", "second@%h"]
    server = servers.Server(command, env=stack.env).start()
    stack.parts["second"] = server
    server.wait_for("ready.")
    return server


def pollers(**facts) -> set[str]:
    rows = Heartbeat.objects.filter(part="poll", **facts)
    return {"second" if "second@" in one.worker else "first" for one in rows}


@pytest.mark.stack
@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_real_workers_are_seen_though_nothing_is_to_do_and_say_when_they_stop(celery_stack):
    stack = celery_stack(["poll"], beat=False)
    second = second_worker(stack)
    servers.eventually(lambda: pollers() == {"first", "second"}, what="two idle workers")
    second.stop()
    assert pollers(has_left=True) == {"second"}


@pytest.mark.stack
@pytest.mark.django_db(transaction=True)
def test_an_idle_worker_is_seen_again_after_its_broker_came_back(celery_stack, valkey):
    celery_stack(["poll"], beat=False)
    valkey.kill()
    Heartbeat.objects.all().delete()
    valkey.start()
    assert servers.eventually(pollers, what="the worker")
