"""Command line of the simulator: `python -m simulator --help`."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import signal
import sys
import time
from pathlib import Path
from queue import SimpleQueue

from simulator import statefile
from simulator.ledger import Ledger
from simulator.population import World
from simulator.profiles import PROFILES
from simulator.serving import Options, Running, Server
from simulator.statefile import State
from simulator.webhooks import Announcer, Target

CANNOT_START = 2
TOP_SPEED = 1e9
TOP_POPULATION = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Serves until it is told to stop; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        target = _target(options)
    except ValueError as trouble:
        parser.error(str(trouble))
    stop: SimpleQueue[int] = SimpleQueue()  # an Event is not safe in a signal handler, this is
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stop.put(number))
    try:
        running, announcer = _start(options, target)
    except OSError as trouble:
        _complain(_reason(trouble, options))
        return CANNOT_START
    sys.stdout.write(f"Simulator: {running.base_url}\n")
    sys.stdout.flush()
    stop.get()
    if announcer:
        announcer.close()
    running.close()
    return 0


def _target(options: argparse.Namespace) -> Target | None:
    if options.webhook_url is None and options.webhook_secret is None:
        return None
    if options.webhook_url is None or options.webhook_secret is None:
        raise ValueError("--webhook-url and --webhook-secret go together")
    return Target.parse(options.webhook_url, options.webhook_secret)


def _start(options: argparse.Namespace, target: Target | None) -> tuple[Running, Announcer | None]:
    now = time.time()
    state = _state(options, now)
    ledger = Ledger(state, now, options.state)
    server = Server(ledger, Options(options.host, options.port, options.key, options.journal))
    ledger.save()
    announcer = Announcer(ledger, target) if target else None
    if announcer:
        announcer.start()
    return Running(server), announcer


def _state(options: argparse.Namespace, now: float) -> State:
    asked = World(
        options.seed, now, options.speed, options.profile, options.population, options.alive
    )
    if options.state is None:
        return State(asked)
    options.state.parent.mkdir(parents=True, exist_ok=True)
    try:
        stored = statefile.read(options.state)
    except statefile.BrokenState as trouble:
        place = statefile.set_aside(options.state, now)
        _complain(
            f"The state file could not be read ({trouble}); it is kept as {place}. Starting anew."
        )
        return State(asked)
    if stored is None:
        return State(asked)
    if dataclasses.replace(stored.world, epoch=now) != asked:
        _complain(
            f"{options.state} keeps the lives it began with; delete it to change seed, speed or population."
        )
    return stored


def _reason(trouble: OSError, options: argparse.Namespace) -> str:
    if trouble.errno == errno.EADDRINUSE:
        return f"Port {options.port} on {options.host} is taken."
    return f"The simulator cannot start: {trouble}"


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulator",
        description="An OpenAI-compatible fine-tuning API that runs simulated jobs through their lives.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--speed", type=_speed, default=60.0, help="simulated seconds in a real one"
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same lives")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="openai")
    parser.add_argument(
        "--population", type=_population, default="demo", help="demo, empty or a number of jobs"
    )
    parser.add_argument(
        "--alive", type=int, default=0, help="how many of a number of jobs run for hours"
    )
    parser.add_argument(
        "--state", type=Path, help="file that lets a restart go on with the same jobs"
    )
    parser.add_argument("--key", help="the only API key to let in; without it, everybody may")
    parser.add_argument("--journal", type=Path, help="file that every answer is written down in")
    parser.add_argument(
        "--webhook-url", help="gets a signed event when a job ends, as OpenAI sends them"
    )
    parser.add_argument("--webhook-secret", help="whsec_..., signs these events")
    return parser


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= TOP_SPEED:
        raise argparse.ArgumentTypeError("must be above 0 and at most 1000000000")
    return speed


def _population(text: str) -> str:
    if text in ("demo", "empty") or (text.isdecimal() and int(text) <= TOP_POPULATION):
        return text
    raise argparse.ArgumentTypeError("must be demo, empty or a number")


if __name__ == "__main__":
    sys.exit(main())
