import pytest

from providers.states import State, read_state

WORDS = {
    "openai": {
        "validating_files": "validating",
        "queued": "queued",
        "running": "running",
        "paused": "paused",
        "succeeded": "succeeded",
        "failed": "failed",
        "cancelled": "cancelled",
        "canceled": "cancelled",
    },
    "azure": {
        "pending": "queued",
        "created": "queued",
        "pausing": "running",
        "resuming": "queued",
        "paused": "paused",
        "succeeded": "succeeded",
    },
    "nebius": {"validating_files": "validating", "running": "running", "failed": "failed"},
    "mistral": {
        "QUEUED": "queued",
        "VALIDATING": "validating",
        "VALIDATED": "queued",
        "STARTED": "running",
        "RUNNING": "running",
        "CANCELLATION_REQUESTED": "running",
        "SUCCESS": "succeeded",
        "FAILED": "failed",
        "FAILED_VALIDATION": "failed",
        "CANCELLED": "cancelled",
    },
    "together": {
        "pending": "queued",
        "compressing": "running",
        "uploading": "running",
        "cancel_requested": "running",
        "completed": "succeeded",
        "error": "failed",
        "user_error": "failed",
        "cancelled": "cancelled",
    },
    "fireworks": {
        "JOB_STATE_CREATING": "queued",
        "JOB_STATE_PENDING": "queued",
        "JOB_STATE_VALIDATING": "validating",
        "JOB_STATE_RUNNING": "running",
        "JOB_STATE_WRITING_RESULTS": "running",
        "JOB_STATE_ROLLOUT": "running",
        "JOB_STATE_EVALUATION": "running",
        "JOB_STATE_COMPLETED": "succeeded",
        "JOB_STATE_FAILED": "failed",
        "JOB_STATE_CANCELLED": "cancelled",
    },
}
ROWS = [(d, word, state) for d, words in WORDS.items() for word, state in words.items()]


@pytest.mark.parametrize(("dialect", "word", "state"), ROWS)
def test_every_known_word_has_its_state(dialect, word, state):
    assert read_state(word, dialect) is State(state)


@pytest.mark.parametrize(
    "word", ["", "done", "success", "completed", "deleted", "Succeeded!", None, 5, [], {}]
)
def test_any_other_word_is_unknown_and_not_over(word):
    assert read_state(word) is State.UNKNOWN
    assert not read_state(word).is_over


def test_a_word_is_read_without_regard_to_case_and_spaces():
    assert read_state(" Succeeded\n") is State.SUCCEEDED


def test_only_three_states_are_over():
    over = {state for state in State if state.is_over}
    assert over == {State.SUCCEEDED, State.FAILED, State.CANCELLED}


def test_every_state_has_a_word_and_its_own_place():
    assert len({state.order for state in State}) == len(State)
    assert [state.word for state in State][:2] == ["Validating", "Queued"]
    assert f"{State.RUNNING}" == "running"
