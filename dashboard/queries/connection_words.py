"""How a connection is told: the word of its health, where it is from, and its key without showing it."""

from dashboard import words
from jobs.models import Connection, Health
from providers.states import State

# Health and our own pause borrow the colours of the states that mean as much.
LOOKS = {
    Health.NEW: State.QUEUED,
    Health.OK: State.SUCCEEDED,
    Health.LIMITED: State.PAUSED,
    Health.OUT_OF_QUOTA: State.FAILED,
    Health.REJECTED: State.FAILED,
    Health.UNREADABLE: State.FAILED,
    Health.UNREACHABLE: State.FAILED,
}
UNDECIDED = (Health.OK, Health.NEW)
NAMED = 5  # connections in a sentence


def look_of(row: Connection) -> tuple[str, str]:
    """The state whose colour and shape it has, and its word."""
    if row.archived_at:
        return State.CANCELLED.value, "Put away"
    if row.is_paused:
        return State.PAUSED.value, "Paused"
    if is_shaky(row):
        return State.PAUSED.value, "Trying again"
    health = Health(row.health)
    return LOOKS[health].value, str(health.label)


def is_shaky(row: Connection) -> bool:
    """Whether the last answers were bad, but too few of them to call it a trouble."""
    return row.health in UNDECIDED and row.trouble_count > 0 and not row.is_paused


def key_text(row: Connection) -> str:
    """How the key is named without showing it; "" where there is none."""
    if row.key_env:
        return row.key_env
    if not row.sealed_key:
        return ""
    return f"…{row.key_last4}" if row.key_last4 else "set"


def origin_words(row: Connection) -> str:
    """Where it is from; "" for one that people added. A provider's name beside it says what is imitated."""
    if row.origin == Connection.Origin.DEMO:
        return "Simulated"
    return "" if row.origin == Connection.Origin.SITE else row.get_origin_display()


def paused_words(number: int) -> str:
    """As a sentence goes on; "" where none is."""
    return f"; {words.thin(number)} {'is' if number == 1 else 'are'} paused" if number else ""


def listed_names(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
