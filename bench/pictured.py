"""What the pictures show: pages by their address, what only a press leads to, and whatever links lead to besides."""

import re
from collections.abc import Callable, Iterator

from playwright.sync_api import Error, Page

Opening = Callable[[Page, str], object]  # opens a page of the site at this origin
BRINGS = 700  # ms until charts are drawn and ages are right

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
    "not-found": "/nowhere/",
}
# Of an installation in which nothing has happened yet.
EMPTY = ("jobs", "compare", "insight", "models", "costs", "alerts", "connections", "status")
KINDS = {
    "running": "state=running",
    "failed": "state=failed",
    "stuck": "stuck=1",
    "succeeded": "state=succeeded&method=supervised",
    "reinforcement": "state=succeeded&method=reinforcement",
}
JOB_PAGES = ("timeline/", "changes/", "events/", "raw/", "labels/")
# In an address, what names one thing of many.
_NAMES_ONE = re.compile(r"ftjob-|file-|[0-9a-f]{8}-|[0-9]+$|demo$|prod-eu$")
NO_PAGES = re.compile(
    r"/(api|v1|feeds|sign-out|static)/|^/(metrics|readyz|livez)|\.\w+$"
    r"|/(points|markdown|files/[^/]+)/$"
)
MOST_KINDS = 120


def at(path: str) -> Opening:
    return lambda page, base: page.goto(base + path)


def pages_of(page: Page, base: str) -> Iterator[tuple[str, Opening]]:
    """Those named above, one job of each telling state, comparisons, and what presses lead to."""
    named = {**PAGES, **job_pages(page, base), **comparisons(page, base)}
    yield from ((word, at(path)) for word, path in named.items())
    yield from PRESSED.items()


def followed(page: Page, base: str, seen: set[str]) -> Iterator[tuple[str, Opening]]:
    """A page of each kind that links lead to from these paths, and from there, but for those seen."""
    kinds, left = {_kind_of(path) for path in seen}, sorted(seen)
    while left and len(kinds) < MOST_KINDS:
        for path in _links(page, base, left.pop(0)):
            if (kind := _kind_of(path)) in kinds:
                continue
            kinds.add(kind)
            left.append(path)
            yield kind, at(path)


def _links(page: Page, base: str, path: str) -> list[str]:
    """Paths on this site that links of a page lead to; none for what is no page."""
    try:
        answer = page.goto(base + path)
    except Error:  # a download
        return []
    if answer is None or "text/html" not in answer.headers.get("content-type", ""):
        return []
    found = page.locator("a[href]").evaluate_all(
        "all => all.filter((one) => one.origin === location.origin).map((one) => one.pathname)"
    )
    return [path for path in dict.fromkeys(found) if not NO_PAGES.search(path)]


def _kind_of(path: str) -> str:
    """connections-edit for /connections/demo/edit/."""
    parts = [part for part in path.partition("?")[0].split("/") if part]
    return "-".join(part for part in parts if not _NAMES_ONE.match(part)) or "home"


def job_pages(page: Page, base: str) -> dict[str, str]:
    """One job of each telling state, as far as the demo has one."""
    found = {}
    for word, asked in KINDS.items():
        page.goto(f"{base}/jobs/?{asked}")
        first = page.locator(".jobs .name").first
        if first.count():
            found[f"job-{word}"] = first.get_attribute("href") or "/jobs/"
    if moving := found.get("job-running"):
        found["job-snooze"] = f"{moving}snooze/"
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


def ticked_jobs(page: Page, base: str) -> None:
    page.goto(f"{base}/jobs/")
    for row in range(2):
        page.locator("form#ticked tbody input").nth(row).check()


def bulk_question(page: Page, base: str) -> None:
    ticked_jobs(page, base)
    page.get_by_role("button", name="Archive", exact=True).click()


def saving_a_view(page: Page, base: str, query: str = "state=running") -> None:
    page.goto(f"{base}/jobs/?{query}")
    page.locator(".save-view > summary").click()


def filters(page: Page, base: str) -> None:
    page.goto(f"{base}/jobs/")
    page.locator(".filters > summary").click()


def token_once(page: Page, base: str) -> None:
    page.goto(f"{base}/team/tokens/")
    page.get_by_label("Name").fill("grafana")
    page.get_by_role("button", name="Make a read token").click()


def connection_refused(page: Page, base: str) -> None:
    """A form with mistakes, what was typed in it kept."""
    page.goto(f"{base}/connections/add/")
    page.get_by_label("Name").fill("Prod EU")
    page.get_by_label("Base URL").fill("http://169.254.169.254/v1")
    page.get_by_role("button", name=re.compile("test", re.IGNORECASE)).last.click()


PRESSED: dict[str, Opening] = {
    "jobs-ticked": ticked_jobs,
    "jobs-bulk": bulk_question,
    "jobs-filters": filters,
    "jobs-save-view": saving_a_view,
    "token-once": token_once,
    "connection-refused": connection_refused,
}
