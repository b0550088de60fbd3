"""Pure: the words of messages, one table each: the state word, what it means, and what to do."""

from collections.abc import Mapping

from alerts.advice import advice_for
from alerts.happening import Happening, JobFacts
from alerts.plaintext import duration_s

WORDS: Mapping[str, str] = {
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
    "missing": "MISSING",
    "stuck": "STUCK?",
    "no_progress": "STALLED?",
    "diverging": "DIVERGING?",
    "overfitting": "OVERFITTING?",
    "eta_slipped": "LATE",
    "retiring": "RETIRING",
    "rejected": "QUIET",
    "unreachable": "QUIET",
    "out_of_quota": "QUIET",
    "unreadable": "QUIET",
    "recovered": "RECOVERED",
    "test": "TEST",
}
# A condition gives its own result and reason: "queued for 5 h; usual wait is 22 min (14 jobs)".
_RESULTS: Mapping[str, str] = {
    "missing": "not known to the provider any more",
    "rejected": "the key was rejected",
    "unreachable": "the provider cannot be reached",
    "out_of_quota": "the account is out of quota",
    "unreadable": "the answers cannot be read",
}
_OVER: Mapping[str, str] = {
    "stuck": "not stuck any more",
    "no_progress": "it moves again",
    "diverging": "the loss falls again",
    "overfitting": "the validation loss falls again",
    "eta_slipped": "the finish time is back",
    "retiring": "the base model stays",
}
_STEPS: Mapping[str, str] = {
    "missing": "Check that the key still belongs to the job's project. It may have been deleted.",
    "stuck": "Wait, cancel it, or submit it again in another region.",
    "no_progress": "Read the newest events; cancel the job if nothing moves.",
    "diverging": "Consider cancelling: a lower learning_rate_multiplier is the usual remedy.",
    "overfitting": "The best checkpoint may be the better model; fewer epochs the next time.",
    "eta_slipped": "Nothing to do now; plan with the new time.",
    "retiring": "Train again on another base model: models made from it stop answering that day.",
    "rejected": "Replace the key of this connection.",
    "unreachable": "Check the address and the provider's status page. We go on trying.",
    "out_of_quota": "Add credit at the provider. We go on trying slowly.",
    "unreadable": "Check the base URL: something else than the API answers there.",
}
_CONDITIONS = frozenset(_OVER)


def word_of(name: str) -> str:
    return WORDS.get(name, name.upper())


def result_of(happening: Happening) -> str:
    """What stands behind the name in the headline; "" when the word says it all."""
    name, job = happening.name, happening.job
    if name in _CONDITIONS:
        return happening.reason.partition("; ")[0]
    if name == "recovered":
        return _OVER.get(happening.previous, "polling works again")
    if name in _RESULTS:
        is_quiet = job is None and happening.unseen_s is not None
        return f"no good poll for {duration_s(happening.unseen_s)}" if is_quiet else _RESULTS[name]
    if job is None:
        return ""
    if name == "failed":
        return job.error_code or "no reason given"
    return figure_of(job) if name == "succeeded" else ""


def reason_of(happening: Happening) -> str:
    """Why, in the provider's words where it gave some."""
    name, job = happening.name, happening.job
    if name in _CONDITIONS:
        return happening.reason.partition("; ")[2]
    if job is not None and name == "failed":
        parts = (job.error_param, job.error_message or happening.reason)
        return ": ".join(part for part in parts if part)
    if job is None and name in _RESULTS and happening.unseen_s is not None:
        return ": ".join(part for part in (_RESULTS[name], happening.reason) if part)
    return happening.reason


def next_step_of(happening: Happening) -> str:
    """What to do: the error's advice, else the alert's; "" when there is nothing to do."""
    job = happening.job
    if job is not None and happening.name == "failed":
        return advice_for(job.error_code, job.error_message, job.error_param).steps[0]
    step = _STEPS.get(happening.name, "")
    if job is None and step and happening.watched_jobs:
        noun = "job is" if happening.watched_jobs == 1 else "jobs are"
        return f"{step} {happening.watched_jobs} active {noun} not watched meanwhile."
    return step


def figure_of(job: JobFacts) -> str:
    """The figure that decides whether a model is any good: reward, else the last loss."""
    for metric in ("reward", "valid_loss", "train_loss"):
        value = job.figures.get(metric)
        if value is not None:
            return f"{metric.replace('_', ' ')} {value:.4g}"
    return ""
