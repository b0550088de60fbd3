"""MLflow's tracking server with one worker on SQLite, and what its own pages ask it for."""

import contextlib
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from bench import runs
from bench.asking import Ask, Line, checked
from bench.peers.peer import Front, Package, Peer
from bench.runs import Run
from tests import servers

PACKAGE = Package("mlflow", "3.17.2", ">=3.17,<4")
EXPERIMENT = "1"
API = "/ajax-api/2.0/mlflow"
SAMPLED = 320  # what its charts ask for
SETTLE_S = 20  # after its start it answers several times slower


@contextlib.contextmanager
def opened() -> Iterator[Peer]:
    PACKAGE.install()
    PACKAGE.fill("bench.peers.mlflow_fill")
    port = servers.free_port()
    origin = f"http://127.0.0.1:{port}"
    command = [PACKAGE.binary("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{PACKAGE.data / 'mlflow.db'}", "--workers", "1"]
    command += ["--artifacts-destination", str(PACKAGE.data / "artifacts")]
    with PACKAGE.serving(command, f"{origin}/health") as server:
        time.sleep(SETTLE_S)
        front = Front(f"{origin}/#/experiments/{EXPERIMENT}/runs", f"text={Run(0).name}")
        yield Peer(f"MLflow {PACKAGE.found}", server.pid, asks_of(Line(origin)), front)


def asks_of(line: Line) -> dict[str, Ask]:
    def search(order: str, filtered: str = "", count: int = 50) -> Ask:
        body = {
            "experiment_ids": [EXPERIMENT],
            "max_results": count,
            "order_by": [order],
            "filter": filtered,
        }
        return checked(lambda: line.post(f"{API}/runs/search", body))

    def history(way: str, **asked: object) -> Ask:
        return checked(lambda: line.get(f"{API}/metrics/{way}?{urlencode(asked)}"))

    newest = "attributes.start_time DESC"
    long, longest = Run(runs.LONG).key, Run(runs.LONGEST).key
    sampled = {"run_ids": long, "metric_key": "train_loss", "max_results": SAMPLED}
    full = {"run_id": longest, "metric_key": "train_loss"}
    return {
        "newest": search(newest),
        "by loss": search("metrics.valid_loss ASC", "attributes.status = 'FINISHED'"),
        "search": search(newest, "attributes.run_name LIKE '%v4217%'"),
        "sampled": history("get-history-bulk-interval", **sampled),
        "full": history("get-history", **full),
    }
