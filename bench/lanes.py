"""One way of polling, in a process of its own: `python -m bench.lanes KIND BASE_URL JOBS`.

Prints `ready`, then runs one round for each line it reads and prints what that took as JSON. CPU is
`process_time` of this process, all its threads together.
"""

import sys
import time
from collections.abc import Callable

import orjson

Round = Callable[[], int]  # the number of jobs that were read


def openai_loop(base_url: str, jobs: int) -> Round:
    """A script as people write it: `retrieve` for each job; nothing is stored."""
    import openai

    client = openai.OpenAI(api_key="sk-bench", base_url=base_url, max_retries=0)
    ids = [job.id for job in client.fine_tuning.jobs.list(limit=100)][:jobs]

    def round_() -> int:
        return sum(client.fine_tuning.jobs.retrieve(one).status != "" for one in ids)

    return round_


def plain_list(base_url: str, jobs: int) -> Round:
    """The limit: fetch and parse the list, keep nothing. The cursor is the last id of a page."""
    import httpx

    client = httpx.Client(headers={"Authorization": "Bearer sk-bench"})

    def round_() -> int:
        read, after = 0, ""
        while read < jobs:
            page = orjson.loads(client.get(f"{base_url}/fine_tuning/jobs?limit=100{after}").content)
            read, after = read + len(page["data"]), f"&after={page['data'][-1]['id']}"
        return read

    return round_


def tunebell(base_url: str, _jobs: int) -> Round:
    """A full sweep as the worker makes it: claim, ask, compare, write, end the claim."""
    import django

    django.setup()
    from bench.ours import a_connection, sweep

    connection = a_connection("lane", base_url)
    sweep(connection.pk)
    return lambda: sweep(connection.pk)


LANES = {"openai": openai_loop, "list": plain_list, "tunebell": tunebell}


def main(kind: str, base_url: str, jobs: str) -> None:
    run = LANES[kind](base_url, int(jobs))
    run()  # warm: connections are open, statements are prepared
    print("ready", flush=True)
    for _ in sys.stdin:
        started, began = time.process_time(), time.monotonic()
        read = run()
        spent = {"cpu_s": time.process_time() - started, "s": time.monotonic() - began}
        print(orjson.dumps({**spent, "jobs": read}).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
