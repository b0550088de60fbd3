from itertools import count

from providers.base import pages
from providers.wire import Page, read_element, read_page
from tests.providers.wire_json import a_job, a_list


def a_page(*ids, has_more=True):
    return read_page(a_list(*[a_job(id=i) for i in ids], has_more=has_more), read_element)


def walk(answers, **options):
    """The ids of every page that `pages` passes on, and the cursors it asked with."""
    asked = []
    left = iter(answers)

    def fetch(after):
        asked.append(after)
        return next(left)

    return [[item.id for item in page.items] for page in pages(fetch, **options)], asked


def test_pages_follow_the_last_id_until_there_is_no_more():
    found, asked = walk([a_page("a", "b"), a_page("c", has_more=False)])
    assert (found, asked) == ([["a", "b"], ["c"]], [None, "b"])


def test_an_empty_page_ends_the_list():
    found, asked = walk([a_page("a"), a_page()])
    assert (found, asked) == ([["a"], []], [None, "a"])


def test_a_cursor_that_does_not_move_ends_the_list():
    found, asked = walk([a_page("a"), a_page("b", "a")])
    assert (found, asked) == ([["a"], ["b", "a"]], [None, "a"])


def test_a_page_without_a_new_id_ends_the_list_and_is_not_passed_on():
    found, asked = walk([a_page("a", "b"), a_page("c", "d"), a_page("b", "a")])
    assert (found, asked) == ([["a", "b"], ["c", "d"]], [None, "b", "d"])


def test_a_server_that_never_ends_is_left_at_the_cap():
    endless = (a_page(f"id-{number}") for number in count())
    assert len(walk(endless)[0]) == 50
    assert len(walk((a_page(f"id-{n}") for n in count()), cap=3)[0]) == 3


def test_without_a_cap_only_new_ids_go_on():
    answers = [a_page(f"id-{number}") for number in range(120)] + [a_page("id-7")]
    assert len(walk(answers, cap=None)[0]) == 120


def test_a_page_of_unreadable_elements_is_passed_over():
    broken = Page((), has_more=True, skipped=2, last_id="x")
    found, asked = walk([broken, a_page("a", has_more=False)])
    assert (found, asked) == ([[], ["a"]], [None, "x"])
