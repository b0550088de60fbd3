"""Three teams as a browser finds them: one with everything, one in trouble, one that has just begun."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, Role, User
from alerts.models import Attempt, Delivery
from alerts.outbox import announce, deliver
from alerts.setup import RuleFacts, create_channel, create_rule
from dashboard import saved_views
from jobs import labels
from jobs.claims import database_now
from jobs.models import Connection, Job, Transition
from jobs.poll import poll_due
from jobs.watch import watch
from simulator.population import World
from simulator.serving import Running, serve_in_thread
from tests import builders
from tests.provider_double import BORN, ProviderDouble
from tests.receiver import Answer, Receiver

PASSWORD = "a long enough password"
LONG_NAME = "a-suffix-somebody-generated-from-a-branch-name-and-a-date-2026-11-22"
HOSTILE = '<b onmouseover="alert(1)">bold</b> <!channel> ' + "unbreakable" * 30
STATES = ("queued", "running", "paused", "succeeded", "failed", "cancelled")
METHODS = ("supervised", "dpo", "reinforcement")
USUAL_WAIT_S, WAITS = 22 * 60, 14
FATE = {"code": "invalid_training_file", "message": "Line 6174 is not JSON.", "param": None}


@dataclass(slots=True)
class Home:
    """`ids`: what addresses are made of. `jobs`: the address of a job by what it shows.

    `guest`: of one who may change the theme; the pages of the others follow the browser's.
    """

    cookie: str
    guest: str = ""
    ids: dict[str, object] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)


def poll(times: int = 1) -> None:
    """Makes everything due, as if the intervals had passed, and polls it.

    By the database's clock: SQLite's counts whole milliseconds, so what is due at this process's
    microsecond is often not due yet when the poll asks.
    """
    for _ in range(times):
        Connection.objects.update(next_sweep_at=database_now(), wait_until=None)
        Job.objects.exclude(next_poll_at=None).update(next_poll_at=database_now())
        poll_due(budget_s=20)


def furnish() -> dict[str, Home]:
    """Fills the database by really polling and really sending."""
    with ExitStack() as stack:
        world = World(seed=7, epoch=time.time(), speed=60, population="demo")
        demo = stack.enter_context(closing(serve_in_thread(world)))
        labs = [stack.enter_context(closing(ProviderDouble())) for _ in range(4)]
        return {
            "busy": busy_home(demo, labs[0]),
            "troubled": troubled_home(labs[1:]),
            "fresh": Home(cookie_of(builders.a_member(builders.a_team(name="Fresh")))),
        }


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def busy_home(demo: Running, lab: ProviderDouble) -> Home:
    team = builders.a_team(name="Busy", slug="busy")
    admin = builders.a_member(team, email="dana@example.com", name="Dana")
    guest = builders.a_member(team, email="guest@example.com", password=PASSWORD)
    member = builders.a_member(team, Role.VIEWER, email="viewer@example.com")
    now = timezone.now()
    connection = builders.a_connection(
        team, slug="demo", name="Demo", base_url=demo.base_url, created_at=now
    )
    builders.a_connection(
        team, "sk-secret-of-nobody", slug="prod-eu", name="Prod EU", base_url=lab.url
    )
    ApiToken.create_token(team, "grafana", creator=admin)
    poll(2)
    some_waits(connection)
    watch()  # flags what hangs
    hooked = a_failure_that_rang(team, lab)
    ids = {"connection": "demo", "member": member.pk, "kind": "webhook", **hooked}
    shown = dict(showcase(connection))
    ids["job_id"] = shown["succeeded"].split("/")[3]
    ids["file_id"] = Job.objects.get(provider_id=ids["job_id"]).result_files[0]
    job = Job.objects.get(connection=connection, provider_id=ids["job_id"])
    ids["view"] = said_of(job, admin, "Broken runs")
    return Home(cookie_of(admin), cookie_of(guest), ids, shown)


def some_waits(connection: Connection) -> None:
    """The history of the model of a job that the simulator lets wait: jobs that are gone by now."""
    stay = {"from_state": "queued", "to_state": "running", "stayed_s": USUAL_WAIT_S, "rings": False}
    model = {"base_model": "mistralai/Mistral-7B-Instruct-v0.3", "announced_at": timezone.now()}
    Transition.objects.bulk_create(
        Transition(connection=connection, **stay, **model) for _ in range(WAITS)
    )


def a_failure_that_rang(team, lab: ProviderDouble) -> dict[str, object]:
    """One alert that arrived, one that was refused and is tried again."""
    receiver, refusing = Receiver().up(), Receiver().up()
    refusing.usual = Answer(503, body=b"closed for lunch")
    channels = [
        create_channel(team, "webhook", name, {"url": one.url}).channel
        for name, one in (("on-call", receiver), ("ml-team", refusing))
    ]
    rule = create_rule(team, RuleFacts(["failed"], channels, name="Broken runs"))
    facts = {"user_provided_suffix": "returns-v2", "created_at": int(time.time())}
    job_id = lab.serves(status="running", **facts)
    poll()
    lab.serves(job_id, status="failed", error=FATE, **facts)
    poll()
    announce()
    deliver(budget_s=10)
    receiver.down()
    refusing.down()
    return {"channel": channels[0].public_id, "rule": rule.public_id}


def said_of(job: Job, admin: User, name: str) -> object:
    """Tags and a note on a job, and views: one of the team's, one with a feed."""
    team, note = job.team, labels.checked_note(f"Ask Dana.\n{HOSTILE}")
    labels.tag(team, [job.pk], add=("prod", "eu", "x" * 40))
    labels.set_note(team, job.pk, note, labels.mark_of(""))
    saved_views.save(team, None, "Waiting", "state=queued&state=running", is_default=False)
    view = saved_views.save(team, admin, name, "state=failed", is_default=False)
    saved_views.open_feed(view)
    return view.public_id


def showcase(connection: Connection) -> Iterator[tuple[str, str]]:
    """A job in each state, and one that trained by each method."""
    jobs = Job.objects.filter(connection=connection).order_by("created_at")
    for state in STATES:
        if job := jobs.filter(state=state).last():
            yield state, address_of(job)
    for method in METHODS:
        yield method, address_of(jobs.filter(method=method, state="succeeded").last())


def address_of(job: Job) -> str:
    return f"/jobs/{job.connection.slug}/{job.provider_id}/"


def troubled_home(labs: list[ProviderDouble]) -> Home:
    team = builders.a_team(name="Troubled", slug="troubled")
    admin = builders.a_member(team, email="erin@example.com", name=LONG_NAME)
    for name, lab in zip(("rejected", "garbled", "limited"), labs, strict=True):
        builders.a_connection(team, "sk-old", slug=name, name=name.title(), base_url=lab.url)
    builders.a_connection(team, slug="gone", name=LONG_NAME, base_url="http://127.0.0.1:9/v1")
    builders.a_connection(team, slug="resting", name="Resting", is_paused=True)
    jobs = {name: f"/jobs/rejected/{job_id}/" for name, job_id in hard_jobs(labs[0])}
    poll(2)
    labs[0].breaks("status", status=401)
    labs[1].breaks("html")
    labs[2].breaks("status", status=429, headers={"Retry-After": "3600"})
    poll(3)
    connection = Connection.objects.get(slug="rejected")
    lost = builders.a_job(
        connection, is_missing=True, missing_since=timezone.now(), training_file="file-lost"
    )
    key = a_given_up_alert(team, Job.objects.get(provider_id=jobs["failed"].split("/")[3]))
    ids = {"connection": "rejected", "kind": "email", "job_id": lost.provider_id, **key}
    ids["file_id"] = lost.training_file
    ids["view"] = said_of(lost, admin, LONG_NAME[:60])
    return Home(cookie_of(admin), "", ids, {**jobs, "missing": address_of(lost)})


def hard_jobs(lab: ProviderDouble) -> Iterator[tuple[str, str]]:
    """Jobs that try a page: a failure, a word nobody knows, and texts that do not fit."""
    yield "failed", lab.serves(status="failed", error=FATE, user_provided_suffix="support-bot-v7")
    yield "unknown", lab.serves(status="defragmenting")
    yield (
        "hostile",
        lab.serves(
            status="failed",
            user_provided_suffix=LONG_NAME,
            error={"code": "x" * 80, "message": HOSTILE, "param": "y" * 60},
            metadata={"note": HOSTILE, "k" * 60: "v"},
            result_files=["file-broken"],
            files=[{"id": "file-broken", "object": "file", "bytes": 3, "filename": LONG_NAME}],
            events=[
                {"id": f"ftevent-{n}", "created_at": BORN + n, "level": level, "message": HOSTILE}
                for n, level in enumerate(("info", "warn", "error"))
            ],
        ),
    )


def a_given_up_alert(team, job: Job) -> dict[str, object]:
    channel = create_channel(team, "email", "dana", {"address": "dana@example.com"}).channel
    rule = create_rule(team, RuleFacts(["failed", "rejected"], [channel]))
    delivery = builders.a_delivery(
        channel,
        builders.a_transition(job),
        state=Delivery.State.DEAD,
        reason="550 no such mailbox",
        rule=rule,
    )
    Attempt.objects.create(
        delivery=delivery, is_sent=False, status_code=550, answer=HOSTILE[:300], duration_ms=1204
    )
    alerts_in_every_state(delivery)
    return {"channel": channel.public_id, "rule": rule.public_id}


def alerts_in_every_state(like: Delivery) -> None:
    """Urgent and carried by one digest: as much as a row of the log can say."""
    later = timezone.now() + timedelta(hours=7)
    for state, facts in (
        (Delivery.State.PENDING, {"quiet_until": later, "next_attempt_at": later}),
        (
            Delivery.State.PENDING,
            {"failures": 2, "next_attempt_at": later, "reason": HOSTILE[:300]},
        ),
        (Delivery.State.PENDING, {"lease_until": later, "lease_token": uuid4()}),
        (Delivery.State.SUPPRESSED, {"reason": "The channel was switched off."}),
    ):
        happened = builders.a_transition(like.transition.job)
        key = {"digest_key": like.key, "is_urgent": True, "rule": like.rule}
        builders.a_delivery(like.channel, happened, state=state, **key, **facts)
