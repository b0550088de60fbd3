"""f: what the whole stack holds and uses while nothing happens."""

import sys
import time
from http import HTTPStatus

from tqdm import tqdm

from bench import tree
from bench.surroundings import Place, a_stub, on_sqlite
from bench.table import Row
from tests import servers

JOBS = 1000
SETTLE_S, SECONDS = 30, 60
MOST_MB, MOST_CPU = 300, 0.02


def rows(_wanted: str) -> list[Row]:
    with a_stub(0, JOBS) as stub, on_sqlite() as place:
        place.run("-m", "bench.fill", stub.origin, "1", str(JOBS), "15")
        return [measured(place)]


def measured(place: Place) -> Row:
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
    return Row(
        "f",
        f"idle stack, {JOBS:,} finished jobs: PSS; CPU of a core over {SECONDS} s",
        f"{total:.0f} MB in {len(held)} processes; {share:.2%}",
        target=f"<= {MOST_MB} MB; <= {MOST_CPU:.0%}",
        holds=total <= MOST_MB and share <= MOST_CPU,
    )


def watch(title: str, seconds: int) -> None:
    for _ in tqdm(range(seconds), desc=title, unit="s"):
        time.sleep(1)
