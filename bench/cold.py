"""c: a browser that knows nothing of the site, until the first row of the list can be seen."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, sync_playwright
from playwright.sync_api import TimeoutError as TooSlow
from tqdm import tqdm

from bench.compared import OURS, Goal, Limits, Measured, compared
from bench.peers.peer import Front, Peer
from bench.screenshots import chromium
from bench.site import Site
from bench.table import Row

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

CONTEXTS = 5
PATIENCE_MS, SETTLE_MS = 180_000, 10_000
SLOW_MS, SLOW_CONTEXTS = 30_000, 2  # a page that takes so long is opened less often
NODES = "document.evaluate('count(//node())', document, null, 1).numberValue"  # texts too
FIRST_ROW = "table.jobs tbody tr"
GOAL = Goal(ms=500, ratio=0.15, than="MLflow")
MOST_KB, MOST_REQUESTS, MOST_NODES = 150, 12, 2500


@dataclass(slots=True)
class Visit:
    """One cold visit: to the first row, and what was fetched until nothing more was."""

    ms: float = 0.0
    requests: int = 0
    bytes: int = 0
    nodes: int = 0


def rows(site: Site, peers: list[Peer]) -> list[Row]:
    fronts = {OURS: Front(f"{site.origin}/jobs/", FIRST_ROW)}
    fronts |= {peer.name: peer.front for peer in peers}
    visits: dict[str, list[Visit]] = {name: [] for name in fronts}
    with a_browser() as browser:
        for _ in tqdm(range(CONTEXTS), desc="c cold", unit="visit"):
            for name, front in fronts.items():
                if is_enough(visits[name]):
                    continue
                cookie = site.jobs["cookie"] if name == OURS else ""
                visits[name].append(visit(browser, front, cookie))
    return [row_of(visits)]


def is_enough(seen: list[Visit]) -> bool:
    return len(seen) >= SLOW_CONTEXTS and seen[0].ms > SLOW_MS


def row_of(visits: dict[str, list[Visit]]) -> Row:
    """Counts are those of the visit that took most of each."""
    ours = visits[OURS]
    counts = {
        "requests": (max(one.requests for one in ours), MOST_REQUESTS),
        "KB": (max(one.bytes for one in ours) / 1000, MOST_KB),
        "nodes": (max(one.nodes for one in ours), MOST_NODES),
    }
    sides = {
        name: Measured([one.ms for one in seen], weight(seen[-1])) for name, seen in visits.items()
    }
    what = "first row of the jobs list in a cold browser"
    return compared("c", what, sides, GOAL, Limits(dict(counts)))


def weight(seen: Visit) -> str:
    return f"{seen.requests} requests, {seen.bytes / 1000:,.0f} KB, {seen.nodes:,} nodes"


def visit(browser: Browser, front: Front, cookie: str) -> Visit:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    if cookie:
        name, _, value = cookie.partition("=")
        host = urlsplit(front.url).hostname or ""
        context.add_cookies([{"name": name, "value": value, "domain": host, "path": "/"}])
    try:
        return _seen(context, front)
    finally:
        context.close()


def _seen(context: BrowserContext, front: Front) -> Visit:
    page, seen = context.new_page(), Visit()
    _count(context.new_cdp_session(page), seen)
    began = time.perf_counter()
    page.goto(front.url, wait_until="commit")
    page.locator(front.first_row).first.wait_for(state="visible")
    seen.ms = (time.perf_counter() - began) * 1000
    with contextlib.suppress(TooSlow):  # a page that polls is never still
        page.wait_for_load_state("networkidle", timeout=SETTLE_MS)
    seen.nodes = int(page.evaluate(NODES))
    return seen


def _count(session: "CDPSession", seen: Visit) -> None:
    """What the browser itself says of its traffic: bytes as they came, headers too."""

    def sent(event: dict[str, object]) -> None:
        request = event["request"]
        assert isinstance(request, dict)
        seen.requests += not str(request["url"]).startswith(("data:", "blob:"))

    def finished(event: dict[str, object]) -> None:
        seen.bytes += int(float(str(event["encodedDataLength"])))

    session.send("Network.enable")
    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", finished)


@contextlib.contextmanager
def a_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()
