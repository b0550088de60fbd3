"""Pictures of the running demo, for the README and for the eye: both themes, wide and narrow.

Starts `manage.py up` on an empty folder, with a receiver for its alerts, waits until the simulated
jobs have moved, signs in by the printed link, sets up a channel and a rule as a person would, and
writes docs/screenshots/<page>-<theme>-<width>.png.
"""

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "screenshots"
THEMES = ("light", "dark")
WIDTHS = (1440, 390)
SETTLE_S = 45  # until jobs of the demo are in most states and curves have some points
START_S = 120
KINDS = {
    "running": "state=running",
    "failed": "state=failed",
    "succeeded": "state=succeeded&method=supervised",
    "reinforcement": "state=succeeded&method=reinforcement",
}
LINK = re.compile(r"Sign in: (http://\S+)")
PAGES = {
    "jobs": "/jobs/",
    "jobs-no-hit": "/jobs/?q=no+such+job&state=failed",
    "jobs-columns": "/jobs/?method=supervised&sort=loss&cols=curve,best,tokens,cost,duration,model,tags",
    "insight": "/insight/",
    "models": "/models/",
    "costs": "/costs/",
    "prices": "/costs/prices/",
    "views": "/views/",
    "welcome": "/welcome/",
    "alerts": "/alerts/",
    "deliveries": "/alerts/deliveries/",
    "rule": "/alerts/rules/add/",
    "channels": "/alerts/channels/add/",
    "messages": "/styleguide/messages/?channel=slack",
    "connection": "/connections/demo/",
    "connections": "/connections/",
    "status": "/status/",
    "team": "/team/",
    "tokens": "/team/tokens/",
    "log": "/team/log/",
    "retention": "/team/retention/",
    "password": "/team/password/",
    "styleguide": "/styleguide/",
}
JOB_PAGES = ("timeline/", "changes/", "events/", "raw/", "labels/")


def main() -> int:
    settle = float(sys.argv[1]) if len(sys.argv) > 1 else SETTLE_S
    TARGET.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        receiver() as hook,
        demo(Path(folder), hook) as link,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        state = signed_in(browser, link, hook)
        time.sleep(settle)
        take_all(browser, base_of(link), state)
        browser.close()
    return 0


@contextmanager
def receiver() -> Iterator[str]:
    """The URL of a server that takes alerts, but for one in six, so that the log has something to tell."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


class _Taking(BaseHTTPRequestHandler):
    taken = itertools.count(1)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        is_refused = next(self.taken) % 6 == 0
        body = b"busy, try again" if is_refused else b"ok"
        self.send_response(503 if is_refused else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_line: object) -> None:
        pass


@contextmanager
def demo(folder: Path, hook: str) -> Iterator[str]:
    """The sign-in link of a site that runs with simulated jobs until the block is left."""
    log = folder / "up.log"
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    environment = {
        **os.environ,
        "TUNEBELL_DATA_DIR": str(folder / "var"),
        "PORT": str(free_port()),
        "DEMO": "1",
        "TUNEBELL_ALLOW_PRIVATE": "127.0.0.0/8",
        "TUNEBELL_WEBHOOK_URL": hook,
    }
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=ROOT)
    try:
        yield wait_for_link(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_for_link(process: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        if found := LINK.search(log.read_text()):
            return found[1]
        time.sleep(0.5)
    raise SystemExit(f"The demo did not start:\n{log.read_text()[-2000:]}")


def base_of(link: str) -> str:
    return link[: link.index("/", len("http://"))]


def signed_in(browser: Browser, link: str, hook: str) -> StorageState:
    """The cookies of an admin who set up a second channel, and a rule with quiet hours for it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.goto(f"{base_of(link)}/alerts/channels/add/webhook/")
    page.get_by_label("Name").fill("ml-team")
    page.get_by_label("URL").fill(hook)
    page.get_by_role("button", name="Save").click()
    page.goto(f"{base_of(link)}/alerts/rules/add/")
    for word in ("Succeeded", "Cancelled"):
        page.get_by_label(word, exact=True).uncheck()
    for word in ("Failed", "Stuck in a state", "Overfitting", "ml-team"):
        page.get_by_label(word, exact=True).check()
    page.get_by_label("Name").fill("Night watch")
    page.get_by_role("button", name="Save").click()
    return context.storage_state()


def take_all(browser: Browser, base: str, state: StorageState) -> None:
    for theme in THEMES:
        for width in WIDTHS:
            seen = browser.new_context(
                viewport={"width": width, "height": 800},
                color_scheme=theme,
                storage_state=state,
                reduced_motion="reduce",
            )
            take(seen, base, f"{theme}-{width}")
            seen.close()


def take(context: BrowserContext, base: str, name: str) -> None:
    page = context.new_page()
    pages = {**PAGES, **job_pages(page, base), **comparisons(page, base)}
    for word, path in pages.items():
        page.goto(base + path)
        page.wait_for_timeout(700)
        page.screenshot(path=TARGET / f"{word}-{name}.png")
        print(f"{word}-{name}.png")


def job_pages(page: Page, base: str) -> dict[str, str]:
    """One job of each telling state, as far as the demo has one."""
    found = {}
    for word, asked in KINDS.items():
        page.goto(f"{base}/jobs/?{asked}")
        first = page.locator(".jobs .name").first
        if first.count():
            found[f"job-{word}"] = first.get_attribute("href") or "/jobs/"
    if whole := found.get("job-succeeded"):
        found |= {f"job-{part.strip('/')}": whole + part for part in JOB_PAGES}
        page.goto(base + whole)
        preview = page.get_by_role("link", name=re.compile("preview", re.IGNORECASE)).first
        if preview.count():
            found["job-preview"] = preview.get_attribute("href") or whole
    return found


def comparisons(page: Page, base: str) -> dict[str, str]:
    """The newest jobs that succeeded: three side by side, eight, and the page that chooses them."""
    page.goto(f"{base}/jobs/?state=succeeded")
    paths = page.locator(".jobs .name").evaluate_all("all => all.map(one => one.pathname)")
    refs = [path.removeprefix("/jobs/").rstrip("/") for path in dict.fromkeys(paths)]
    return {
        "choose": "/compare/",
        **{f"compare-{n}": f"/compare/?jobs={','.join(refs[:n])}" for n in (3, 8) if refs[1:]},
    }


def chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("google-chrome")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
