"""A fine-tuning API that costs next to nothing, so that what is measured is who asks.

`python -m bench.stub` prints its address. Every first part of a path is an account of its own, which
has `active` jobs (one in five runs, the rest is queued) and, after them, `finished` ones; all of them look like OpenAI's, 716 bytes
each. POST /_turn?account=NAME changes every active job of an account, POST /_end?account=NAME&serial=N ends one; GET /_arrivals
tells how many requests there were, and which jobs and lists were asked for when (epoch seconds).
"""

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

import orjson

BORN = 1_795_000_000  # unix seconds; a later serial is an older job
PAGE = 100
EVENTS = 10
STATES = ("running", "queued")  # an active job takes them in turn
RUNNING_OF = 5  # one in so many active jobs runs at first: providers run few of an account at once
HEAD = (
    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
    "x-request-id: req_4f7d2f0b9c1e4d6c8f0a1b2c3d4e5f60\r\nopenai-version: 2020-10-01\r\n"
    "content-length: {length}\r\n\r\n"
)


@dataclass(slots=True)
class Account:
    """`turn` counts the changes of all its active jobs; `ended` are those that were ended since."""

    turn: int = 0
    ended: set[int] = field(default_factory=set)


@dataclass(slots=True)
class World:
    active: int
    finished: int
    accounts: dict[str, Account] = field(default_factory=dict)
    arrivals: list[tuple[float, str, str]] = field(default_factory=list)
    requests: int = 0

    def account(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account())

    def job(self, name: str, serial: int) -> bytes:
        account = self.account(name)
        is_over = serial >= self.active or serial in account.ended
        moved = account.turn + (serial % RUNNING_OF != 0)
        return job_body(name, serial, "succeeded" if is_over else STATES[moved % 2])

    def page(self, name: str, start: int) -> bytes:
        serials = range(start, min(start + PAGE, self.active + self.finished))
        more = b"true" if serials.stop < self.active + self.finished else b"false"
        jobs = b",".join(self.job(name, serial) for serial in serials)
        return b'{"object":"list","has_more":' + more + b',"data":[' + jobs + b"]}"


def job_id(name: str, serial: int) -> str:
    return f"ftjob-{name}{serial:06}"


def serial_of(name: str, some_id: str) -> int:
    return int(some_id.removeprefix(f"ftjob-{name}"))


@lru_cache(200_000)
def job_body(name: str, serial: int, status: str) -> bytes:
    is_over = status == "succeeded"
    created_at = BORN - serial * 60
    chosen = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 1.8}
    return orjson.dumps(
        {
            "object": "fine_tuning.job",
            "id": job_id(name, serial),
            "model": "gpt-4o-mini-2024-07-18",
            "created_at": created_at,
            "finished_at": created_at + 3600 if is_over else None,
            "fine_tuned_model": f"ft:gpt-4o-mini:org:{serial:06}" if is_over else None,
            "organization_id": "org-4f7d2f0b9c1e4d6c",
            "result_files": [],
            "status": status,
            "validation_file": None,
            "training_file": f"file-{name}",
            "hyperparameters": chosen,
            "trained_tokens": 5_768_234 if is_over else None,
            "error": {"code": None, "message": None, "param": None},
            "user_provided_suffix": f"support-{serial}",
            "seed": 1_729_000_000 + serial,
            "estimated_finish": None,
            "integrations": [],
            "metadata": {"owner": "evaluation"},
            "usage_metrics": None,
            "shared_with_openai": False,
            "method": {"type": "supervised", "supervised": {"hyperparameters": chosen}},
        }
    )


def listed(members: list[object]) -> bytes:
    return orjson.dumps({"object": "list", "has_more": False, "data": members})


@lru_cache(20_000)
def events(some_id: str) -> bytes:
    """Newest first, each with a step's metrics."""
    return listed(
        [
            {
                "object": "fine_tuning.job.event",
                "id": f"ftevent-{some_id}{step:04}",
                "created_at": BORN + step,
                "level": "info",
                "message": f"Step {step}/300: training loss={1.5 / step:.2f}",
                "type": "metrics",
                "data": {"step": step, "total_steps": 300, "train_loss": round(1.5 / step, 4)},
            }
            for step in range(EVENTS, 0, -1)
        ]
    )


def file_body(some_id: str) -> bytes:
    said = {"object": "file", "id": some_id, "bytes": 1000, "filename": "train.jsonl"}
    return orjson.dumps({**said, "created_at": BORN, "purpose": "fine-tune", "status": "processed"})


def answer(world: World, method: str, target: str) -> tuple[int, bytes]:
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    match [method, *parts.path.strip("/").split("/")]:
        case ["POST", "_turn"]:
            world.account(query["account"]).turn += 1
            return 200, b"{}"
        case ["POST", "_end"]:
            world.account(query["account"]).ended.add(int(query["serial"]))
            return 200, b"{}"
        case ["GET", "_arrivals"]:
            told, world.arrivals = world.arrivals, []
            return 200, orjson.dumps({"requests": world.requests, "arrivals": told})
        case ["GET", name, "v1", *rest]:
            world.requests += 1
            return read(world, name, rest, query.get("after"))
    return 404, b"{}"


def read(world: World, name: str, rest: list[str], after: str | None) -> tuple[int, bytes]:
    match rest:
        case ["fine_tuning", "jobs"]:
            if after is None:
                world.arrivals.append((time.time(), "list", name))
            return 200, world.page(name, serial_of(name, after) + 1 if after else 0)
        case ["fine_tuning", "jobs", some_id]:
            world.arrivals.append((time.time(), "job", some_id))
            return 200, world.job(name, serial_of(name, some_id))
        case ["fine_tuning", "jobs", some_id, "events"]:
            return 200, events(some_id)
        case ["fine_tuning", "jobs", _, "checkpoints"]:
            return 200, listed([])
        case ["files", some_id]:
            return 200, file_body(some_id)
    return 404, b'{"error":{"message":"Not found"}}'


class Exchange(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, and no more of it than these clients speak."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            method, target, _ = head.split(b" ", 2)
            status, body = answer(self.world, method.decode(), target.decode())
            self.transport.write(HEAD.format(status=status, length=len(body)).encode() + body)


async def serve(world: World) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Exchange(world), "127.0.0.1", 0, backlog=1024
    )
    print(f"Stub: http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--active", type=int, default=1000, help="jobs of an account that move")
    parser.add_argument("--finished", type=int, default=0, help="jobs of an account that are over")
    options = parser.parse_args()
    asyncio.run(serve(World(options.active, options.finished)))


if __name__ == "__main__":
    main()
