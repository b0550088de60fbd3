"""How often a page is opened cold, and what is told of its visits."""

from bench.cold import CONTEXTS, Visit, is_enough, row_of
from bench.compared import OURS


def test_a_page_is_opened_as_often_as_the_others():
    assert not is_enough([Visit(ms=400)] * (CONTEXTS - 1))


def test_a_page_that_takes_long_is_opened_twice():
    slow = Visit(ms=60_000)
    assert [is_enough([slow] * times) for times in (1, 2)] == [False, True]


def test_each_count_is_that_of_the_worst_visit():
    visits = [Visit(300, 6, 78_000, 2400), Visit(310, 7, 90_000, 2300)]
    assert row_of({OURS: visits}).ours == ("305 ms (max 310; n=2); 7 requests, 90 KB, 2,400 nodes")


def test_a_page_of_too_many_requests_does_not_hold():
    assert not row_of({OURS: [Visit(300, 13, 78_000, 2400)]}).holds
