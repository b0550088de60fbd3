"""Raw status words -> State, per dialect."""

from enum import StrEnum


class State(StrEnum):
    """What a job does now. Only succeeded, failed and cancelled are over."""

    VALIDATING = "validating"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected to happen."""
        return self in _OVER

    @property
    def word(self) -> str:
        """The word shown to people."""
        return self.value.capitalize()

    @property
    def order(self) -> int:
        """Place in a list sorted by state: what moves first, what is over last."""
        return _ORDER[self]


_OVER = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
_ORDER = {
    State.RUNNING: 0,
    State.VALIDATING: 1,
    State.QUEUED: 2,
    State.PAUSED: 3,
    State.UNKNOWN: 4,
    State.FAILED: 5,
    State.SUCCEEDED: 6,
    State.CANCELLED: 7,
}

_COMMON: dict[str, State] = {
    "validating_files": State.VALIDATING,
    "queued": State.QUEUED,
    "running": State.RUNNING,
    "paused": State.PAUSED,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "cancelled": State.CANCELLED,
    "canceled": State.CANCELLED,
    # Azure answers these in OpenAI's shape, so a proxy in front of it shows them too.
    "pending": State.QUEUED,
    "created": State.QUEUED,
    "pausing": State.RUNNING,
    "resuming": State.QUEUED,
}
_DIALECTS: dict[str, dict[str, State]] = {
    "mistral": {
        "validating": State.VALIDATING,
        "validated": State.QUEUED,
        "started": State.RUNNING,
        "cancellation_requested": State.RUNNING,
        "success": State.SUCCEEDED,
        "failed_validation": State.FAILED,
    },
    "together": {
        "compressing": State.RUNNING,
        "uploading": State.RUNNING,
        "cancel_requested": State.RUNNING,
        "completed": State.SUCCEEDED,
        "error": State.FAILED,
        "user_error": State.FAILED,
    },
    "fireworks": {
        "job_state_creating": State.QUEUED,
        "job_state_pending": State.QUEUED,
        "job_state_validating": State.VALIDATING,
        "job_state_running": State.RUNNING,
        "job_state_writing_results": State.RUNNING,
        "job_state_rollout": State.RUNNING,
        "job_state_evaluation": State.RUNNING,
        "job_state_completed": State.SUCCEEDED,
        "job_state_failed": State.FAILED,
        "job_state_cancelled": State.CANCELLED,
        # Not in the published table of words, but the API has a way to resume.
        "job_state_paused": State.PAUSED,
    },
}


def read_state(raw_status: object, dialect: str = "openai") -> State:
    """The state behind a provider's word; UNKNOWN for any other word or thing.

    The dialect's own table is asked first, then the common one (wire contract, section 4).
    """
    if not isinstance(raw_status, str):
        return State.UNKNOWN
    word = raw_status.strip().casefold()
    own = _DIALECTS.get(dialect, {})
    return own.get(word) or _COMMON.get(word, State.UNKNOWN)
