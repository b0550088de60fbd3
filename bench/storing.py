"""What polls store: `python -m bench.storing unchanged BASE_URL POLLS` or `... story JOBS`; prints JSON."""

import sys
from datetime import timedelta

import django
import orjson
from django.db import connection
from tqdm import tqdm

django.setup()

from bench.ours import a_connection, fact_counts  # noqa: E402 - models come after the setup
from jobs.claims import database_now  # noqa: E402 - as above
from jobs.models import Connection, Job  # noqa: E402 - as above
from jobs.poll import poll_due  # noqa: E402 - as above
from tests.provider_double import BORN, ProviderDouble  # noqa: E402 - as above

HOURS, STEPS, POLL_S = 3, 300, 15
EPOCHS = 3
ESTIMATED_EVERY_S = 600
WARM = 5


def poll_all() -> None:
    """As if every interval had passed."""
    past = database_now() - timedelta(seconds=1)
    Connection.objects.update(next_sweep_at=past)
    Job.objects.exclude(next_poll_at=None).update(next_poll_at=past)
    poll_due()


def database_bytes() -> int:
    """Tables and indexes, without what is dead and may be used again."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.execute(
                "SELECT (page_count - freelist_count) * page_size "
                "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
            )
        else:
            cursor.execute("VACUUM FULL")
            cursor.execute(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        return int(cursor.fetchone()[0])


def unchanged(base_url: str, polls: int) -> dict[str, int]:
    a_connection("flat", base_url)
    for _ in range(WARM):
        poll_all()
    jobs, rows, size = Job.objects.count(), sum(fact_counts().values()), database_bytes()
    for _ in tqdm(range(polls // jobs), desc=f"i1 {connection.vendor}", unit="round"):
        poll_all()
    return {
        "rows": sum(fact_counts().values()) - rows,
        "bytes": database_bytes() - size,
        "page_bytes": 4096 if connection.vendor == "sqlite" else 8192,
        "tables": len(connection.introspection.table_names()),
    }


def story(jobs: int) -> dict[str, object]:
    double = ProviderDouble()
    try:
        a_connection("story", double.url)
        poll_all()
        rows, size = fact_counts(), database_bytes()
        for poll in tqdm(range(HOURS * 3600 // POLL_S + 1), desc=f"i2 {connection.vendor}"):
            tell(double, jobs, poll * POLL_S)
            poll_all()
        for _ in range(WARM):
            poll_all()
        grown = {name: number - rows[name] for name, number in fact_counts().items()}
        unsettled = Job.objects.filter(settled_at=None).count()
        if unsettled:
            raise SystemExit(f"{unsettled} jobs were not read to their end")
        return {"bytes": database_bytes() - size, "rows": grown}
    finally:
        double.close()


def tell(double: ProviderDouble, jobs: int, second: int) -> None:
    """Serves the jobs as they are `second` seconds after their creation, when that is new."""
    before, step = step_at(second - POLL_S), step_at(second)
    is_new_estimate = second % ESTIMATED_EVERY_S == 0
    if second and step == before and not is_new_estimate and step < STEPS:
        return
    for number in range(jobs):
        show(double, f"ftjob-story{number:04}", second, step)


def step_at(second: int) -> int:
    return max(0, second * STEPS // (HOURS * 3600))


def show(double: ProviderDouble, job_id: str, second: int, step: int) -> None:
    is_over = step >= STEPS
    result = f"file-result-{job_id[-4:]}"
    double.serves(
        job_id,
        status="succeeded" if is_over else "running" if step else "validating_files",
        created_at=BORN,
        finished_at=BORN + HOURS * 3600 if is_over else None,
        estimated_finish=None if is_over else BORN + HOURS * 3600 + second // ESTIMATED_EVERY_S,
        fine_tuned_model=f"ft:gpt-4o-mini:org:{job_id}" if is_over else None,
        hyperparameters={"n_epochs": EPOCHS, "batch_size": 4, "learning_rate_multiplier": 1.8},
        trained_tokens=5_768_234 if is_over else None,
        result_files=[result] if is_over else [],
        events=[an_event(job_id, number) for number in range(step, -1, -1)],
        checkpoints=[
            a_checkpoint(job_id, at) for at in range(STEPS // EPOCHS, step + 1, STEPS // EPOCHS)
        ],
        files=[{"id": result, "object": "file", "content": RESULTS}] if is_over else [],
    )


def figures(step: int) -> dict[str, float]:
    found = {"train_loss": round(2.1 / (1 + step / 40), 5), "train_mean_token_accuracy": 0.8125}
    if step % 10 == 0:
        found |= {"valid_loss": round(2.2 / (1 + step / 45), 5), "valid_mean_token_accuracy": 0.79}
    return found


def an_event(job_id: str, step: int) -> dict[str, object]:
    said = {"step": step, "total_steps": STEPS, **figures(step)}
    return {
        "object": "fine_tuning.job.event",
        "id": f"ftevent-{job_id[-4:]}{step:05}aBcDeFgHiJkLmN",
        "created_at": BORN + step * 36,
        "level": "info",
        "message": f"Step {step}/{STEPS}: training loss={figures(step)['train_loss']:.2f}",
        "type": "metrics",
        "data": said,
    }


def a_checkpoint(job_id: str, step: int) -> dict[str, object]:
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": f"ftckpt_{job_id[-4:]}{step:05}",
        "created_at": BORN + step * 36,
        "fine_tuned_model_checkpoint": f"ft:gpt-4o-mini:org::{job_id}:ckpt-step-{step}",
        "step_number": step,
        "metrics": {"step": step, **figures(step), "full_valid_loss": 0.61},
    }


def a_row(step: int) -> str:
    told = figures(step)
    names = ("train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy")
    return ",".join([str(step), *(str(told.get(name, "")) for name in names)])


RESULTS = "\n".join(
    [
        "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy",
        *(a_row(step) for step in range(1, STEPS + 1)),
    ]
)

if __name__ == "__main__":
    if sys.argv[1] == "story":
        found: dict[str, object] = story(int(sys.argv[2]))
    else:
        found = dict(unchanged(sys.argv[2], int(sys.argv[3])))
    sys.stdout.write(orjson.dumps(found).decode())
