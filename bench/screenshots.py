"""Pictures of every page, for the README and for the eye: both themes, wide and narrow.

Starts `manage.py up` on an empty folder, first without and then with simulated jobs and a receiver for
its alerts, signs in by the printed link, sets up a channel and a rule as a person would, waits until
the jobs have moved, and writes docs/screenshots/<page>-<theme>-<width>.png.
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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

from bench.pictured import BRINGS, EMPTY, Opening, at, followed, pages_of, saving_a_view

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "screenshots"
THEMES = ("light", "dark")
WIDTHS = (1440, 390)
SETTLE_S = 45  # until jobs of the demo are in most states and curves have some points
START_S = 120
LINK = re.compile(r"Sign in: (http://\S+)")
Pages = Callable[[Page, str], Iterable[tuple[str, Opening]]]  # of the site at this origin


def main() -> int:
    settle = float(sys.argv[1]) if len(sys.argv) > 1 else SETTLE_S
    TARGET.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        with tempfile.TemporaryDirectory() as folder, a_site(Path(folder)) as link:
            take_all(browser, link, browser.new_context().storage_state(), strange_pages)
            take_all(browser, link, signed_in(browser, link), empty_pages)
        with (
            tempfile.TemporaryDirectory() as folder,
            receiver() as hook,
            a_site(Path(folder), DEMO="1", TUNEBELL_WEBHOOK_URL=hook) as link,
        ):
            state = set_up(browser, base_of(link), signed_in(browser, link), hook)
            time.sleep(settle)
            take_all(browser, link, state, all_pages)
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
def a_site(folder: Path, **more: str) -> Iterator[str]:
    """The sign-in link of a site that runs until the block is left."""
    log = folder / "up.log"
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    environment = {
        **os.environ,
        "TUNEBELL_DATA_DIR": str(folder / "var"),
        "PORT": str(free_port()),
        "DEMO": "0",
        "TUNEBELL_ALLOW_PRIVATE": "127.0.0.0/8",
        **more,
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


def signed_in(browser: Browser, link: str) -> StorageState:
    context = browser.new_context()
    context.new_page().goto(link)
    return context.storage_state()


def set_up(browser: Browser, base: str, state: StorageState, hook: str) -> StorageState:
    """The cookies of an admin who set up a second channel, a rule for it, and a view of the list."""
    page = browser.new_context(storage_state=state).new_page()
    page.goto(f"{base}/alerts/channels/add/webhook/")
    page.get_by_label("Name").fill("ml-team")
    page.get_by_label("URL").fill(hook)
    page.get_by_role("button", name="Save").click()
    page.goto(f"{base}/alerts/rules/add/")
    for word in ("Succeeded", "Cancelled"):
        page.get_by_label(word, exact=True).uncheck()
    for word in ("Failed", "Stuck in a state", "Overfitting", "ml-team"):
        page.get_by_label(word, exact=True).check()
    page.get_by_label("Name").fill("Night watch")
    page.get_by_role("button", name="Save").click()
    saving_a_view(page, base, "state=failed")
    page.locator(".save-view").get_by_label("Name").fill("Failures")
    page.locator(".save-view").get_by_role("button", name="Save").click()
    return page.context.storage_state()


def take_all(browser: Browser, link: str, state: StorageState, pages: Pages) -> None:
    """Of the pages: both themes, wide and narrow."""
    for theme, width in itertools.product(THEMES, WIDTHS):
        seen = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=theme,
            storage_state=state,
            reduced_motion="reduce",
        )
        page = seen.new_page()
        for word, opened in pages(page, base_of(link)):
            opened(page, base_of(link))
            page.wait_for_timeout(BRINGS)
            page.screenshot(path=TARGET / f"{word}-{theme}-{width}.png")
            print(f"{word}-{theme}-{width}.png")
        seen.close()


def strange_pages(_page: Page, _base: str) -> Iterator[tuple[str, Opening]]:
    yield "sign-in", at("/sign-in/")


def empty_pages(_page: Page, _base: str) -> Iterator[tuple[str, Opening]]:
    yield from ((f"empty-{word}", at(f"/{word}/")) for word in EMPTY)


def all_pages(page: Page, base: str) -> Iterator[tuple[str, Opening]]:
    """Of the demo: those with a name of their own, then whatever links lead to."""
    seen = set()
    for word, opened in pages_of(page, base):
        yield word, opened
        seen.add(page.url.removeprefix(base))
    yield from followed(page, base, seen)


def chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("google-chrome")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
