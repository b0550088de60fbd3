"""What the broker says when it is asked in person, not through Celery, and for half a second only."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import redis
from django.conf import settings

PATIENCE_S = 0.5


@contextmanager
def _client() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(
        settings.CELERY_BROKER_URL,
        socket_connect_timeout=PATIENCE_S,
        socket_timeout=PATIENCE_S,
        retry=None,
    )
    try:
        yield client
    finally:
        client.close()


def broker_answers() -> bool:
    with _client() as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def waiting(queue: str) -> int | None:
    """How many tasks nobody took yet; None when the broker does not answer."""
    found = depths((queue,))
    return None if found is None else found[queue]


def depths(queues: Iterable[str]) -> dict[str, int] | None:
    """The same of several queues."""
    with _client() as client:
        try:
            return {queue: int(client.llen(queue)) for queue in queues}
        except redis.RedisError:
            return None
