"""Together (experimental): its own path and names, built from togethercomputer/openapi and its docs.

Lists are not paged; times are ISO strings; events have no ids; curves come from a route of their own
and are read as metrics events. A job that was restarted has a new id and may name the old one.
"""

import re
from collections.abc import Mapping

from providers import errors
from providers.failures import read_object
from providers.fields import number
from providers.http import LIST_LIMITS
from providers.openai import CANCEL, MAX_LIMIT, OpenAI, is_missing_route
from providers.states import State, read_state
from providers.translation import if_over, mapping, objects, renamed, text
from providers.wire import (
    Checkpoint,
    Element,
    Event,
    Invalid,
    Job,
    Page,
    is_id,
    make_element,
    read_checkpoint,
    read_element,
    read_event,
    read_step,
    read_translated,
)

_METHODS = {"sft": "supervised"}
_KEPT = (
    *("id", "status", "model", "created_at", "training_file", "validation_file", "suffix"),
    *("seed", "metadata"),
)
_HYPERPARAMETERS = (
    *("n_epochs", "batch_size", "learning_rate", "warmup_ratio", "max_grad_norm", "weight_decay"),
    *("n_checkpoints", "n_evals", "max_seq_length", "lora_r", "lora_alpha", "lora_dropout"),
)
_CURVES = {
    "train/loss": "train_loss",
    "eval/loss": "valid_loss",
    "train/accuracy": "train_accuracy",
    "eval/accuracy": "valid_accuracy",
    "train/learning_rate": "learning_rate",
    "train/grad_norm": "grad_norm",
    "train/epoch": "epoch",
}
_STEPS = ("train/global_step", "eval/global_step", "global_step", "step")
_NANOSECONDS = 10**9
_JOB_ID = re.compile(r"ft-[A-Za-z0-9-]{1,120}")


class Together(OpenAI):
    """An account at Together AI."""

    name = "together"
    label = "Together (experimental)"
    help = "Built from Together's published description, not from live answers."
    default_base_url = "https://api.together.xyz/v1"
    is_experimental = True
    actions = CANCEL
    jobs_path = "/fine-tunes"

    @classmethod
    def parse_element(cls, raw: object) -> Element | Invalid:
        """A job of a list or of a retrieve; the seconds it still needs do not count as a change."""
        element = read_element(raw)
        if isinstance(element, Invalid) or "progress" not in element.raw:
            return element
        lasting = {name: value for name, value in element.raw.items() if name != "progress"}
        return make_element(element.id, element.raw, lasting)

    @classmethod
    def parse_job(cls, raw: object) -> Job | Invalid:
        """The job in a raw body of this dialect, fresh or stored. Never raises."""
        return read_translated(raw, as_openai, cls.name)

    @classmethod
    def parse_event(cls, raw: object) -> Event | Invalid:
        """An event; its hash serves as an id where there is one. Never raises."""
        if not isinstance(raw, Mapping):
            return Invalid("It is not a JSON object.")
        hashed = text(raw.get("hash"))
        data = renamed(raw, {"step": "step", "total_steps": "total_steps"})
        return read_event({"id": hashed, **raw, "data": data or None}, cls.name)

    @classmethod
    def parse_checkpoint(cls, raw: object) -> Checkpoint | Invalid:
        """A checkpoint: its kind and step are its id, its path is its model. Never raises."""
        if not isinstance(raw, Mapping):
            return Invalid("It is not a JSON object.")
        kind = text(raw.get("checkpoint_type")) or "checkpoint"
        named = {
            "id": f"{kind[:60]}-{str(raw.get('step'))[:60]}",
            "step_number": raw.get("step"),
            "fine_tuned_model_checkpoint": raw.get("path"),
        }
        return read_checkpoint({**named, **raw}, cls.name)

    def paging(self, after: str | None, limit: int) -> Mapping[str, str]:  # noqa: ARG002  # the port asks for both
        """Nothing: a list is one page."""
        return {}

    def list_events(
        self,
        job_id: str,
        after: str | None = None,  # noqa: ARG002  # the port has it; a list is one page
        limit: int = MAX_LIMIT,  # noqa: ARG002  # as above
    ) -> Page[Event]:
        """All events of a job and, as further events, its curves; oldest first, on one page."""
        page = super().list_events(job_id)
        curves = self._curves(job_id)
        return Page((*page.items, *curves), has_more=False, skipped=page.skipped, last_id=None)

    def _curves(self, job_id: str) -> tuple[Event, ...]:
        path = f"{self.job_path(job_id)}/metrics"
        try:
            reply = self.get(path, "events", limits=LIST_LIMITS)
            listed = objects(read_object(reply, "events").get("metrics"))
        except errors.ProviderError as error:
            if is_missing_route(error):
                return ()
            raise
        events = (as_metrics_event(raw) for raw in listed)
        return tuple(event for event in events if not isinstance(event, Invalid))


def as_metrics_event(raw: Mapping[str, object]) -> Event | Invalid:
    """One row of the curves as an event. Rows of training and of evaluation share their steps."""
    step = next((found for n in _STEPS if (found := read_step(raw.get(n))) is not None), None)
    numbers = renamed(raw, _CURVES)
    if step is None:
        return Invalid("It has no step.")
    kind = "eval" if any(name.startswith("eval/") for name in raw) else "train"
    at = number(raw.get("timestamp"))
    event = read_event(
        {
            "id": f"metrics-{kind}-{step:.0f}",
            "created_at": raw.get("timestamp") if at is None else at / _NANOSECONDS,
            "message": f"Step {step:.0f}: metrics of {kind}",
            "type": "metrics",
            "data": {"step": step, **numbers},
        },
        Together.name,
    )
    is_empty = not isinstance(event, Invalid) and not event.points
    return Invalid("It has no value.") if is_empty else event


def as_openai(raw: Mapping[str, object]) -> Mapping[str, object]:
    """A Together job in OpenAI's shape."""
    status = raw.get("status")
    state = read_state(status, Together.name)
    name = raw.get("model_output_name") or raw.get("output_name")
    return {
        **{name: raw[name] for name in _KEPT if name in raw},
        # The name is chosen at the start; the model is there at the end.
        "fine_tuned_model": name if state is State.SUCCEEDED else None,
        "finished_at": if_over(status, Together.name, raw.get("updated_at")),
        "trained_tokens": raw.get("token_count"),
        "hyperparameters": _hyperparameters(raw),
        "method": _method(raw),
        "error": _error(raw) if state is State.FAILED else None,
        "integrations": _wandb(raw),
        "predecessor": _predecessor(raw),
    }


def _hyperparameters(raw: Mapping[str, object]) -> Mapping[str, object]:
    every = {**raw, **mapping(raw.get("training_type"))}
    return {name: every[name] for name in _HYPERPARAMETERS if every.get(name) is not None}


def _method(raw: Mapping[str, object]) -> str | None:
    said = text(mapping(raw.get("training_method")).get("method"))
    return _METHODS.get(said, said) if said else None


def _error(raw: Mapping[str, object]) -> object:
    for event in reversed(objects(raw.get("events"))):
        if (text(event.get("type")) or "").casefold() == "job_error" and text(event.get("message")):
            return {"code": raw.get("status"), "message": event["message"]}
    return None


def _wandb(raw: Mapping[str, object]) -> list[object]:
    run = renamed(raw, {"wandb_project_name": "project", "wandb_url": "url"})
    return [{"type": "wandb", "wandb": run}] if run else []


def _predecessor(raw: Mapping[str, object]) -> str | None:
    """The job this one goes on from: a checkpoint of it, or the id an event of a restart names."""
    own, source = raw.get("id"), text(raw.get("from_checkpoint"))
    if source and source.startswith("ft-") and is_id(source.split(":")[0]):
        return source.split(":")[0]
    for event in objects(raw.get("events")):
        if (text(event.get("type")) or "").casefold() != "job_restarted":
            continue
        named: list[str] = _JOB_ID.findall(text(event.get("message")) or "")
        if other := next((found for found in named if found != own), None):
            return other
    return None
