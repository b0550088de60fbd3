"""/compare/ with a row a job: the table is sorted by any of its columns."""

import csv
import io
import runpy
from urllib.parse import urlencode

import pytest

from dashboard.queries.compare_asked import MOST_ROWS, Asked
from jobs.refs import Ref
from tests.builders import a_job
from tests.servers import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(lab) -> str:
    """Of a table of four jobs, one of which says nothing of its result."""
    losses = {"beta": 0.4, "Alpha": 0.9, "delta": None, "gamma": 0.1}
    jobs = [a_job(lab, suffix=name, best_valid_loss=loss) for name, loss in losses.items()]
    refs = ",".join(f"lab/{job.provider_id}" for job in jobs)
    return f"/compare/?jobs={refs}&view=table"


def page_at(viewer, address):
    return viewer.get(address).context["page"]


def pressed(viewer, page, head):
    """What the button of a title sends."""
    sent = {**dict(page.asked.kept_by_order), "sort": head(page).value}
    return viewer.get("/compare/", sent).context["page"]


def names(page) -> list[str]:
    return [row.job.name for row in page.wide_rows]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "beta Alpha delta gamma"),
        ("best_valid_loss", "gamma beta Alpha delta"),
        ("-best_valid_loss", "Alpha beta gamma delta"),
        ("job", "Alpha beta delta gamma"),
        ("-job", "gamma delta beta Alpha"),
        ("no-such-fact", "beta Alpha delta gamma"),
        ("-", "beta Alpha delta gamma"),
    ],
)
def test_rows_stand_in_the_order_of_a_column_and_the_unknown_last(viewer, address, sort, order):
    assert names(page_at(viewer, f"{address}&sort={sort}")) == order.split()


def test_a_title_sorts_by_the_best_first_and_then_turns_it_round(viewer, address):
    def head(page):
        return next(one for one in page.wide_heads if one.label == "Validation loss, lowest")

    first = pressed(viewer, page_at(viewer, address), head)
    second = pressed(viewer, first, head)
    assert [names(page)[0] for page in (first, second)] == ["gamma", "Alpha"]
    assert [head(page).aria_sort for page in (first, second)] == ["ascending", "descending"]
    assert first.sorted_by == "Validation loss, lowest"


def test_the_download_has_the_order_of_the_page(viewer, address):
    page = page_at(viewer, f"{address}&sort=best_valid_loss")
    written = viewer.get(page.csv_url).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(written)))
    assert [row["name"] for row in rows] == names(page)
    assert rows[0]["job"].startswith("lab/")


def test_columns_need_no_order(viewer, address):
    page = page_at(viewer, page_at(viewer, f"{address}&sort=job").other_view_url)
    assert "sort" not in page.change_url


def test_titles_do_not_repeat_the_names_of_all_jobs(viewer, address):
    assert viewer.get(address).content.count(b"&amp;sort=") == 0


def test_the_server_takes_the_address_of_as_many_jobs_as_a_table_holds():
    jobs = (Ref("openai-production", f"ftjob-{number:024}") for number in range(MOST_ROWS))
    kept = Asked(refs=tuple(jobs), is_table=True, only_differences=True).kept_by_order
    line = f"GET /compare/?{urlencode([*kept, ('sort', '-best_valid_loss')])} HTTP/1.1"
    assert len(line) <= runpy.run_path(str(ROOT / "gunicorn.conf.py"))["limit_request_line"]
