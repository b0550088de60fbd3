"""Which jobs exist without anybody creating them: the demo's history, its arrivals, or N jobs for a bench."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from simulator import dice
from simulator.scenarios import FAILURES, GRADERS, SCENARIOS
from simulator.spec import Spec, job_id

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
# Real seconds between two jobs that start by themselves: lively in the first hour, at most 200 a day afterwards.
ARRIVAL_S, LATER_ARRIVAL_S, LIVELY_ARRIVALS = 90.0, 432.0, 40
# Durations of new lives are written for this speed.
REFERENCE_SPEED = 60.0


@dataclass(frozen=True, slots=True)
class World:
    """What all lives hang on: one seed, the moment of the first start, the speed, the default dialect."""

    seed: int
    epoch: float
    speed: float = REFERENCE_SPEED
    profile: str = "openai"
    population: str = "demo"
    alive: int = 0

    @property
    def pace(self) -> float:
        return REFERENCE_SPEED / self.speed


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of the demo. `age` seconds before the epoch; the three durations in seconds."""

    scenario: str
    version: int
    age: float
    durations: tuple[float, float, float]
    outcome: str = "succeeded"
    failure: str | None = None
    ends_at: float | None = None
    stalls_at: float | None = None


# The first is about to succeed (75 s after the start), the second to fail (165 s after it); the history
# below took the time that real jobs take.
LIVE = (
    Entry("support", 7, 240.0, (45.0, 60.0, 210.0)),
    Entry("tone", 3, 200.0, (30.0, 50.0, 285.0), "failed", "refusals_v3"),
    Entry("grading", 4, 150.0, (20.0, 40.0, 420.0)),
    Entry("contracts", 12, 110.0, (15.0, 25.0, 330.0)),
    Entry("triage", 3, 60.0, (25.0, 260.0, 240.0)),
    Entry("summaries", 5, 12.0, (130.0, 45.0, 300.0)),
)
HISTORY = (
    Entry("search", 4, 5.2 * HOUR, (90.0, 400.0, 2.1 * HOUR), "paused", ends_at=0.55),
    Entry("code", 1, 7.4 * HOUR, (60.0, 240.0, 1.2 * HOUR)),
    Entry("triage", 2, 11.0 * HOUR, (75.0, 310.0, 0.6 * HOUR)),
    Entry("sql", 9, 19.5 * HOUR, (120.0, 900.0, 2.8 * HOUR)),
    Entry("support", 6, 26.0 * HOUR, (80.0, 200.0, 1.1 * HOUR), "failed", "invalid_training_file"),
    Entry("support", 5, 27.5 * HOUR, (85.0, 260.0, 1.0 * HOUR)),
    Entry("math", 2, 44.0 * HOUR, (70.0, 800.0, 3.4 * HOUR)),
    Entry("summaries", 4, 51.0 * HOUR, (95.0, 350.0, 1.6 * HOUR), "cancelled", ends_at=0.38),
    Entry("tone", 2, 2.9 * DAY, (60.0, 300.0, 1.4 * HOUR)),
    Entry("contracts", 11, 3.4 * DAY, (110.0, 420.0, 2.2 * HOUR), "failed", "server_error"),
    Entry("search", 3, 4.1 * DAY, (40.0, 150.0, 0.5 * HOUR)),
    Entry("triage", 1, 4.8 * DAY, (45.0, 160.0, 0.4 * HOUR), "failed", "invalid_n_examples"),
    # Two that hang: one waits for a machine that does not come, one stopped in the middle of its training.
    Entry("code", 2, 5.0 * HOUR, (60.0, 30 * DAY, 1.2 * HOUR)),
    Entry("summaries", 3, 3.0 * HOUR, (95.0, 350.0, 4.0 * HOUR), stalls_at=0.4),
)


def initial(world: World) -> list[Spec]:
    """The jobs that exist at the first start, in no order."""
    if world.population == "empty":
        return []
    if world.population == "demo":
        return [demo_job(world, number) for number in range(len(LIVE) + len(HISTORY))]
    return [crowd_job(world, number) for number in range(int(world.population))]


def demo_job(world: World, number: int) -> Spec:
    is_live = number < len(LIVE)
    entry = LIVE[number] if is_live else HISTORY[number - len(LIVE)]
    pace = world.pace if is_live else 1.0
    spec = from_scenario(
        world, entry.scenario, f"demo-{number}", created_at=world.epoch - entry.age * pace
    )
    validating_s, queued_s, running_s = (seconds * pace for seconds in entry.durations)
    spec = dataclasses.replace(
        spec,
        suffix=f"{SCENARIOS[entry.scenario].stem}-v{entry.version}",
        validating_s=validating_s,
        queued_s=queued_s,
        running_s=running_s,
        outcome=entry.outcome,
        ends_at=1.0 if entry.ends_at is None else entry.ends_at,
        stalls_at=entry.stalls_at,
    )
    return spec if entry.failure is None else failing(spec, entry.failure)


def crowd_job(world: World, number: int) -> Spec:
    """Job `number` of N, spread over the 30 days before the epoch; the last `alive` ones run for hours."""
    count = int(world.population)
    is_alive = number >= count - world.alive
    age = 5 * MINUTE if is_alive else DAY + 29 * DAY * (1 - number / count)
    spec = grown(world, f"crowd-{number}", created_at=world.epoch - age)
    if not is_alive:
        return spec
    hours = dice.between(2, 12, world.seed, "hours", number)
    return dataclasses.replace(
        spec, running_s=hours * HOUR * world.pace, outcome="succeeded", error=None
    )


def arrival(world: World, number: int, created_at: float) -> Spec:
    """The job that started by itself as the `number`-th."""
    return grown(world, f"arrival-{number}", created_at=created_at, version=20 + number)


def next_arrival_at(world: World, arrived: list[float], started_at: float) -> float | None:
    """When the next job starts by itself; None where none does. Time in which the simulator was off brings no jobs."""
    if world.population != "demo":
        return None
    gap = ARRIVAL_S if len(arrived) < LIVELY_ARRIVALS else LATER_ARRIVAL_S
    last = arrived[-1] if arrived else world.epoch - 0.5 * gap
    jitter = 0.15 * gap * dice.bell(world.seed, "gap", len(arrived)) / 3.5
    return max(last + gap + jitter, started_at)


def grown(world: World, key: str, *, created_at: float, version: int = 1) -> Spec:
    """A job of a random scenario and outcome: 1 in 7 fails, 1 in 25 is cancelled."""
    name = dice.pick(tuple(SCENARIOS), world.seed, key, "scenario")
    spec = from_scenario(world, name, key, created_at=created_at, version=version)
    luck = dice.chance(world.seed, key, "outcome")
    if luck < 1 / 7:
        return failing(spec, dice.pick(tuple(FAILURES), world.seed, key, "failure"))
    if luck < 1 / 7 + 1 / 25:
        share = dice.between(0.2, 0.9, world.seed, key, "share")
        return dataclasses.replace(spec, outcome="cancelled", ends_at=share)
    return spec


def from_scenario(
    world: World, name: str, key: str, *, created_at: float, version: int = 1
) -> Spec:
    scenario = SCENARIOS[name]
    identity = job_id(world.seed, key)
    validating_s, queued_s, running_s = durations(world, key)
    return Spec(
        id=identity,
        created_at=created_at,
        seed=dice.digest(world.seed, key, "seed") % 2**31,
        model=scenario.model,
        method=scenario.method,
        profile=scenario.profile
        if scenario.profile and world.profile == "openai"
        else world.profile,
        suffix=f"{scenario.stem}-v{version}",
        requested=scenario.requested,
        n_examples=scenario.n_examples,
        tokens_per_example=scenario.tokens_per_example,
        training_file="file-" + dice.code(22, "training", identity),
        validation_file="file-" + dice.code(22, "validation", identity)
        if scenario.validated
        else None,
        curve=scenario.curve,
        grader=GRADERS[scenario.grader] if scenario.grader else None,
        integrations=_wandb(scenario.wandb_project, identity),
        metadata=scenario.metadata,
        validating_s=validating_s,
        queued_s=queued_s,
        running_s=running_s,
    )


def durations(world: World, key: str) -> tuple[float, float, float]:
    """Seconds of validating, queued and running: 3 to 8 minutes of running at the reference speed."""
    seed, pace = world.seed, world.pace
    return (
        pace * dice.between(15, 40, seed, key, "validating"),
        pace * dice.between(20, 60, seed, key, "queued"),
        pace * dice.between(180, 480, seed, key, "running"),
    )


def failing(spec: Spec, code: str) -> Spec:
    failure = FAILURES[code]
    return dataclasses.replace(
        spec,
        outcome="failed",
        error=failure.error,
        ends_in=failure.ends_in,
        ends_at=failure.ends_at,
    )


def _wandb(project: str | None, identity: str) -> tuple[dict[str, object], ...]:
    if project is None:
        return ()
    run = {"project": project, "name": None, "entity": None, "tags": ["tuned"], "run_id": identity}
    return ({"type": "wandb", "wandb": run},)
