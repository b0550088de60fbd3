"""Pictures of the running demo, for the README and for the eye: both themes, wide and narrow.

Starts `manage.py up` on an empty folder, waits until the simulated jobs have moved, signs in by the
printed link and writes docs/screenshots/<page>-<theme>-<width>.png.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "screenshots"
THEMES = ("light", "dark")
WIDTHS = (1440, 390)
SETTLE_S = 45  # until jobs of the demo are in most states and curves have some points
START_S = 120
LINK = re.compile(r"Sign in: (http://\S+)")
PAGES = {
    "jobs": "/jobs/",
    "alerts": "/alerts/",
    "connections": "/connections/",
    "status": "/status/",
    "team": "/team/",
}


def main() -> int:
    settle = float(sys.argv[1]) if len(sys.argv) > 1 else SETTLE_S
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as link:
        time.sleep(settle)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            take_all(browser, link)
            browser.close()
    return 0


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """The sign-in link of a site that runs with simulated jobs until the block is left."""
    log = folder / "up.log"
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    environment = {
        **os.environ,
        "TUNEBELL_DATA_DIR": str(folder / "var"),
        "PORT": str(free_port()),
        "DEMO": "1",
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


def take_all(browser: Browser, link: str) -> None:
    base = link[: link.index("/", len("http://"))]
    context = browser.new_context()
    context.new_page().goto(link)
    state = context.storage_state()
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
    pages = {**PAGES, **job_pages(page, base)}
    for word, path in pages.items():
        page.goto(base + path)
        page.wait_for_timeout(700)
        page.screenshot(path=TARGET / f"{word}-{name}.png")
        print(f"{word}-{name}.png")


def job_pages(page: Page, base: str) -> dict[str, str]:
    """One job of each telling state, as far as the demo has one."""
    found = {}
    for state in ("running", "failed", "succeeded"):
        page.goto(f"{base}/jobs/?state={state}")
        first = page.locator(".jobs .name").first
        if first.count():
            found[f"job-{state}"] = first.get_attribute("href") or "/jobs/"
    return found


def chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("google-chrome")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
