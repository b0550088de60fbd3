"""Facts of several jobs -> the rows that differ, and the best of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.comparison import MOST_ROWS, UNKNOWN, Fact, Value, canon, compare, unlike_names


def fact(name: str, *raws: object, better: str = "") -> Fact:
    values = tuple(UNKNOWN if raw is None else Value(raw, str(raw)) for raw in raws)
    return Fact(name, name, values, better)


def rows_of(*facts: Fact, only_differences: bool = False):
    return compare([("All", facts)], only_differences=only_differences).groups[0].rows


def test_what_differs_comes_first_and_keeps_its_order():
    rows = rows_of(fact("a", 1, 1), fact("b", 1, 2), fact("c", 3, 3), fact("d", 4, 5))
    assert [row.name for row in rows] == ["b", "d", "a", "c"]


def test_equal_rows_are_hidden_on_request_and_counted():
    found = compare(
        [("One", [fact("a", 1, 1), fact("b", 1, 2)]), ("Two", [fact("c", 3, 3)])],
        only_differences=True,
    )
    assert [[row.name for row in group.rows] for group in found.groups] == [["b"], []]
    assert [group.hidden for group in found.groups] == [1, 1]
    assert (found.differing, found.equal, found.hidden) == (1, 2, 2)


@pytest.mark.parametrize(
    ("raws", "differs"),
    [
        ((3, 3.0), False),  # how a number is written is no difference
        ((1, True), True),
        (("3", 3), True),
        ((None, None), False),
        ((None, 0), True),  # not told is not zero
        (({"a": 1, "b": 2}, {"b": 2, "a": 1}), False),
        (([1, 2], [2, 1]), True),
    ],
)
def test_values_differ_as_json(raws, differs):
    (row,) = rows_of(fact("a", *raws))
    assert row.differs is differs


def test_cells_that_differ_from_the_first_job_are_marked():
    (row,) = rows_of(fact("a", 1, 2, 1, None))
    assert [cell.differs for cell in row.cells] == [False, True, False, True]


@pytest.mark.parametrize(
    ("better", "raws", "best"),
    [
        ("lower", (0.5, 0.4, 0.6), ["", "lowest", ""]),
        ("higher", (0.5, 0.4, 0.6), ["", "", "highest"]),
        ("lower", (0.4, 0.4, 0.6), ["lowest", "lowest", ""]),
        ("lower", (0.4, 0.4), ["", ""]),  # nobody is better
        ("lower", (0.4, None), ["", ""]),  # nor is the only one that tells
        ("", (1, 2), ["", ""]),
    ],
)
def test_the_best_of_a_row_has_its_good_direction_in_words(better, raws, best):
    (row,) = rows_of(fact("a", *raws, better=better))
    assert [cell.best for cell in row.cells] == best


def test_a_group_beyond_what_a_page_can_show_is_cut_and_says_so():
    facts = [fact(f"hp.{number}", number, 0) for number in range(MOST_ROWS + 7)]
    (group,) = compare([("Settings", facts)]).groups
    assert (len(group.rows), group.cut) == (MOST_ROWS, 7)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON)
def test_every_json_value_can_be_compared_and_equals_itself(value):
    assert {canon(value)} == {canon(value)}


def test_equal_names_are_told_apart_by_the_first_detail_that_does():
    names = unlike_names(
        ["v7", "v7", "v8", "v8"], [("lab", "a"), ("lab", "b"), ("lab", "c"), ("eu", "d")]
    )
    assert names == ("v7 (a)", "v7 (b)", "v8 (lab)", "v8 (eu)")
