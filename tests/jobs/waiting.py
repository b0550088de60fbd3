"""Jobs that were looked at just now, with times moved in their rows instead of waiting."""

from datetime import timedelta
from typing import Any

from jobs.claims import database_now
from jobs.models import Connection, Job
from providers.states import State
from tests.builders import a_connection, a_job, a_transition

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def a_well_connection(*args: Any, **facts: Any) -> Connection:
    return a_connection(*args, **{"health": "ok", **facts})


def a_waiting_job(connection: Connection, waits: timedelta = 9 * HOUR, **facts: Any) -> Job:
    """In its state for so long, as we saw it."""
    now = database_now()
    known = {
        "state": State.QUEUED,
        "created_at": now - waits,
        "first_seen_at": now - waits,
        "state_since": now - waits,
        "is_since_exact": True,
        "last_seen_at": now,
        "events_read_at": now,
        "next_poll_at": now,
    }
    return a_job(connection, **{**known, **facts})


def some_stays(
    connection: Connection, *seconds: float, state: str = "queued", **facts: Any
) -> None:
    """Jobs that left this state after so long."""
    model = facts.pop("base_model", "gpt-4o-mini-2024-07-18")
    for stayed_s in seconds:
        job = a_job(connection, state=State.SUCCEEDED, base_model=model, next_poll_at=None)
        left = {"from_state": state, "to_state": "running", "rings": False, **facts}
        a_transition(job, stayed_s=stayed_s, base_model=model, announced_at=database_now(), **left)
