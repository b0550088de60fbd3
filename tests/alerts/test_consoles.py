"""Links to the providers' own pages."""

from urllib.parse import urlsplit

import pytest

from alerts.advice import advice_for
from alerts.consoles import PAGES, Place, links
from providers.base import dialects

EVERY = [(dialect, url) for dialect, pages in PAGES.items() for url in pages.values()]


@pytest.mark.parametrize(("dialect", "url"), EVERY)
def test_only_https_and_nothing_that_could_carry_a_secret(dialect, url):
    parts = urlsplit(url)
    assert parts.scheme == "https"
    assert parts.hostname
    assert (parts.username, parts.query) == (None, "")


def test_every_dialect_of_a_vendor_has_a_console_and_a_billing_page():
    vendors = set(dialects()) - {"generic"}
    assert set(PAGES) == vendors
    assert all({Place.CONSOLE, Place.BILLING} <= set(pages) for pages in PAGES.values())


def test_a_page_that_a_provider_has_not_is_left_out():
    assert links("nebius", (Place.FILES, Place.CONSOLE)) == links("nebius", (Place.CONSOLE,))
    assert links("nowhere", tuple(Place)) == ()


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("insufficient_quota", Place.BILLING),
        ("fine_tune_limit_exceeded", Place.LIMITS),
        ("model_not_available", Place.MODELS),
        ("file_not_found", Place.FILES),
        ("content_filter", Place.MODERATION),
        ("internal_error", Place.STATUS),
        ("nobody_knows", Place.CONSOLE),
        (None, Place.CONSOLE),
    ],
)
def test_each_cause_leads_to_its_page_and_then_to_the_console(code, place):
    places = advice_for(code).places
    assert places[0] == place
    assert places[-1] == Place.CONSOLE


def test_the_named_line_is_a_number_too():
    assert advice_for("invalid_training_file", "Line 6174 is bad").line == 6174
    assert advice_for("invalid_training_file", "It is bad").line == 0
    assert advice_for("insufficient_quota", "Line 3 of the bill").line == 0
