"""The looks that the other tests rely on see what they are for."""

import pytest
from django.conf import settings

from tests.browser.watching import Watch, barriers, overflow
from tests.servers import eventually

pytestmark = pytest.mark.browser
PAGE = '<!DOCTYPE html><html lang="en"><title>A page</title><main><h1>A page</h1>{}</main></html>'


@pytest.fixture
def show(page):
    """Shows this content under the site's policy: the page, and what was complained of."""
    watch = Watch(page)
    headers = {"Content-Type": "text/html", "Content-Security-Policy": settings.PAGE_POLICY}

    def open_with(content: str):
        body = PAGE.format(content)
        page.route("**/*", lambda route: route.fulfill(status=200, headers=headers, body=body))
        page.goto("http://shown.test/")
        return page, watch.complaints

    return open_with


@pytest.mark.parametrize(
    "content",
    [
        "<script>document.title = 'x'</script>",
        "<p style='color: red'>red</p>",
        "<p onclick='go()'>go</p>",
        "<img alt='' src='http://elsewhere.test/a.png'>",
    ],
)
def test_a_breach_of_the_policy_is_a_complaint(show, content):
    page, complaints = show(content)
    page.locator("h1, p").last.click()  # a handler is looked at when it is needed
    # Complaints come as messages of their own; asking the page lets them in.
    eventually(lambda: page.evaluate("1") and any("policy:" in said for said in complaints))


def test_a_barrier_is_found(show):
    page, _ = show("<input><img src='/a.png'>")
    assert "label" in barriers(page)
    assert "image-alt" in barriers(page)


def test_a_page_that_is_too_wide_is_found(show):
    page, _ = show("<svg width='2000' height='10'></svg>")
    assert overflow(page)


def test_a_page_in_order_gives_no_complaint(show):
    page, complaints = show("<p>Well.</p>")
    assert (barriers(page), overflow(page), complaints) == ("", [], [])
