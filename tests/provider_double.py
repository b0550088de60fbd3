"""A provider for tests: the simulator in a thread, with verbatim jobs and faults by one call each."""

import itertools
import json
import time
import urllib.error
import urllib.request
from typing import Any

from simulator.population import World
from simulator.serving import Options, Running, serve_in_thread

_serial = itertools.count(1)
BORN = 1_795_000_000  # unix seconds, the default `created_at` of jobs served verbatim


class ProviderDouble:
    """A simulator of which a test says exactly what it serves."""

    def __init__(self, key: str | None = None) -> None:
        world = World(seed=7, epoch=time.time(), speed=1e6, population="empty")
        self.running: Running = serve_in_thread(world, Options(key=key))
        self.url = self.running.base_url

    def serves(self, job_id: str | None = None, status: str = "running", **parts: Any) -> str:
        """Serves exactly this job from now on, in place of what it served for the id before."""
        belongings = {name: parts.pop(name, []) for name in ("events", "checkpoints", "files")}
        job_id = job_id or f"ftjob-test{next(_serial):06}"
        raw = {
            "object": "fine_tuning.job",
            "id": job_id,
            "created_at": BORN,
            "status": status,
            "model": "gpt-4o-mini-2024-07-18",
            "training_file": "file-train",
            "error": {},
            **parts,
        }
        self.control("jobs", {"raw": raw, **belongings})
        return job_id

    def breaks(
        self, kind: str, match: str = "/v1/*", times: int | None = None, **fault: Any
    ) -> None:
        rule = {"match": match, "times": times, "fault": {"kind": kind, **fault}}
        self.control("faults", rule)

    def heals(self) -> None:
        self.control("faults", method="DELETE")

    def requests(self) -> list[dict[str, Any]]:
        return self.control("journal", method="GET")["data"]

    def control(self, name: str, body: object = None, method: str = "POST") -> dict[str, Any]:
        data = json.dumps(body).encode() if body is not None else None
        address = f"{self.running.origin}/_control/{name}"
        request = urllib.request.Request(address, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return json.loads(reply.read() or b"{}")
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def close(self) -> None:
        self.running.close()
