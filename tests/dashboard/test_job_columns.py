"""The columns of the jobs list: which are shown, and what stands in their cells."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from dashboard import columns
from tests.builders import NOON, a_connection, a_job, a_member, a_team

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]
HOSTILE = '"><script>alert(1)</script>\u202e💥' + "x" * 100


@pytest.fixture
def client(viewer) -> Client:
    return viewer


def shown(response) -> list[str]:
    return [column.name for column in response.context["page"].columns]


def test_the_usual_columns_gain_the_cost_where_a_row_has_one(client, lab) -> None:
    a_job(lab)
    assert shown(client.get("/jobs/")) == list(columns.USUAL)
    a_job(lab, cost_usd=3.611)
    response = client.get("/jobs/")
    assert shown(response) == list(columns.USUAL_WITH_COST)
    assert "<td>$3.61" in response.content.decode()


def test_the_address_chooses_columns_in_their_own_order(client, lab) -> None:
    a_job(lab)
    response = client.get("/jobs/?cols=changed,nonsense,method&cols=loss")
    assert shown(response) == ["loss", "method", "changed"]
    html = response.content.decode()
    assert '<input type="checkbox" name="cols" value="loss" checked>' in html
    assert '<input type="checkbox" name="cols" value="curve">' in html


def test_no_known_column_is_the_usual_ones(client, lab) -> None:
    a_job(lab)
    assert shown(client.get("/jobs/?cols=nonsense")) == list(columns.USUAL)


def test_every_column_says_what_is_known(client, lab) -> None:
    a_job(
        lab,
        state="succeeded",
        provider_id="ftjob-full",
        tags=" prod ",
        seed=42,
        train_loss=0.41,
        valid_loss=0.498,
        reward=0.75,
        best_valid_loss=0.471,
        cost_usd=0.004,
        training_file="file-t",
        trained_tokens=1_204_331,
        created_at=NOON,
        ended_at=NOON + timedelta(minutes=72),
    )
    every = ",".join(column.name for column in columns.CHOICES)
    html = client.get(f"/jobs/?cols={every}").content.decode()
    for cell in ("0.41", "0.498", "0.471", "0.75", "1.2\u2009M", "&lt;$0.01", "42", "1:12:00"):
        assert f"<td>{cell}<" in html
    for text in ("ftjob-full", "file-t", "gpt-4o-mini-2024-07-18", "Lab"):
        assert f'<span class="cut" title="{text}">{text}</span>' in html
    assert '<td><a class="tag" href="?tag=prod">prod</a>' in html


def test_what_is_not_known_is_a_dash_and_never_a_zero(client, lab) -> None:
    a_job(lab, method=None, created_at=None)
    every = ",".join(column.name for column in columns.CHOICES)
    html = client.get(f"/jobs/?cols={every}").content.decode()
    row = html[html.index('<tr id="r') :]
    assert row.count("<td>–") + row.count(">–</span>") >= 12
    assert "<td>0" not in row


def test_a_reason_takes_the_place_of_what_yields_to_it(client, lab) -> None:
    a_job(lab, state="failed", error_code="server_error")
    html = client.get("/jobs/?cols=curve,progress,cost,changed").content.decode()
    assert '<td class="why" colspan="2"><b>server_error</b>' in html
    html = client.get("/jobs/?cols=progress,changed").content.decode()
    assert '<td class="why"><b>' in html
    html = client.get("/jobs/?cols=cost,changed").content.decode()
    assert 'class="why"' not in html
    assert '<span class="code">server_error</span>' in html


@pytest.mark.parametrize("cols", [(), columns.USUAL, ("progress", "cost"), columns.STRIP])
def test_every_row_has_a_cell_for_each_column(cols) -> None:
    chosen = columns.chosen(cols, has_cost=False)
    spans = sum(column.yields for column in chosen) or 1
    team = a_team()
    job = a_job(a_connection(team), state="failed", error_code="x")
    client = Client()
    client.force_login(a_member(team))
    html = client.get(f"/jobs/?cols={','.join(cols)}").content.decode()
    row = html[html.index(f'<tr id="r{job.pk}"') : html.index("</tbody>", html.index('<tr id="r'))]
    extra = spans - 1 if 'class="why"' in row else 0
    assert row.count("<td") + row.count("<th") + extra == 2 + len(chosen)


def test_tags_stand_in_the_muted_line_where_they_have_no_column(client, lab) -> None:
    a_job(lab, tags=" a&b prod ")
    html = client.get("/jobs/").content.decode()
    assert '<a class="tag" href="?tag=a%26b">a&amp;b</a>' in html
    assert html.count('href="?tag=prod"') == 1
    assert client.get("/jobs/?cols=tags").content.decode().count('href="?tag=prod"') == 1


@pytest.mark.parametrize(
    ("metric", "cell"),
    [
        ("valid_loss", "<td>0.5"),
        ("full_valid_loss", "<td>0.5<small>full validation loss</small>"),
        ("train_mean_reward", "<td>0.5<small>training mean reward</small>"),
    ],
)
def test_a_figure_that_is_no_validation_loss_says_what_it_is(client, lab, metric, cell) -> None:
    a_job(lab, headline_metric=metric, headline_value=0.5)
    html = client.get("/jobs/?cols=curve,changed").content.decode()
    assert f"{cell}<td>" in html


def test_hostile_text_in_every_cell_is_escaped(client, lab) -> None:
    texts = ("suffix", "base_model", "training_file", "error_code", "error_message", "raw_status")
    width = {"raw_status": 80, "error_message": 500}
    facts = {name: HOSTILE[: width.get(name, 200)] for name in texts}
    for state in ("failed", "unknown"):
        a_job(lab, state=state, method=HOSTILE[:40], tags=f" {HOSTILE[:40]} ", **facts)
    every = ",".join(column.name for column in columns.CHOICES)
    for cols in ("", every):
        html = client.get(f"/jobs/?cols={cols}").content.decode()
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html


def test_the_sorted_column_says_so_and_losses_begin_with_the_best(client, lab) -> None:
    a_job(lab)
    html = client.get("/jobs/?cols=best,reward&sort=best").content.decode()
    assert html.count('aria-sort="ascending"') == 1
    assert "sort=-best" in html
    html = client.get("/jobs/?cols=best,reward").content.decode()
    assert "sort=best" in html
    assert "sort=-reward" in html


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("sort", "column"),
    [
        ("best", "best_valid_loss"),
        ("reward", "reward"),
        ("cost", "cost_usd"),
        ("loss", "valid_loss"),
    ],
)
def test_unknown_values_are_last_in_both_directions(client, lab, sort, column) -> None:
    for name, value in (("high", 2.0), ("none", None), ("low", 1.0)):
        a_job(lab, suffix=name, **{column: value})
    found = [
        [row.name for row in client.get(f"/jobs/?sort={way}{sort}").context["page"].rows]
        for way in ("", "-")
    ]
    assert found == [["low", "high", "none"], ["high", "low", "none"]]


def test_ticked_jobs_are_compared_in_their_order(client, lab, team) -> None:
    first, second = a_job(lab, provider_id="ftjob-1"), a_job(lab, provider_id="ftjob-2")
    theirs = a_job(a_connection(a_team()))
    ticked = [str(second.pk), str(theirs.pk), str(first.pk), str(second.pk)]
    answer = client.post("/jobs/compare/", {"job": ticked})
    assert answer.headers["Location"] == "/compare/?jobs=lab/ftjob-2,lab/ftjob-1"


@pytest.mark.parametrize(
    ("ticked", "status"), [([], 302), (["x"], 400), (["9" * 40], 400), (["-1"], 400), (["7"], 404)]
)
def test_what_is_no_job_of_the_team_is_not_compared(client, lab, ticked, status) -> None:
    assert client.post("/jobs/compare/", {"job": ticked}).status_code == status


def test_the_widths_are_those_of_the_stylesheet():
    text = (ROOT / "static" / "css" / "list.css").read_text()
    written = re.findall(r"& \.(for-[a-z]+) \{ inline-size: ([\d.]+)rem; \}", text)
    sizes = {name: float(size) for name, size in written if name != "for-state"}
    assert sizes == columns.WIDTHS


@pytest.mark.parametrize(
    ("names", "scrolls"),
    [
        (columns.USUAL_WITH_COST, False),  # 11 + 6.25 + 2 x 7.5 + 2 x 6.25 = 44.75
        (("curve", "tokens", "cost", "best", "model", "tags", "duration"), True),  # 62
        (("model", "connection", "id", "file"), False),  # 44
        (tuple(columns.BY_NAME), True),
    ],
)
def test_a_table_scrolls_before_the_names_lose_their_room(names, scrolls):
    assert columns.is_wide(columns.chosen(names, has_cost=True)) is scrolls
