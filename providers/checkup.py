"""The test of a connection: what its key can do, and what is wrong with its base URL."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from providers import errors
from providers.base import Check
from providers.wire import Invalid, Job, is_id

if TYPE_CHECKING:
    from providers.openai import OpenAI

# After these no other question would get another answer.
_HOPELESS = (
    errors.Blocked,
    errors.KeyRejected,
    errors.Missing,
    errors.NotReadable,
    errors.Redirected,
    errors.Unreachable,
)
_ADVICE: Mapping[type[errors.ProviderError], str] = {
    errors.KeyRejected: "The provider does not accept this key.",
    errors.Forbidden: "The key may not read this.",
    errors.QuotaExhausted: "The account is out of credit.",
    errors.RateLimited: "The provider asks to slow down; the key works.",
    errors.ServerTrouble: "The provider has trouble of its own.",
    errors.NotReadable: "Something else than an API answers here.",
    errors.Redirected: "The base URL is probably wrong.",
}


def run_checks(provider: "OpenAI") -> list[Check]:
    """One line for jobs, events, files and models; only jobs when that already fails for all."""
    job: Job | Invalid | None = None
    try:
        page = provider.list_jobs(limit=1)
    except _HOPELESS as error:
        return [Check("jobs", ok=False, detail=_explain(error) + _base_url_hint(provider, error))]
    except errors.ProviderError as error:
        jobs = Check("jobs", ok=False, detail=_explain(error))
    else:
        job = provider.read_job(page.items[0]) if page.items else None
        none_yet = "" if page.items or page.skipped else " There are none yet."
        jobs = Check("jobs", ok=True, detail="Jobs can be read." + none_yet)
    models = _check_models(provider)
    if not provider.has_list:
        return [_without_list(provider, models), models]
    known = None if isinstance(job, Invalid) else job
    return [jobs, _check_events(provider, known), _check_files(provider, known), models]


def _without_list(provider: "OpenAI", models: Check) -> Check:
    better = _better_base_url(provider)
    if better or not models.ok:
        hint = better or " Nothing else answers either: check the base URL; it usually ends in /v1."
        return Check("jobs", ok=False, detail="There is no list of jobs here." + hint)
    detail = "This server has no list of jobs. Jobs are watched when you add them by their id."
    return Check("jobs", ok=True, detail=detail)


def _check_events(provider: "OpenAI", job: Job | None) -> Check:
    if not type(provider).has_events:
        return Check("events", ok=True, detail="Not tried: this provider has no events.")
    if job is None:
        return Check("events", ok=True, detail="Not tried: there is no job to ask about.")
    try:
        provider.list_events(job.id, limit=1)
    except errors.ProviderError as error:
        return Check("events", ok=False, detail=_explain(error))
    if not provider.has_events:
        return Check("events", ok=False, detail="This server has no events.")
    return Check("events", ok=True, detail="Events can be read.")


def _check_files(provider: "OpenAI", job: Job | None) -> Check:
    if not type(provider).has_files:
        return Check("files", ok=True, detail="Not tried: this provider has no files.")
    file_ids = [*job.result_files, job.training_file] if job else []
    file_id = next((i for i in file_ids if is_id(i)), None)
    if file_id is None:
        return Check("files", ok=True, detail="Not tried: there is no file to ask about.")
    try:
        provider.file(file_id)
    except errors.Missing:
        # Files expire and are deleted; the key was let in, which is what is asked here.
        return Check("files", ok=True, detail="The file of the newest job is no longer there.")
    except errors.ProviderError as error:
        return Check("files", ok=False, detail=_explain(error))
    return Check("files", ok=True, detail="Files can be read.")


def _check_models(provider: "OpenAI") -> Check:
    try:
        provider.models()
    except errors.Missing:
        return Check("models", ok=False, detail="This server has no list of models.")
    except errors.ProviderError as error:
        return Check("models", ok=False, detail=_explain(error))
    return Check("models", ok=True, detail="Models can be read.")


def _explain(error: errors.ProviderError) -> str:
    advice = next((said for kind, said in _ADVICE.items() if isinstance(error, kind)), "")
    status = f" (status {error.status})" if error.status else ""
    return f"{advice} {error.message}".strip().rstrip(".") + f"{status}."


def _base_url_hint(provider: "OpenAI", error: errors.ProviderError) -> str:
    if not isinstance(error, errors.Missing | errors.NotReadable):
        return ""
    better = _better_base_url(provider)
    return better or " Check the base URL; it usually ends in /v1."


def _better_base_url(provider: "OpenAI") -> str:
    parts = urlsplit(provider.account.base_url)
    for other in _other_paths(parts.path.rstrip("/")):
        candidate = urlunsplit(parts._replace(path=other))
        if _is_api(provider, candidate):
            return f" The API answers at {candidate}: use that as the base URL."
    return ""


def _other_paths(path: str) -> list[str]:
    if path.endswith("/v1/v1"):
        return [path.removesuffix("/v1")]
    if path.endswith("/v1"):
        return [path.removesuffix("/v1")]
    # People also paste the address of a single endpoint.
    cut = path.split("/fine_tuning", maxsplit=1)[0]
    return [cut, f"{cut}/v1"] if cut != path else [f"{path}/v1"]


def _is_api(provider: "OpenAI", base_url: str) -> bool:
    other = type(provider)(replace(provider.account, base_url=base_url), provider.on_reply)
    try:
        other.list_jobs(limit=1)
    except (errors.KeyRejected, errors.Forbidden, errors.RateLimited, errors.QuotaExhausted):
        return True
    except errors.ProviderError:
        return False
    return other.has_list
