"""What no page may do: break the policy, complain in the console, ask for what is not there, or fail axe."""

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import ConsoleMessage, Page, Response

WIDTHS = (390, 1440)
BETWEEN = (320, 768)  # where only the layout can differ
THEMES = ("light", "dark")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
ON_VIOLATION = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""


class Watch:
    """Notes complaints of a page. The status of a page itself is no complaint: tests open 404s on purpose."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        page.add_init_script(ON_VIOLATION)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("response", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        is_status = message.text.startswith("Failed to load resource: the server responded")
        if message.type in {"error", "warning"} and not is_status:
            self.complaints.append(f"{message.page.url}: {message.text}")

    def _see(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.complaints.append(f"{response.status} {response.url}")


def barriers(page: Page) -> str:
    """What axe finds, as a text; empty when all is well."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    results = AxeResults(page.evaluate("(options) => axe.run(options)", OPTIONS))
    return results.generate_report() if results.violations_count else ""


def faults(page: Page, where: str) -> list[str]:
    """What is wrong with this page, in both themes, on a phone and on a desk."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            texts = [text for text in (barriers(page), *overflow(page)) if text]
            found += [f"{where} at {width} px, {theme}: {text}" for text in texts]
    for width in BETWEEN:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{where} at {width} px: {text}" for text in overflow(page)]
    return found


def overflow(page: Page) -> list[str]:
    """The elements that make the page wider than the window."""
    return page.evaluate(
        """async () => {
            const frame = () => new Promise(requestAnimationFrame);
            await frame(); await frame();  // charts follow a new size with the next frame
            const root = document.scrollingElement;
            if (root.scrollWidth <= innerWidth) return [];
            const wide = [...document.body.querySelectorAll("*")].filter(
                (one) => one.getBoundingClientRect().right > innerWidth + 1);
            return [`${root.scrollWidth} px`, ...wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 160))];
        }"""
    )
