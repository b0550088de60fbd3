"""Fills a database: `python -m bench.fill ORIGIN CONNECTIONS JOBS INTERVAL_S`.

The first connection's list is swept and its jobs are read in full, as the worker does; the others
get equal rows. Then due times are spread over their periods, as after a day of running.
"""

import random
import sys
from datetime import timedelta

import django
from django.db import transaction
from tqdm import tqdm

django.setup()

from bench.copies import copy_connection  # noqa: E402 - models come after the setup
from bench.ours import a_connection, sweep  # noqa: E402 - as above
from jobs.claims import database_now  # noqa: E402 - as above
from jobs.models import Connection, Job  # noqa: E402 - as above
from jobs.poll import poll_due  # noqa: E402 - as above
from jobs.schedule import SPARSE  # noqa: E402 - as above


def main(origin: str, connections: int, jobs: int, interval_s: int) -> None:
    with tqdm(total=connections * jobs, desc="fill", unit="job") as bar:
        first = a_connection("c00x", f"{origin}/c00x/v1", poll_interval_s=interval_s)
        bar.update(sweep(first.pk))
        read_jobs()
        first.refresh_from_db()
        for number in range(1, connections):
            account = f"c{number:02}x"
            copy_connection(first, account, f"{origin}/{account}/v1")
            bar.update(jobs)
    spread(interval_s)


def read_jobs() -> None:
    unread = Job.objects.filter(retrieved_at=None).exclude(next_poll_at=None)
    with tqdm(total=unread.count(), desc="fill: jobs", unit="job") as bar:
        while left := unread.count():
            poll_due(budget_s=5)
            bar.update(left - unread.count())


def spread(interval_s: int) -> None:
    now = database_now()
    chance = random.Random(7)
    with transaction.atomic():
        for connection in Connection.objects.all():
            connection.next_sweep_at = now + timedelta(seconds=chance.uniform(0, interval_s))
            connection.save(update_fields=["next_sweep_at"])
        for pk in Job.objects.exclude(next_poll_at=None).values_list("pk", flat=True):
            due = now + timedelta(seconds=chance.uniform(0, interval_s * SPARSE))
            Job.objects.filter(pk=pk).update(next_poll_at=due)


if __name__ == "__main__":
    main(sys.argv[1], *(int(word) for word in sys.argv[2:]))
