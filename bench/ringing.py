"""Lets jobs end: `python -m bench.ringing RECEIVER_URL`. Each line read asks for so many at once.

Prints `ready`, then for each line the provider's ids of the jobs and the time of the COMMIT, as JSON.
"""

import sys
import time

import django
import orjson
from django.db import transaction
from django.db.models import Max

django.setup()

from alerts.models import Channel  # noqa: E402 - models come after the setup
from alerts.setup import RuleFacts, create_channel, create_rule  # noqa: E402 - as above
from alerts.tasks import announce_due  # noqa: E402 - as above
from bench.ours import a_connection  # noqa: E402 - as above
from jobs.models import Connection, Job, Transition  # noqa: E402 - as above
from jobs.record import announce_later  # noqa: E402 - as above


def main(url: str) -> None:
    connection = Connection.objects.first() or a_connection("ringing", "http://127.0.0.1:9/v1")
    if not Channel.objects.exists():
        channel = create_channel(connection.team, "webhook", "bench", {"url": url}).channel
        create_rule(connection.team, RuleFacts(states=["failed"], channels=[channel]))
    say({"ready": True})
    for line in sys.stdin:
        number, workers = (int(word) for word in line.split())
        ids = end_jobs(connection, number)
        at = time.time()
        for _ in range(workers - 1):  # the commit has rung for one
            announce_due.apply_async(ignore_result=True)
        say({"ids": ids, "at": at})


def end_jobs(connection: Connection, number: int) -> list[str]:
    first = Job.objects.aggregate(last=Max("pk"))["last"] or 0
    with transaction.atomic():
        jobs = Job.objects.bulk_create(
            Job(
                team=connection.team,
                connection=connection,
                provider_id=f"ftjob-bench{first + serial:08}",
                state="failed",
                raw_status="failed",
                base_model="gpt-4o-mini-2024-07-18",
                error_code="invalid_training_file",
            )
            for serial in range(number)
        )
        Transition.objects.bulk_create(
            Transition(
                connection=connection, job=job, from_state="running", to_state="failed", rings=True
            )
            for job in jobs
        )
        announce_later()
    return [job.provider_id for job in jobs]


def say(told: object) -> None:
    sys.stdout.write(orjson.dumps(told).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
