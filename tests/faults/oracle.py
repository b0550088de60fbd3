"""Holds what the provider served and what the receiver took against the tables. Calls no code of `jobs` or `alerts`.

lost: ends that were served and that no receiver accepted. invented: accepted messages about an end that was never
served. duplicates: accepted requests beyond the first of a key. stuck: rows that a dead worker left behind.
"""

from collections import Counter
from dataclasses import dataclass

from django.db import connection

from tests.provider_double import ProviderDouble
from tests.receiver import Receiver

ENDS = {"succeeded", "failed", "cancelled"}
LEFT_BEHIND = """
    SELECT (SELECT count(*) FROM jobs_transition WHERE announced_at IS NULL)
         + (SELECT count(*) FROM alerts_delivery WHERE state = 'pending' OR lease_token IS NOT NULL)
         + (SELECT count(*) FROM jobs_job WHERE lease_token IS NOT NULL)
"""
# I19: whoever was to be told was told, given up with a reason, or suppressed with one.
UNACCOUNTED = """
    SELECT count(*) FROM alerts_delivery
     WHERE state NOT IN ('pending', 'sent', 'dead', 'suppressed')
        OR (state = 'sent' AND sent_at IS NULL)
        OR (state IN ('dead', 'suppressed') AND reason = '')
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    lost: frozenset[str]
    invented: frozenset[str]
    duplicates: int
    stuck: int
    unaccounted: int

    @property
    def is_clean(self) -> bool:
        return self == Verdict(frozenset(), frozenset(), 0, 0, 0)


def judge(provider: ProviderDouble, *receivers: Receiver) -> Verdict:
    """After everything came to rest. Each receiver is to be told of each end once."""
    served = ends_served(provider)
    told = [ends_told(one) for one in receivers]
    return Verdict(
        lost=frozenset(job for one in told for job in served.keys() - one.keys()),
        invented=frozenset(
            job for one in told for job, states in one.items() if states - served.get(job, set())
        ),
        duplicates=sum(duplicates_at(one) for one in receivers),
        stuck=number_of(LEFT_BEHIND),
        unaccounted=number_of(UNACCOUNTED),
    )


def ends_served(provider: ProviderDouble) -> dict[str, set[str]]:
    """Job id -> the final states that answers carried."""
    found: dict[str, set[str]] = {}
    for entry in provider.requests():
        for job_id, status, _tokens in entry["jobs"]:
            if status in ENDS:
                found.setdefault(job_id, set()).add(status)
    return found


def ends_told(receiver: Receiver) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for arrival in receiver.accepted:
        if arrival.content["type"].removeprefix("job.") in ENDS:
            job = arrival.content["data"]["job"]
            found.setdefault(job["id"], set()).add(job["status"])
    return found


def duplicates_at(receiver: Receiver) -> int:
    keys = Counter(arrival.key for arrival in receiver.accepted)
    return sum(keys.values()) - len(keys)


def number_of(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
