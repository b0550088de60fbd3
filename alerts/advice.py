"""What to do about an error: a table from what the provider said to the next step.

Codes and causes: OpenAI's fine-tuning guide and error reference, and the failed jobs in public
reports. A code nobody knows gets an honest answer, not a guess.
"""

import re
from dataclasses import dataclass, replace

from alerts.consoles import Place


@dataclass(frozen=True, slots=True)
class Advice:
    """`title`: the cause in a few words. `steps`: what to do, the first one first, never empty.

    `places`: the provider's pages that help. `line`: of the file that `param` names, 0 for none.
    `is_daily`: a slot frees when the next day begins.
    """

    title: str
    steps: tuple[str, ...]
    places: tuple[Place, ...] = (Place.CONSOLE,)
    line: int = 0
    is_daily: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """Matches one of the codes, or else the words in code and message together."""

    codes: frozenset[str]
    words: re.Pattern[str] | None
    advice: Advice


def advice_for(code: str | None, message: str | None = None, param: str | None = None) -> Advice:
    """The advice for an error as the provider sent it; any of the three may be missing.

    The code decides before the words of the message do; a line number in the message is named in
    the first step.
    """
    wanted = (code or "").strip().casefold()
    text = f"{code or ''} {message or ''}"[:4000]
    found = next((row.advice for row in _TABLE if wanted in row.codes), None)
    if found is None:
        found = next((row.advice for row in _TABLE if row.words and row.words.search(text)), None)
    if found is None:
        return _unknown(code, message)
    line = _LINE.search(message or "")
    if found is _BAD_EXAMPLE and line:
        steps = (_fix_line(line[1], param), *found.steps[1:])
        return replace(found, steps=steps, line=int(line[1]))
    return found


def advice_for_many(code: str, message: str, param: str) -> Advice:
    """The advice for failures alike, of which this is the message of one: without its line."""
    return advice_for(code, _LINE.sub("", message), param)


def _fix_line(number: str, param: str | None) -> str:
    where = {"validation_file": "the validation file", "training_file": "the training file"}
    return f"Fix line {number} of {where.get(param or '', 'the file')} and submit it again."


def _unknown(code: str | None, message: str | None) -> Advice:
    title = "The provider gave no reason" if not (code or message) else "The provider's own words"
    look = "Open the job in the provider's console for details."
    again = "Submit the job again; if it fails the same way, ask the provider with the job id."
    return Advice(title, (look, again))


_LINE = re.compile(r"\b(?:[Ll]ine|[Ee]xample|[Rr]ow)s?\s+#?(\d{1,9})\b")


def _row(codes: str, words: str, title: str, *steps: str | Place) -> _Row:
    pattern = re.compile(words, re.IGNORECASE) if words else None
    places = tuple(step for step in steps if isinstance(step, Place))
    told = tuple(step for step in steps if not isinstance(step, Place))
    return _Row(frozenset(codes.split()), pattern, Advice(title, told, (*places, Place.CONSOLE)))


def _daily(codes: str, words: str, title: str, *steps: str | Place) -> _Row:
    row = _row(codes, words, title, *steps)
    return replace(row, advice=replace(row.advice, is_daily=True))


_BAD_EXAMPLE = Advice(
    "An example in the file is not valid",
    (
        "Fix the example that the message names and submit the file again.",
        "Check every line: one JSON object, roles in order, the last message from the assistant.",
    ),
)

_TABLE: tuple[_Row, ...] = (
    _Row(
        frozenset({"invalid_training_file", "invalid_validation_file", "invalid_file_format"}),
        re.compile(r"invalid (?:training|validation) file|bad token", re.IGNORECASE),
        _BAD_EXAMPLE,
    ),
    _row(
        "invalid_n_examples",
        r"at least \d+ examples|too few examples",
        "Too few examples",
        "Add examples: at least 10 are needed, 50 to 100 show a first effect.",
        "Submit a new job with the longer file.",
    ),
    _row(
        "moderation training_file_moderation content_policy_violation content_filter",
        r"moderation|usage polic|content polic|blocked by content",
        "The file was blocked by moderation",
        "Look for examples that break the usage policies and take them out.",
        "Run the file through the moderation endpoint, which names the category, then submit it again.",
        Place.MODERATION,
    ),
    _row(
        "refusals refusals_v3 safety_evals safety_evaluation",
        r"refusals_v\d|safety (?:eval|check|standard)|safeguard",
        "The trained model did not pass the safety evaluation",
        "Remove examples close to breaking the usage policies, and add examples that refuse politely.",
        "Check the bill: training that ended in the evaluation may be charged.",
    ),
    _daily(
        "daily_rate_limit_exceeded fine_tune_limit_exceeded too_many_jobs",
        r"jobs? per day|daily (?:rate )?limit|maximum number of (?:active|concurrent)",
        "The limit of jobs is reached",
        "Wait until a job ends or the day is over (UTC), then submit again.",
        "Ask the provider for a higher limit if this happens often.",
        Place.LIMITS,
    ),
    _row(
        "insufficient_quota billing_hard_limit_reached billing_not_active exceeded_quota",
        r"insufficient.quota|exceeded your current quota|billing|credit balance",
        "The account is out of credit",
        "Add credit or raise the monthly limit in the provider's billing settings.",
        "Submit the job again afterwards; waiting alone does not help.",
        Place.BILLING,
    ),
    _row(
        "training_not_available",
        r"not (?:be )?able to create (?:new )?fine.?tuning|training (?:is )?not available",
        "This organisation may not start new fine-tuning jobs",
        "Keep your results: TuneBell keeps the history of the jobs it has seen.",
        "Move new jobs to another provider or to a model you host.",
    ),
    _row(
        "model_not_found model_not_available unsupported_model invalid_model",
        r"model .{0,80}(?:does not exist|not (?:be )?found|not available|not supported)",
        "The base model is not offered here",
        "Check the model's full name and version, and that this region, deployment type and method offer it.",
        "Choose a base model from the provider's fine-tuning list.",
        Place.MODELS,
    ),
    _row(
        "file_not_found invalid_file missing_file",
        r"no such file|file .{0,80}(?:does not exist|not found|deleted|expired)",
        "A file of the job cannot be found",
        "It may belong to another project: check that this key's project has it, and that it was not deleted.",
        "Upload it again with purpose fine-tune and submit the job with the new id.",
        Place.FILES,
    ),
    _row(
        "invalid_hyperparameters invalid_hyperparameter invalid_value",
        r"hyperparameter|n_epochs|batch_size|learning_rate_multiplier",
        "A hyperparameter is out of range",
        "Set the named hyperparameter within its range, or leave it to auto.",
    ),
    _row(
        "invalid_grader grader_error grader_failed",
        r"\bgrader\b",
        "The grader failed",
        "Run the grader on a few answers by hand and mend it.",
        "Submit the job again when every example gets a score.",
    ),
    _row(
        "context_length_exceeded max_tokens_exceeded",
        r"(?:context|token) (?:length|limit)|too many tokens|exceeds the maximum.{0,20}tokens",
        "An example is too long",
        "Shorten or split the example: longer ones do not fit the model.",
    ),
    _row(
        "server_error internal_error internal_server_error server_is_overloaded engine_overloaded",
        r"internal (?:server )?error|server (?:had an )?error|overloaded|try again later",
        "The provider had trouble",
        "Submit the job again: nothing is wrong with your file.",
        "If it fails twice, look at the provider's status page.",
        Place.STATUS,
    ),
    _row(
        "rate_limit_exceeded slow_down",
        r"rate limit",
        "Too many requests",
        "Wait a minute and submit again, with fewer requests at a time.",
    ),
)
