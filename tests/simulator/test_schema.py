"""The simulator's ordinary answers agree with the published API description.

Where real answers break the description, the simulator does as the real ones do. Those places, and no others, are set
right before checking: `error: {}`, status `paused`, hyperparameters null outside supervised jobs, null for absent
members of events and files, and the graders of a multi grader, of which the description allows only one.
"""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from simulator import life, population, render
from simulator.ledger import Ledger
from simulator.population import World
from simulator.statefile import State
from tests.simulator.makers import START

DOCUMENT = Path(__file__).parents[3] / "shared" / "spec" / "openai-finetuning.yaml"
pytestmark = pytest.mark.skipif(not DOCUMENT.exists(), reason="the API description is not here")

WORLD = World(seed=7, epoch=START)
SPECS = population.initial(WORLD) + population.initial(World(3, START, population="40"))
MOMENTS = [START, START + 100, START + 9000]


def cleaned(schema):
    """The document says exclusiveMinimum: true in the style of OpenAPI 3.0, `nullable` likewise."""
    if isinstance(schema, list):
        return [cleaned(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: cleaned(each) for name, each in schema.items()}
    if kept.get("exclusiveMinimum") is True:
        kept["exclusiveMinimum"] = kept.pop("minimum")
    return kept


@pytest.fixture(scope="module")
def components():
    return cleaned(yaml.safe_load(DOCUMENT.read_text()))["components"]


def faults_of(components, name, body):
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(body)]


def as_described(body):
    """The job without the habits of real answers that the description forbids."""
    body = dict(body)
    if body["error"] == {}:
        body["error"] = None
    if body["status"] == "paused":
        body["status"] = "running"
    if body["hyperparameters"] is None and body["method"]["type"] != "supervised":
        body["hyperparameters"] = {}
    return _with_one_grader(body)


def _with_one_grader(body):
    block = body["method"].get("reinforcement", {})
    if block.get("grader", {}).get("type") != "multi":
        return body
    one = next(iter(block["grader"]["graders"].values()))
    grader = block["grader"] | {"graders": one}
    return body | {"method": body["method"] | {"reinforcement": block | {"grader": grader}}}


def test_jobs_agree(components):
    bodies = [as_described(render.job(spec, now)) for spec in SPECS for now in MOMENTS]
    faults = [fault for body in bodies for fault in faults_of(components, "FineTuningJob", body)]
    assert faults == []
    assert {body["method"]["type"] for body in bodies} == {"supervised", "dpo", "reinforcement"}


def test_events_agree(components):
    told = [
        render.event(spec, beat)
        for spec in SPECS
        for beat in render.beats(spec, START + 9000)[::17]
    ]
    described = [
        {name: value for name, value in each.items() if value is not None} for each in told
    ]
    assert [
        fault for each in described for fault in faults_of(components, "FineTuningJobEvent", each)
    ] == []
    assert len(told) > 200


def test_checkpoints_agree(components):
    made = [
        render.checkpoint(spec, step)
        for spec in SPECS
        for step in life.checkpoint_steps(spec, START + 9000)
    ]
    assert [
        fault for each in made for fault in faults_of(components, "FineTuningJobCheckpoint", each)
    ] == []
    assert len(made) > 20


def test_files_agree(components):
    ledger = Ledger(State(WORLD), START)
    ids = [file for spec in SPECS[:18] for file in (spec.result_file, spec.training_file)]
    files = [stored.about for file in ids if (stored := ledger.file(file, START))]
    described = [
        {name: value for name, value in each.items() if value is not None} for each in files
    ]
    assert [
        fault for each in described for fault in faults_of(components, "OpenAIFile", each)
    ] == []
    assert {each["purpose"] for each in files} == {"fine-tune", "fine-tune-results"}


def test_the_check_notices_a_wrong_answer(components):
    body = as_described(render.job(SPECS[0], START)) | {"seed": "seven"}
    assert faults_of(components, "FineTuningJob", body)
