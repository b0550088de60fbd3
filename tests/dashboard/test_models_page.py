"""/models/: what may be used until when, in which order, and who is told of the end."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from dashboard.queries import models as register
from dashboard.queries.models import ModelFilter, models
from jobs.models import BaseModel, Catalog, Checkpoint, File
from tests.builders import a_channel, a_connection, a_job, a_member, a_rule, a_team

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOSTILE = '<img src=x onerror="alert(1)">\u202e\U0001f514' + "unbreakable" * 15


@pytest.fixture
def lab():
    return a_connection(a_team(), slug="lab", name="Lab")


def as_role(lab, role=Role.VIEWER) -> Client:
    client = Client()
    client.force_login(a_member(lab.team, role))
    return client


def made(lab, name, base="gpt-x", **facts):
    return a_job(
        lab, state="succeeded", suffix=name, base_model=base, fine_tuned_model=f"ft:{base}:{name}", **facts
    )  # fmt: skip


def retires(lab, base, days, **facts):
    day = timezone.now().date() + timedelta(days=days)
    return BaseModel.objects.create(
        connection=lab, name=base, first_seen_at=timezone.now(), **{"shutdown_on": day, **facts}
    )


def saved(job, step, **facts):
    return Checkpoint.objects.create(
        job=job, provider_id=f"ckpt-{step}", step=step,
        **{"model": f"{job.fine_tuned_model}:ckpt-step-{step}", "last_seen_at": timezone.now(), **facts},
    )  # fmt: skip


def page_of(lab, query=""):
    return models(lab.team, ModelFilter.read(QueryDict(query)), timezone.now())


def names(lab, query="") -> list[str]:
    return [row.name for row in page_of(lab, query).rows]


def text_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def lines_of(client, query="") -> list[dict[str, str]]:
    answer = client.get(f"/models/?format=csv&{query}")
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


@pytest.fixture
def five(lab):
    """One of each fate."""
    for base, days in (("far", 200), ("soon", 12), ("gone", -3), ("week", 0)):
        retires(lab, base, days)
    for base in ("far", "never", "gone", "soon", "week"):
        made(lab, f"on-{base}", base)


def test_the_soonest_to_retire_comes_first_and_what_is_retired_last(lab, five):
    rows = page_of(lab).rows
    assert [(row.name, row.end.word) for row in rows] == [
        ("on-week", "Retires today"),
        ("on-soon", "Retires in 12 d"),
        ("on-far", "Retires in 200 d"),
        ("on-never", "Not announced"),
        ("on-gone", "Retired"),
    ]
    assert [row.end.look for row in rows] == ["paused", "paused", "queued", "unknown", "failed"]
    assert names(lab, "sort=-shutdown") == [row.name for row in reversed(rows)]


def test_counts_stand_at_each_span_and_lead_to_their_rows(lab, five):
    chips = {chip.value: chip.count for chip in page_of(lab).chips}
    assert chips == {"": 5, "7": 1, "30": 2, "90": 2, "none": 1, "past": 1}
    for value, count in chips.items():
        assert len(names(lab, f"days={value}")) == count
    assert names(lab, "days=past") == ["on-gone"]


def test_counts_follow_the_search(lab, five):
    page = page_of(lab, "q=on-soon&days=7")
    assert {chip.value: chip.count for chip in page.chips if chip.count} == {
        "": 1,
        "30": 1,
        "90": 1,
    }
    assert page.rows == ()


def test_the_verdict_names_what_ends_first(lab, five):
    assert page_of(lab).verdict == (
        "5 jobs with models: 2 retire within 90 days, week first, today; 1 retired."
    )


def test_without_a_near_end_the_verdict_says_so(lab):
    made(lab, "v1")
    assert page_of(lab).verdict == ("1 job with models: none is known to retire within 90 days.")


@pytest.mark.parametrize(
    "sort",
    [f"{sign}{name}" for sign in ("", "-") for name in ("shutdown", "created", "name", "best")],
)
def test_page_by_page_every_model_comes_once(lab, monkeypatch, sort):
    monkeypatch.setattr(register, "LIMIT", 2)
    retires(lab, "soon", 5)
    for number in range(7):
        loss = None if number % 3 else 0.5
        made(lab, f"v{number}", "soon" if number % 2 else "never", best_valid_loss=loss)
    seen, after = [], ""
    while after is not None:
        page = page_of(lab, f"sort={sort}&after={after}")
        seen += [row.name for row in page.rows]
        after = page.next_after
    assert sorted(seen) == [f"v{number}" for number in range(7)]
    monkeypatch.setattr(register, "LIMIT", 50)
    assert seen == names(lab, f"sort={sort}")


def test_models_are_sorted_by_name_age_and_loss(lab):
    for name, loss, days in (("b", None, 1), ("a", 0.9, 2), ("c", 0.1, 3)):
        made(lab, name, best_valid_loss=loss, created_at=timezone.now() - timedelta(days=days))
    assert names(lab, "sort=name") == ["a", "b", "c"]
    assert names(lab, "sort=-created") == ["b", "a", "c"]
    assert names(lab, "sort=best") == ["c", "a", "b"]
    assert names(lab, "sort=-best") == ["a", "c", "b"]


@pytest.mark.parametrize("q", ["ft:gpt-x:v1", "V1", "ftjob-the-one", "ckpt-step-40"])
def test_a_model_is_found_by_any_of_its_names(lab, q):
    made(lab, "other")
    saved(made(lab, "v1", provider_id="ftjob-the-one"), 40)
    assert names(lab, f"q={q}") == ["v1"]


def test_models_of_one_base_model_include_those_trained_further(lab):
    retires(lab, "gpt-x", 10)
    made(lab, "first")
    made(lab, "second", "ft:gpt-x:first")
    made(lab, "other", "gpt-y")
    assert sorted(names(lab, "base=gpt-x")) == ["first", "second"]
    assert {row.end.days for row in page_of(lab, "base=gpt-x").rows} == {10}
    assert page_of(lab).bases == ("gpt-x", "gpt-y")


def test_jobs_without_a_model_and_those_of_others_are_not_listed(lab):
    a_job(lab, state="failed")
    a_job(lab, state="running", fine_tuned_model="")
    made(lab, "archived", archived_at=timezone.now())
    made(a_connection(lab.team, archived_at=timezone.now()), "of a connection that is gone")
    made(a_connection(), "of another team")
    assert page_of(lab).everything == 0


def test_a_job_that_left_only_checkpoints_is_listed_too(lab):
    job = a_job(lab, state="cancelled", suffix="stopped")
    saved(job, 100, model="ft:gpt-x:ckpt-100")
    (row,) = page_of(lab).rows
    assert (row.model, [one.model for one in row.checkpoints]) == ("", ["ft:gpt-x:ckpt-100"])
    assert "Checkpoints only" in text_of(as_role(lab).get("/models/"))


def test_a_checkpoint_says_whether_the_provider_still_listed_it(lab):
    now = timezone.now()
    job = made(lab, "v1", checkpoints_read_at=now)
    saved(job, 100, last_seen_at=now - timedelta(days=2), metrics={"valid_loss": 0.75})
    saved(job, 200, last_seen_at=now, metrics={"valid_loss": 0.5, "full_valid_loss": 0.25})
    saved(job, 300, model=job.fine_tuned_model)  # the last one is the model itself
    (row,) = page_of(lab).rows
    assert [(one.step, one.loss, one.is_listed) for one in row.checkpoints] == [
        (200, 0.25, True),
        (100, 0.75, False),
    ]
    shown = text_of(as_role(lab).get("/models/"))
    assert "validation loss 0.75, no longer listed, last 2 d ago" in shown


def test_a_day_set_by_hand_is_marked_beside_the_provider_s_own(lab):
    by_hand = timezone.now().date() + timedelta(days=40)
    retires(lab, "gpt-x", 80, shutdown_on_by_hand=by_hand)
    made(lab, "v1")
    (row,) = page_of(lab).rows
    assert (row.end.on, row.end.is_by_hand) == (by_hand, True)
    shown = text_of(as_role(lab).get("/models/"))
    assert f"{by_hand} , set by hand; the provider says {by_hand + timedelta(days=40)}" in shown


def test_it_says_when_the_provider_was_asked(lab):
    made(lab, "v1")
    assert "never checked" in text_of(as_role(lab).get("/models/"))
    Catalog.objects.create(connection=lab, read_at=timezone.now() - timedelta(hours=7))
    assert "checked 7 h ago" in text_of(as_role(lab).get("/models/"))


def test_a_row_leads_to_its_job_and_the_hash_of_its_file(lab):
    job = made(lab, "v1", result_files=["file-1", {"odd": 1}, "file-2"])
    File.objects.create(connection=lab, provider_id="file-2", sha256="ab" * 32)
    File.objects.create(connection=a_connection(), provider_id="file-1", sha256="cd" * 32)
    (row,) = page_of(lab).rows
    assert (row.url, row.hashes) == (f"/jobs/lab/{job.provider_id}/", ("ab" * 32,))
    assert f'href="{row.url}#files"' in as_role(lab).get("/models/").content.decode()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"best_valid_loss": 0.5, "reward": 1.0}, ("best validation loss", 0.5)),
        ({"reward": 0.0, "train_loss": 0.3}, ("reward", 0.0)),
        ({"train_loss": 0.3}, ("training loss", 0.3)),
        ({}, ("", None)),
    ],
)
def test_the_best_figure_is_named(lab, facts, expected):
    made(lab, "v1", **facts)
    (row,) = page_of(lab).rows
    assert (row.figure_label, row.figure) == expected


# Who is told


def test_each_base_model_that_retires_says_how_many_models_and_channels(lab):
    eu = a_connection(lab.team, slug="eu", name="EU")
    for connection in (lab, eu):
        retires(connection, "gpt-x", 20)
        made(connection, "v1")
    made(lab, "v2", "ft:gpt-x:v1")
    rule = a_rule(a_channel(lab.team), a_channel(lab.team, is_enabled=False), states=["retiring"])
    rule.connections.add(lab)
    soon = page_of(lab).retirements
    rows = [(row.end.connection.name, row.models, row.told) for row in soon.rows]
    assert rows == [("EU", 1, 0), ("Lab", 2, 1)]
    assert soon.is_deaf is False


@pytest.mark.parametrize(
    "facts", [{"states": ["failed"]}, {"states": ["retiring"], "is_enabled": False}]
)
def test_when_no_rule_speaks_of_retirements_nobody_is_told(lab, facts):
    retires(lab, "gpt-x", 20)
    made(lab, "v1")
    a_rule(a_channel(lab.team), **facts)
    assert page_of(lab).retirements.is_deaf
    editor, viewer = (as_role(lab, role).get("/models/") for role in (Role.EDITOR, Role.VIEWER))
    assert "Nobody is told when a base model retires." in text_of(viewer)
    assert ["/alerts/rules/add/" in one.content.decode() for one in (editor, viewer)] == [
        True,
        False,
    ]


def test_a_missing_rule_is_one_press_away(lab):
    retires(lab, "gpt-x", 20), retires(lab, "gpt-y", 30)
    made(lab, "v1"), made(lab, "v2", "gpt-y")
    editor, viewer = as_role(lab, Role.EDITOR), as_role(lab)
    every, one = "/alerts/rules/add/?when=retiring", "/alerts/rules/add/?when=retiring&amp;model="
    assert f'href="{every}"' in editor.get("/models/").content.decode()
    a_rule(a_channel(lab.team), states=["retiring"], base_models=["gpt-y"])
    shown = editor.get("/models/").content.decode()
    assert [f'href="{one}{name}"' in shown for name in ("gpt-x", "gpt-y")] == [True, False]
    assert "rules/add" not in viewer.get("/models/").content.decode()
    form = editor.get(f"{every}&model=gpt-x").context["form"]
    assert (form["states"].value(), form["base_models"].value()) == (["retiring"], "gpt-x")


def test_what_retires_later_or_never_is_not_in_the_summary(lab):
    retires(lab, "far", 91)
    retires(lab, "gone", -1)
    for base in ("far", "gone", "never"):
        made(lab, f"on-{base}", base)
    assert page_of(lab).retirements.rows == ()


# CSV


def test_the_csv_has_a_line_for_each_model_and_checkpoint(lab):
    retires(lab, "gpt-x", 12)
    job = made(lab, "v1", best_valid_loss=0.5, trained_tokens=1000, method="supervised")
    saved(job, 100, metrics={"valid_loss": 0.75})
    model, checkpoint = lines_of(as_role(lab))
    assert model | {"kind": "fine-tuned model", "model": "ft:gpt-x:v1"} == model
    assert (model["days_left"], model["best_valid_loss"], model["trained_tokens"]) == (
        "12",
        "0.5",
        "1000",
    )
    assert (checkpoint["kind"], checkpoint["step"], checkpoint["is_listed"]) == (
        "checkpoint",
        "100",
        "true",
    )
    assert (checkpoint["best_valid_loss"], checkpoint["trained_tokens"]) == ("0.75", "")


def test_the_csv_holds_all_that_the_filter_shows_in_its_order(lab, five, monkeypatch):
    monkeypatch.setattr(register, "PORTION", 2)
    shown = [line["suffix"] for line in lines_of(as_role(lab), "sort=shutdown")]
    assert shown == names(lab)
    assert [line["suffix"] for line in lines_of(as_role(lab), "days=past")] == ["on-gone"]


def test_no_cell_of_the_csv_is_a_formula(lab):
    a_job(
        lab, state="succeeded", suffix="=HYPERLINK(1)", fine_tuned_model="@SUM(1)", base_model="+1"
    )
    (line,) = lines_of(as_role(lab))
    assert [line[name] for name in ("model", "suffix", "base_model")] == [
        "'@SUM(1)",
        "'=HYPERLINK(1)",
        "'+1",
    ]


def test_the_csv_of_nothing_has_its_titles(lab):
    answer = as_role(lab).get("/models/?format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="tunebell-models-' in answer.headers["Content-Disposition"]
    assert b"".join(answer.streaming_content).startswith(b'"kind","model","step"')
    assert as_role(lab).head("/models/?format=csv").content == b""


# The page


def test_an_empty_page_says_when_models_appear(lab):
    shown = text_of(as_role(lab).get("/models/"))
    assert "No fine-tuned model yet." in shown
    assert "Models appear when a job succeeds" in shown


def test_a_filter_without_hits_offers_the_way_back(lab):
    made(lab, "v1")
    shown = text_of(as_role(lab).get("/models/?q=nothing"))
    assert "Shown: “nothing”." in shown
    assert "Show all models" in shown


@pytest.mark.parametrize(
    "query",
    ["days=8", "days=-1", "sort=password", "sort=--name", "after=x", "after=" + "9" * 400, "q=" + "x" * 9000,
     "q=%25", "base=%F0%9F%94%94%E2%80%AE", "after=12345678-1234-4234-8234-123456789abc", "format=exe"],
)  # fmt: skip
def test_whatever_the_address_says_there_is_a_page(lab, query):
    made(lab, "v1")
    assert as_role(lab).get(f"/models/?{query}").status_code == 200


def test_hostile_names_harm_nothing(lab):
    job = a_job(
        lab, state="succeeded", suffix=HOSTILE, base_model=HOSTILE, fine_tuned_model=HOSTILE, method=HOSTILE[:40]
    )  # fmt: skip
    saved(job, 1, model=f"{HOSTILE} 1", metrics={"valid_loss": "low"})
    retires(lab, HOSTILE, 5)
    body = as_role(lab).get("/models/").content.decode()
    assert "<img" not in body
    assert body.count("&lt;img src=x") >= 4
