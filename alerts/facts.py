"""Pure: the numbers of a message, as pairs to read and as raw values for machines."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from alerts.happening import JOB_ENDS, Happening, JobFacts
from alerts.plaintext import clock, count, duration, duration_s, iso, safe
from jobs.costs import THIN_SPACE, dollars

MAX_FACTS = 8
MAX_FACT = 200
MAX_NAME = 120
MAX_TEXT = 500
MAX_LABELS = 3
NEAR = 1.005  # a best value this near to the last one is the last one

Facts = tuple[tuple[str, str], ...]


def facts_of(happening: Happening) -> Facts:
    """At most 8 pairs of label and text, the most telling first; what is unknown is left out."""
    told = [("When", _when(happening)), *_facts_of_job(happening.job)]
    model = happening.job.model if happening.job else happening.subject
    told.append(("Where", " · ".join(part for part in (happening.connection_name, model) if part)))
    return tuple((label, safe(text, MAX_FACT)) for label, text in told if text)[:MAX_FACTS]


def _when(happening: Happening) -> str:
    job = happening.job
    is_end = happening.name in JOB_ENDS
    if not is_end or job is None or job.stayed_s is None or not happening.previous:
        return clock(happening.at)
    return f"{clock(happening.at)}, after {duration_s(job.stayed_s)} {happening.previous}"


def _facts_of_job(job: JobFacts | None) -> list[tuple[str, str]]:
    if job is None:
        return []
    return [
        ("Model", job.fine_tuned_model or ""),
        ("Took", _took(job)),
        _used(job),
        ("Best", _best(job)),
        ("Steps", _steps(job)),
        ("Labels", _labels(job)),
    ]


def _used(job: JobFacts) -> tuple[str, str]:
    """1 204 331 · estimate $3.61 (prices of 2026-11-01)."""
    tokens = "" if job.trained_tokens is None else count(job.trained_tokens)
    cost = ""
    if job.cost_usd is not None:
        dated = f" (prices of {job.prices_of})" if job.prices_of else ""
        cost = f"estimate {dollars(job.cost_usd).replace(THIN_SPACE, ' ')}{dated}"
    label = "Tokens" if tokens else "Cost"
    return label, " · ".join(part for part in (tokens, cost) if part)


def _took(job: JobFacts) -> str:
    """1 h 12 min (22 min waiting, 50 min training; usual 48 min)."""
    if job.created_at is None or job.ended_at is None or job.ended_at < job.created_at:
        return ""
    parts = [
        f"{duration_s(seconds)} {what}"
        for seconds, what in ((job.waited_s, "waiting"), (job.trained_s, "training"))
        if seconds
    ]
    usual = duration_s(job.usual_trained_s) if job.usual_trained_s else ""
    inside = "; ".join(part for part in (", ".join(parts), usual and f"usual {usual}") if part)
    return duration(job.ended_at - job.created_at) + (f" ({inside})" if inside else "")


def _steps(job: JobFacts) -> str:
    if job.step is None:
        return ""
    return f"{job.step:g} of {job.total_steps}" if job.total_steps else f"{job.step:g}"


def _best(job: JobFacts) -> str:
    best, last = job.figures.get("best_valid_loss"), job.figures.get("valid_loss")
    if best is None or last is None or best >= last:
        return ""
    where = "" if job.best_step is None else f" at step {job.best_step:g}"
    rose = f"; it rose to {last:.4g} at the end" if last > best * NEAR else ""
    return f"valid loss {best:.4g}{where}{rose}"


def _labels(job: JobFacts) -> str:
    shown = list(job.labels.items())[:MAX_LABELS]
    return ", ".join(f"{name}={value}" for name, value in shown)


def raw_of(happening: Happening, reason: str, next_step: str) -> dict[str, Any]:
    """For machines: JSON only, times in RFC 3339, units in the names, null where unknown."""
    raw: dict[str, Any] = {
        "connection": {
            "slug": safe(happening.connection_slug, MAX_NAME),
            "name": safe(happening.connection_name, MAX_NAME),
        },
        "state": happening.name,
        "previous": happening.previous or None,
        "reason": reason or None,
        "next_step": next_step or None,
        "links": {
            name: url
            for name, url in (("open", happening.url), ("compare", happening.compare_url))
            if url
        },
        "incident": safe(happening.incident, MAX_FACT),
    }
    if happening.subject:
        raw["base_model"] = safe(happening.subject, MAX_FACT)
    if happening.job is None:
        facts = {"active_jobs": happening.watched_jobs, **_numbers(happening.numbers)}
        return {**raw, "facts": facts}
    facts = {**_raw_facts(happening.job), **_numbers(happening.numbers)}
    return {**raw, "job": _raw_job(happening.job), "facts": facts}


def _raw_job(job: JobFacts) -> dict[str, Any]:
    error = {"code": job.error_code, "message": job.error_message, "param": job.error_param}
    texts = {
        "id": job.provider_id,
        "name": job.name,
        "status": job.state,
        "raw_status": job.raw_status,
        "model": job.model,
        "fine_tuned_model": job.fine_tuned_model,
        "method": job.method,
    }
    return {
        **_safe_or_null(texts),
        "created_at": iso(job.created_at),
        "ended_at": iso(job.ended_at),
        "error": _safe_or_null(error) if any(error.values()) else None,
    }


def _raw_facts(job: JobFacts) -> dict[str, Any]:
    seconds = None
    if job.created_at is not None and job.ended_at is not None:
        seconds = (job.ended_at - job.created_at).total_seconds()
    return {
        "duration_seconds": seconds,
        "waiting_seconds": job.waited_s,
        "training_seconds": job.trained_s,
        "usual_training_seconds": job.usual_trained_s,
        "trained_tokens": job.trained_tokens,
        "cost_usd_estimate": job.cost_usd,
        "prices_of": job.prices_of.isoformat() if job.prices_of else None,
        "step": job.step,
        "total_steps": job.total_steps,
        **_numbers(job.figures),
    }


def _numbers(values: Mapping[str, object]) -> dict[str, object]:
    """Without NaN and infinity, which are no JSON."""
    return {
        name: safe(value, MAX_FACT) if isinstance(value, str) else value
        for name, value in values.items()
        if not isinstance(value, float) or isfinite(value)
    }


def _safe_or_null(texts: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: safe(text, MAX_TEXT) if text else None for name, text in texts.items()}
