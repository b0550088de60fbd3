"""f: what the whole stack holds and uses while nothing happens."""

import sys
import time
from dataclasses import replace
from http import HTTPStatus

from tqdm import tqdm

from bench import tree
from bench.looking import peers_of_this_run
from bench.peers.peer import Peer
from bench.surroundings import Place, a_stub, on_sqlite
from bench.table import Row
from tests import servers

JOBS = 1000
SETTLE_S, SECONDS = 30, 60
MOST_MB, MOST_CPU, MOST_RATIO = 300, 0.02, 0.3


def rows(_wanted: str) -> list[Row]:
    with a_stub(0, JOBS) as stub, on_sqlite() as place:
        place.run("-m", "bench.fill", stub.origin, "1", str(JOBS), "15")
        row, total = measured(place)
    with peers_of_this_run() as peers:
        return [beside(row, total, peers)]


def beside(row: Row, total: float, peers: list[Peer]) -> Row:
    """The same with what idle trackers hold, of which MLflow decides."""
    if not peers:
        return row
    watch("f peers settling", SETTLE_S)
    held = {peer.name: sum(tree.uss_mb(peer.pid).values()) for peer in peers}
    said = "; ".join(f"{name} {mb:,.0f} MB USS, 10,000 runs" for name, mb in held.items())
    ratio = next((total / mb for name, mb in held.items() if name.startswith("MLflow")), None)
    if ratio is None:
        return replace(row, peer=said)
    return replace(
        row,
        peer=said,
        ratio=f"{ratio:.2f} x",
        target=f"{row.target}; <= {MOST_RATIO:g} x MLflow",
        holds=bool(row.holds) and ratio <= MOST_RATIO,
    )


def measured(place: Place) -> tuple[Row, float]:
    """The row, and megabytes in all."""
    port = servers.free_port()
    site = f"http://127.0.0.1:{port}"
    environment = place.environment(PORT=str(port), SITE_URL=site, EMAIL_URL="consolemail://")
    command = [sys.executable, "manage.py", "up"]
    stack = servers.Server(command, env=environment).start()
    try:
        servers.eventually(
            lambda: servers.status_of(f"{site}/readyz") == HTTPStatus.OK,
            within_s=120,
            what="the start of the stack",
        )
        watch("f settling", SETTLE_S)
        before = tree.cpu_s(stack.pid)
        watch("f idle stack", SECONDS)
        share = (tree.cpu_s(stack.pid) - before) / SECONDS
        held = tree.pss_mb(stack.pid)
        for pid, mb in held.items():
            print(f"  {mb:6.1f} MB  {tree.name_of(pid)}")
    finally:
        stack.stop()
    total = sum(held.values())
    row = Row(
        "f",
        f"idle stack, {JOBS:,} finished jobs: PSS; CPU of a core over {SECONDS} s",
        f"{total:.0f} MB in {len(held)} processes; {share:.2%}",
        target=f"<= {MOST_MB} MB; <= {MOST_CPU:.0%}",
        holds=total <= MOST_MB and share <= MOST_CPU,
    )
    return row, total


def watch(title: str, seconds: int) -> None:
    for _ in tqdm(range(seconds), desc=title, unit="s"):
        time.sleep(1)
