"""docs/faults.md names tests that are there, and those it names run on both databases."""

import ast
import re
from functools import cache

import pytest

from tests.servers import ROOT

ROWS = re.findall(r"^\| (F\d+) \|(.*)\|$", (ROOT / "docs/faults.md").read_text(), re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`( \(SQLite\))?")
PROMISED = [3, 4, 5, 6, 7, 8, 9, 10, 12, *range(19, 28), 29, 30, 34]
NAMED = sorted({found for _, row in ROWS for found in TEST.findall(row)})
# A test of tests/alerts that has one of these runs on both, as its conftest says.
HOUSES = {"house", "open_house"}


@cache
def functions_of(name: str) -> tuple[ast.Module, dict[str, ast.FunctionDef]]:
    module = ast.parse((ROOT / "tests" / name).read_text())
    return module, {one.name: one for one in module.body if isinstance(one, ast.FunctionDef)}


def is_marked(name: str, test: str) -> bool:
    module, functions = functions_of(name)
    marks = [one.value for one in module.body if isinstance(one, ast.Assign) and is_pytestmark(one)]
    marks += functions[test].decorator_list
    is_of_a_house = name.startswith("alerts/") and HOUSES & needs(functions, test)
    return any("both_databases" in ast.unparse(mark) for mark in marks) or bool(is_of_a_house)


def is_pytestmark(line: ast.Assign) -> bool:
    return ast.unparse(line.targets[0]) == "pytestmark"


def needs(functions: dict[str, ast.FunctionDef], name: str) -> set[str]:
    """The fixtures of a test, and what those of its own module need."""
    if name not in functions:
        return set()
    asked = {each.arg for each in functions[name].args.args}
    return asked.union(*(needs(functions, each) for each in asked))


def test_every_row_that_runs_in_the_suite_is_there_once():
    assert [int(name[1:]) for name, _ in ROWS] == PROMISED


@pytest.mark.parametrize(("row", "text"), ROWS)
def test_every_row_names_a_test(row, text):
    assert TEST.findall(text)


@pytest.mark.parametrize(("name", "test", "where"), NAMED)
def test_a_test_that_is_named_exists_and_runs_where_it_says(name, test, where):
    assert test in functions_of(name)[1]
    assert is_marked(name, test) == (where == "")
