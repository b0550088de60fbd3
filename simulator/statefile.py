"""What has to survive a restart: the world, the arrivals and the jobs that somebody made or changed, as JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from simulator.population import World
from simulator.spec import Spec, from_json, to_json

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1


@dataclass(slots=True)
class State:
    world: World
    arrived: list[float] = field(default_factory=list)
    created: int = 0
    jobs: dict[str, Spec] = field(default_factory=dict)


class BrokenState(Exception):
    """The state file cannot be read; the message says why."""


def write(path: Path, state: State) -> None:
    """Replaces the file at once, so that a kill leaves the old or the new one."""
    text = orjson.dumps(
        {
            "version": VERSION,
            "world": dataclasses.asdict(state.world),
            "arrived": state.arrived,
            "created": state.created,
            "jobs": [to_json(spec) for spec in state.jobs.values()],
        },
        option=orjson.OPT_INDENT_2,
    )
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(text)
    draft.replace(path)


def read(path: Path) -> State | None:
    """The stored state, None when there is no file. Raises BrokenState."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _parse(orjson.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError) as trouble:
        raise BrokenState(f"{type(trouble).__name__}: {trouble}") from trouble


def _parse(stored: dict[str, object]) -> State:
    if stored["version"] != VERSION:
        raise ValueError(f"version {stored['version']} is not {VERSION}")
    world, arrived, jobs = stored["world"], stored["arrived"], stored["jobs"]
    if not isinstance(world, dict) or not isinstance(arrived, list) or not isinstance(jobs, list):
        raise TypeError("a member has the wrong type")
    specs = [from_json(each) for each in jobs]
    created = stored["created"]
    if not isinstance(created, int):
        raise TypeError("created is not a number")
    times = [float(moment) for moment in arrived]
    return State(World(**world), times, created, {spec.id: spec for spec in specs})


def set_aside(path: Path, now: float) -> Path:
    """Renames a broken file and gives its new place."""
    place = path.with_name(f"{path.name}.broken-{int(now)}")
    path.replace(place)
    return place
