"""What benchmarks do with TuneBell's own tables. Import it after django.setup()."""

from datetime import timedelta

from django.db.models import Model

from accounts.models import Team
from alerts.models import Delivery
from jobs.claims import claim, database_now
from jobs.models import Checkpoint, Connection, Estimate, Event, File, Job, Point, Snapshot
from jobs.models import Transition as Change
from jobs.questions import ListQuestion, Question
from outbound.secret import Secret
from providers.base import connect

FACTS: tuple[type[Model], ...] = (
    *(Job, Snapshot, Change, Estimate, Event, Point, Checkpoint, File, Delivery),
)


def a_connection(slug: str, base_url: str, **facts: object) -> Connection:
    team, _ = Team.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    connection = Connection(team=team, slug=slug, name=slug, base_url=base_url, **facts)
    connection.set_key(Secret("sk-bench-0123456789"))
    connection.save()
    return connection


def sweep(connection_id: int) -> int:
    """Reads the whole list of a connection, as the worker does; the number of jobs read."""
    Connection.objects.filter(pk=connection_id).update(last_full_sweep_at=None)
    due = Connection.objects.select_related("team").filter(pk=connection_id)
    taken, (connection,) = claim(due, 1)
    question: Question | None = ListQuestion.first(connection, taken, connect(connection.account()))
    read = 0
    while question is not None:
        answer = question.ask()
        read += len(getattr(answer, "items", ()))
        question = question.take(answer)
    return read


def fact_counts() -> dict[str, int]:
    """Rows by table, of everything that is observed."""
    return {model.__name__: model._default_manager.count() for model in FACTS}  # noqa: SLF001 - documented by Django


def put_off_retrieves() -> None:
    """Leaves all jobs to the list."""
    Job.objects.exclude(next_poll_at=None).update(next_poll_at=database_now() + timedelta(days=1))
