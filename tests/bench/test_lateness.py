"""How the benchmark reckons lateness from what it saw."""

from bench.lateness import Watch, percentile


def late(*arrivals, due=10.0, seen_at=1.0, end=100.0):
    watch = Watch()
    watch.note(seen_at, {"lab": due})
    return watch.lateness([("lab", at) for at in arrivals], start=0.0, end=end)


def test_a_poll_is_as_late_as_its_request_came_after_the_due_time():
    assert late(12.5) == [2.5]


def test_a_request_before_the_due_time_is_on_time():
    assert late(4.0) == [0.0]


def test_a_request_before_the_due_time_was_set_is_another_poll():
    assert late(0.5, 13.0) == [3.0]


def test_a_due_time_that_is_first_seen_after_its_request_was_met():
    assert late(10.5, 70.0, seen_at=11.0) == [0.5]


def test_what_was_never_asked_is_late_until_the_end():
    assert late() == [90.0]


def test_a_due_time_beyond_the_end_does_not_count():
    assert late(due=200.0) == []


def test_each_new_due_time_is_a_poll_of_its_own():
    watch = Watch()
    for at, due in ((1, 10.0), (2, 10.0), (12, 40.0)):
        watch.note(at, {"lab": due})
    assert watch.lateness([("lab", 11.0), ("lab", 42.0)], start=0, end=100) == [1.0, 2.0]


def test_a_percentile_is_a_value_that_was_measured():
    assert percentile([5.0, 1.0, 3.0, 2.0, 4.0], 0.99) == 5.0
    assert percentile([], 0.5) == 0.0
