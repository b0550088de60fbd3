import pytest

from alerts.advice import advice_for


@pytest.mark.parametrize(
    ("code", "message", "title"),
    [
        ("invalid_training_file", None, "An example in the file is not valid"),
        ("invalid_n_examples", None, "Too few examples"),
        ("refusals_v3", None, "The trained model did not pass the safety evaluation"),
        ("refusals_v9", None, "The trained model did not pass the safety evaluation"),
        (None, "blocked by moderation", "The file was blocked by moderation"),
        ("daily_rate_limit_exceeded", None, "The limit of jobs is reached"),
        ("insufficient_quota", None, "The account is out of credit"),
        (
            "training_not_available",
            None,
            "This organisation may not start new fine-tuning jobs",
        ),
        (None, "The model `gpt-9` does not exist", "The base model is not offered here"),
        ("file_not_found", None, "A file of the job cannot be found"),
        ("server_error", None, "The provider had trouble"),
        ("INVALID_N_EXAMPLES", None, "Too few examples"),
    ],
)
def test_a_known_cause_has_its_own_advice(code, message, title):
    advice = advice_for(code, message)

    assert advice.title == title
    assert all(advice.steps)


def test_the_code_decides_before_the_words_of_the_message():
    advice = advice_for("insufficient_quota", "rate limit: try again later")

    assert advice.title == "The account is out of credit"


def test_the_line_that_the_message_names_is_in_the_first_step():
    advice = advice_for("invalid_training_file", "Line 6174 has a bad token", "validation_file")

    assert advice.steps[0] == "Fix line 6174 of the validation file and submit it again."


def test_an_unknown_code_sends_people_to_the_provider():
    advice = advice_for("flux_capacitor", "88 mph")

    assert advice.title == "The provider's own words"
    assert "console" in advice.steps[0]


def test_no_reason_at_all_is_said_so():
    assert advice_for(None).title == "The provider gave no reason"
