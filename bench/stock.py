"""Fills a database with jobs as rows: `python -m bench.stock COUNT` adds what is missing to that number.

What watching would have written takes hours for 100,000 jobs. The first 10,000 have their points too, as
their peers have; the others only what a list shows. Prints as JSON a cookie and the addresses of some jobs.
"""

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import django
import orjson
from django.db import connection as database
from django.db import transaction
from tqdm import tqdm

django.setup()

from django.conf import settings  # noqa: E402 - after the setup, as all that follow
from django.test import Client  # noqa: E402 - as above
from django.utils import timezone  # noqa: E402 - as above

from accounts.models import Membership, Role, Team, User  # noqa: E402 - as above
from bench import runs  # noqa: E402 - as above
from bench.ours import a_connection  # noqa: E402 - as above
from bench.runs import Run  # noqa: E402 - as above
from jobs import costing, curves, searching  # noqa: E402 - as above
from jobs.models import Connection, Job, Point, PointSource, Transition  # noqa: E402 - as above

SLUGS = ("prod-eu", "prod-us", "research", "lab")
BATCH, AT_ONCE = 2000, 200  # an update by rows is slow at more
ERRORS = (
    ("invalid_training_file", "Line 6174 of the training file is not valid JSON.", "training_file"),
    ("exceeded_quota", "You exceeded your current quota, please check your plan.", None),
    ("server_error", "The job failed for a reason on our side; please try again.", None),
)


def main(count: int) -> None:
    user, connections = household()
    have = Job.objects.count()
    now = timezone.now()
    with tqdm(total=count, initial=have, desc="fill", unit="job") as bar:
        for some in batches(range(have, count)):
            with transaction.atomic():
                add([Run(serial) for serial in some], connections, now)
            bar.update(len(some))
    tidy()
    sys.stdout.write(orjson.dumps(told(user)).decode())


def batches(serials: range) -> Iterator[range]:
    for start in range(serials.start, serials.stop, BATCH):
        yield range(start, min(start + BATCH, serials.stop))


def household() -> tuple[User, list[Connection]]:
    """Who looks, and the connections of the jobs; made once."""
    if user := User.objects.filter(email="bench@example.com").first():
        return user, list(Connection.objects.order_by("pk"))
    user = User.objects.create_user("bench@example.com", None, name="Bench")
    now = timezone.now()
    connections = [
        a_connection(slug, f"https://{slug}.example.com/v1", first_sweep_at=now, last_good_at=now)
        for slug in SLUGS
    ]
    Membership.objects.create(team=Team.objects.get(slug="bench"), user=user, role=Role.ADMIN)
    return user, connections


def add(some: list[Run], connections: list[Connection], now: datetime) -> None:
    jobs = Job.objects.bulk_create(
        [a_job(run, connections[run.serial % len(connections)], now) for run in some]
    )
    Transition.objects.bulk_create(an_end(job) for job in jobs if job.is_over)
    learn(jobs, now)
    pairs = [(run, job) for run, job in zip(some, jobs, strict=True) if run.serial < runs.RUNS]
    for few in _some(points_of(pairs, now)):
        Point.objects.bulk_create(few)
    for run, job in pairs:
        if run.length > runs.POINTS:
            curves.refresh(job)
            job.save()


def learn(jobs: list[Job], now: datetime) -> None:
    """What is written beside a job's facts: its estimate, and the text it is found by."""
    costing.refresh(jobs, now)
    Job.objects.bulk_update(jobs, ["cost_usd"], batch_size=AT_ONCE)
    searching.refresh([job.pk for job in jobs])


def a_job(run: Run, connection: Connection, now: datetime) -> Job:
    began = now - timedelta(seconds=run.began_ago_s + runs.TOOK_S)
    ended = began + timedelta(seconds=runs.TOOK_S) if run.is_over else None
    losses = list(run.history()) if run.length == runs.POINTS else []
    return Job(
        **facts_of(run, connection),
        **outcome_of(run),
        **figures_of(losses),
        created_at=began,
        finished_at=ended,
        ended_at=ended,
        settled_at=ended,
        state_since=ended or began,
        changed_at=ended or now,
        first_seen_at=began,
        last_seen_at=now,
        retrieved_at=now,
        step=float(run.length),
        total_steps=run.length if run.is_over else 2 * run.length,
    )


def an_end(job: Job) -> Transition:
    """How it was seen to end; the list tells failures since the last visit by it."""
    return Transition(
        connection_id=job.connection_id,
        job_id=job.pk,
        from_state="running",
        to_state=job.state,
        raw_status=job.raw_status,
        base_model=job.base_model,
        stayed_s=float(runs.TOOK_S),
        happened_at=job.ended_at,
        recorded_at=job.ended_at,
        announced_at=job.ended_at,
        rings=True,
    )


def facts_of(run: Run, connection: Connection) -> dict[str, Any]:
    """What was asked for."""
    chosen = run.parameters
    return {
        "team_id": connection.team_id,
        "connection_id": connection.pk,
        "provider_id": provider_id(run),
        "base_model": run.model,
        "suffix": run.name,
        "method": "dpo" if run.serial % 5 == 0 else "supervised",
        "training_file": f"file-train-{run.serial // 3:07}",
        "validation_file": f"file-valid-{run.serial // 3:07}",
        "organization_id": "org-4f7d2f0b9c1e4d6c",
        "seed": int(chosen.pop("seed")),
        "hyperparameters": chosen,
        "requested": dict.fromkeys(chosen, "auto"),
        "metadata": {"owner": f"team-{run.serial % 12}", "ticket": f"ML-{1000 + run.serial % 900}"},
        "was_seen_alive": True,
        "version": 3,
    }


def outcome_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = {"state": run.fate, "raw_status": run.fate}
    if run.fate == "succeeded":
        model = f"ft:{run.model}:bench:{run.name}:{run.key[:8]}"
        found |= {"fine_tuned_model": model, "trained_tokens": 200_000 + run.serial % 5000 * 311}
    if run.fate == "failed":
        code, message, parameter = ERRORS[run.serial % len(ERRORS)]
        found |= {"error_code": code, "error_message": message, "error_param": parameter}
    return found


def figures_of(history: list[tuple[int, float, float]]) -> dict[str, Any]:
    """As `jobs.curves` keeps them; the few long runs are read by it."""
    if not history:
        return {}
    train = [train for _, train, _ in history]
    valid = [valid for _, _, valid in history]
    return {
        "headline_metric": "valid_loss",
        "headline_value": valid[-1],
        "curve": valid,
        "train_curve": train,
        "train_loss": train[-1],
        "valid_loss": valid[-1],
        "best_valid_loss": min(valid),
    }


def points_of(pairs: Iterable[tuple[Run, Job]], now: datetime) -> Iterator[Point]:
    for run, job in pairs:
        for step, train, valid in run.history():
            for metric, value in (("train_loss", train), ("valid_loss", valid)):
                yield Point(
                    job_id=job.pk,
                    metric=metric,
                    step=step,
                    value=value,
                    source=PointSource.RESULT_FILE,
                    seen_at=now,
                )


def _some(points: Iterator[Point]) -> Iterator[list[Point]]:
    while few := list(islice(points, BATCH)):
        yield few


def provider_id(run: Run) -> str:
    return f"ftjob-{run.key[:24]}"


def tidy() -> None:
    """What autovacuum does by itself within a minute."""
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def told(user: User) -> dict[str, Any]:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {
        "cookie": f"{name}={client.cookies[name].value}",
        "long": address(runs.LONG),
        "longest": address(runs.LONGEST),
        "compared": [address(serial) for serial in runs.COMPARED],
    }


def address(serial: int) -> str:
    """CONNECTION/ID, as it stands in addresses of pages."""
    return f"{SLUGS[serial % len(SLUGS)]}/{provider_id(Run(serial))}"


if __name__ == "__main__":
    main(int(sys.argv[1]))
