"""Fireworks: camelCase, names instead of ids, a percentage, signed addresses that change with every look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import life
from simulator.profiles.base import Body, Profile, plain, unchanged
from simulator.profiles.together import changed_at, iso

if TYPE_CHECKING:
    from simulator.spec import Spec

WORDS = {
    "validating_files": "JOB_STATE_VALIDATING",
    "queued": "JOB_STATE_PENDING",
    "running": "JOB_STATE_RUNNING",
    "succeeded": "JOB_STATE_COMPLETED",
    "failed": "JOB_STATE_FAILED",
    "cancelled": "JOB_STATE_CANCELLED",
    "paused": "JOB_STATE_PAUSED",
}
PARENT = "accounts/acme"


def job(spec: Spec, now: float, _body: Body) -> Body:
    is_ended = life.is_over(spec, now) and spec.outcome != "paused"
    valid = f"{PARENT}/datasets/{spec.validation_file}" if spec.validation_file else ""
    return {
        "name": name(spec.id),
        "displayName": spec.suffix or "",
        "createTime": iso(spec.created_at),
        "updateTime": iso(changed_at(spec, now)),
        "completedTime": iso(life.timeline(spec).ended_at) if is_ended else None,
        "dataset": f"{PARENT}/datasets/{spec.training_file}",
        "evaluationDataset": valid,
        "state": word(spec, now),
        "status": _status(spec, now),
        "createdBy": "maria@acme.test",
        "baseModel": f"accounts/fireworks/models/{spec.model.rpartition('/')[2]}",
        "outputModel": f"{PARENT}/models/{spec.suffix or spec.id}",
        "epochs": life.plan(spec).n_epochs,
        "batchSize": life.plan(spec).batch_size,
        "learningRate": 0.0001,
        "loraRank": 16,
        "maxContextLength": 8192,
        "earlyStop": False,
        "wandbConfig": {"enabled": False, "apiKey": "", "project": "", "runId": ""},
        "jobProgress": {"percent": percent(spec, now), "epoch": 0},
        "metricsFileSignedUrl": f"https://storage.test/{spec.id}?signature={int(now * 1000)}",
    }


def name(job_id: str) -> str:
    return f"{PARENT}/supervisedFineTuningJobs/{job_id}"


def word(spec: Spec, now: float) -> str:
    common = life.status(spec, now)
    if common == "running" and now >= life.timeline(spec).trained_at:
        return "JOB_STATE_WRITING_RESULTS"
    return WORDS[common]


def percent(spec: Spec, now: float) -> int:
    return 100 * life.steps_done(spec, now) // life.plan(spec).total_steps


def _status(spec: Spec, now: float) -> Body:
    if life.status(spec, now) != "failed":
        return {"code": "OK", "message": ""}
    message = (spec.error or {}).get("message", "The job failed.")
    return {"code": "FAILED_PRECONDITION", "message": message}


PROFILE = Profile("fireworks", job, unchanged, unchanged, plain)
