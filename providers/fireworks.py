"""Fireworks (experimental): paths below an account and names in camelCase, from docs.fireworks.ai.

A job is named `accounts/{account}/supervisedFineTuningJobs/{id}`; lists are paged by a token. There
are no events, no checkpoints and no files; what a retrieve says is all there is.
"""

from collections.abc import Mapping

from providers.failures import not_readable, read_object
from providers.http import LIST_LIMITS
from providers.openai import MAX_LIMIT, OpenAI, page_size
from providers.states import State, read_state
from providers.translation import mapping, renamed, text
from providers.wire import (
    Element,
    Invalid,
    Job,
    Page,
    is_id,
    make_element,
    read_page,
    read_translated,
)

MAX_TOKEN = 2000
WHOLE = 100
_HIDDEN = "[redacted]"
_FIELDS = {
    "baseModel": "model",
    "state": "status",
    "createTime": "created_at",
    "completedTime": "finished_at",
    "dataset": "training_file",
    "evaluationDataset": "validation_file",
    "displayName": "suffix",
}
_HYPERPARAMETERS = {
    "epochs": "n_epochs",
    "batchSize": "batch_size",
    "learningRate": "learning_rate",
    "loraRank": "lora_rank",
    "maxContextLength": "max_context_length",
    "earlyStop": "early_stop",
    "warmStartFrom": "warm_start_from",
}


class Fireworks(OpenAI):
    """An account at Fireworks AI."""

    name = "fireworks"
    label = "Fireworks (experimental)"
    help = "Built from Fireworks' published description. The base URL ends in your account's name."
    default_base_url = "https://api.fireworks.ai/v1/accounts/your-account"
    is_experimental = True
    has_events = False
    has_checkpoints = False
    has_files = False
    actions = frozenset({"cancel", "resume"})
    jobs_path = "/supervisedFineTuningJobs"

    @classmethod
    def parse_element(cls, raw: object) -> Element | Invalid:
        """A job of a list or of a retrieve, without the keys and signed URLs it carries."""
        if not isinstance(raw, Mapping):
            return Invalid("It is not a JSON object.")
        job_id = _last_part(raw.get("name"))
        if not is_id(job_id):
            return Invalid("It has no readable name.")
        clean = without_secrets(raw)
        return make_element(job_id, clean, clean)

    @classmethod
    def parse_job(cls, raw: object) -> Job | Invalid:
        """The job in a raw body of this dialect, fresh or stored. Never raises."""
        return read_translated(raw, as_openai, cls.name)

    def list_jobs(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[Element]:
        """One page of jobs. The cursor is the provider's page token."""
        query = {"pageSize": str(page_size(limit)), **({"pageToken": after} if after else {})}
        reply = self.get(self.jobs_path, "jobs", query=query, limits=LIST_LIMITS)
        value = read_object(reply, "jobs")
        # An account without jobs may answer without the member.
        listed = value.get("supervisedFineTuningJobs", None if value else [])
        page = read_page({"data": listed}, self.parse_element)
        if isinstance(page, Invalid):
            raise not_readable(page.reason, reply)
        token = text(value.get("nextPageToken"))
        has_more = bool(page.items) and token is not None and len(token) <= MAX_TOKEN
        return Page(page.items, has_more, page.skipped, token if has_more else None)

    def action_path(self, job_id: str, action: str) -> str:
        """Where an action is asked for: a verb after a colon."""
        return f"{self.job_path(job_id)}:{action}"


def without_secrets(raw: Mapping[str, object]) -> Mapping[str, object]:
    """The job without the key of Weights & Biases and without signed URLs, which also change each time."""
    clean = {n: _HIDDEN if n.endswith("SignedUrl") and v else v for n, v in raw.items()}
    run = mapping(raw.get("wandbConfig"))
    if run.get("apiKey"):
        clean["wandbConfig"] = {**run, "apiKey": _HIDDEN}
    return clean


def as_openai(raw: Mapping[str, object]) -> Mapping[str, object]:
    """A Fireworks job in OpenAI's shape."""
    state = read_state(raw.get("state"), Fireworks.name)
    progress = mapping(raw.get("jobProgress")).get("percent")
    return {
        "id": _last_part(raw.get("name")),
        **renamed(raw, _FIELDS),
        "fine_tuned_model": raw.get("outputModel") if state is State.SUCCEEDED else None,
        "hyperparameters": renamed(raw, _HYPERPARAMETERS),
        "method": "supervised",
        "error": _error(raw) if state is State.FAILED else None,
        "integrations": _wandb(raw),
        "metadata": renamed(raw, {"createdBy": "createdBy"}),
        # A percentage is all it says; it is shown as steps of a hundred.
        "trained_steps": progress,
        "total_steps": WHOLE if progress is not None else None,
    }


def _last_part(name: object) -> str:
    return name.rpartition("/")[2] if isinstance(name, str) else ""


def _error(raw: Mapping[str, object]) -> object:
    status = mapping(raw.get("status"))
    return renamed(status, {"code": "code", "message": "message"}) or None


def _wandb(raw: Mapping[str, object]) -> list[object]:
    config = mapping(raw.get("wandbConfig"))
    names = {"project": "project", "entity": "entity", "runId": "run_id", "url": "url"}
    run = renamed(config, names) if config.get("enabled") else {}
    return [{"type": "wandb", "wandb": run}] if run else []
