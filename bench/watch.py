"""Tells every second when what is due: `python -m bench.watch`, one JSON line at a time, until its input ends.

{"at": epoch seconds, "due": {account or job id: epoch seconds}}; lists each time, jobs each fifth.
"""

import sys
import threading
import time

import django
import orjson

django.setup()

from jobs.models import Connection, Job  # noqa: E402 - models come after the setup

JOBS_EVERY = 5


def main() -> None:
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    turn = 0
    while not over.wait(1):
        due = dict(Connection.objects.values_list("slug", "next_sweep_at"))
        if turn % JOBS_EVERY == 0:
            jobs = Job.objects.exclude(next_poll_at=None)
            due |= dict(jobs.values_list("provider_id", "next_poll_at"))
        turn += 1
        told = {"at": time.time(), "due": {name: when.timestamp() for name, when in due.items()}}
        sys.stdout.write(orjson.dumps(told).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
