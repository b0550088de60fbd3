"""Trackio's dashboard, and what its pages ask it for. It has no paging, no filter and no order on the server."""

import contextlib
from collections.abc import Iterator

from bench import runs
from bench.asking import Ask, Line, checked
from bench.peers.peer import Front, Package, Peer
from bench.peers.trackio_fill import PROJECT
from bench.runs import Run
from tests import servers

PACKAGE = Package("trackio", "0.43", ">=0.43,<1")


@contextlib.contextmanager
def opened() -> Iterator[Peer]:
    PACKAGE.install()
    PACKAGE.fill("bench.peers.trackio_fill")
    port = servers.free_port()
    origin = f"http://127.0.0.1:{port}"
    command = [PACKAGE.binary("trackio"), "show", "--project", PROJECT]
    where = {"TRACKIO_DIR": str(PACKAGE.data), "GRADIO_SERVER_PORT": str(port)}
    with PACKAGE.serving(command, f"{origin}/version", GRADIO_NUM_PORTS="1", **where) as server:
        front = Front(f"{origin}/?project={PROJECT}", f"text={Run(0).name}")
        yield Peer(f"Trackio {PACKAGE.found}", server.pid, asks_of(Line(origin)), front)


def asks_of(line: Line) -> dict[str, Ask]:
    def call(name: str, **asked: object) -> Ask:
        return checked(lambda: line.post(f"/api/{name}", {"project": PROJECT, **asked}))

    def history(serial: int) -> Ask:
        return call("get_logs", run=Run(serial).name, run_id=Run(serial).key)

    return {
        "newest": call("get_runs_for_project"),
        "sampled": history(runs.LONG),
        "full": history(runs.LONGEST),
    }
