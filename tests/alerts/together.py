"""Runs work in threads with database connections of their own."""

import threading
from collections.abc import Callable

from django.db import connection


def in_background(work: Callable[[], object]) -> threading.Thread:
    def once() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=once)
    thread.start()
    return thread


def run_at_once(work: Callable[[], object], times: int) -> None:
    for thread in [in_background(work) for _ in range(times)]:
        thread.join(60)
