"""/jobs/<connection>/<job>/: everything the provider said, in its place."""

import re
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from alerts.models import Attempt
from jobs.models import Checkpoint, Event, Job, Point, Snapshot, Transition
from tests.builders import (
    NOON,
    a_channel,
    a_delivery,
    a_job,
    a_member,
    a_team,
    a_transition,
)
from tests.dashboard.job_pages import BARE, a_result_file, page_of, seen, some_events, words_of

pytestmark = pytest.mark.django_db
SPEC = Path(__file__).parents[3] / "shared" / "spec" / "openai-finetuning.yaml"
PARTS = (
    *("", "events/", "timeline/", "changes/", "raw/", "markdown/"),
    *("files/file-r/", "files/file-r/preview/"),
)
METHODS = ("supervised", "dpo", "reinforcement")


class Unique:
    """A value of its own for each leaf of a schema, remembered to be looked for."""

    def __init__(self, schemas: dict[str, Any], method: str) -> None:
        self.schemas, self.method = schemas, method
        self.numbers = count(1_700_000_001)
        self.leaves: list[tuple[str, str]] = []

    def fill(self, schema: dict[str, Any], path: str) -> Any:
        if "$ref" in schema:
            return self.fill(self.schemas[schema["$ref"].rsplit("/", 1)[1]], path)
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema:
                options = [one for one in schema[word] if one.get("type") != "null"]
                plain = [one for one in options if "enum" not in one or len(one["enum"]) > 1]
                return self.fill((plain or options)[-1], path)
        if "properties" in schema or schema.get("type") == "object":
            return self.fill_object(schema, path)
        if schema.get("type") == "array":
            return [self.fill(schema["items"], f"{path}.0")]
        return self.leaf(schema, path)

    def fill_object(self, schema: dict[str, Any], path: str) -> dict[str, Any]:
        members = schema.get("properties", {})
        others = (
            {name for name in METHODS if name != self.method} if path == "job.method" else set()
        )
        filled = {
            name: self.fill(member, f"{path}.{name}")
            for name, member in members.items()
            if name not in others and path.count(".") < 9
        }
        if not members:
            filled["note"] = self.leaf({"type": "string"}, f"{path}.note")
        return filled

    def leaf(self, schema: dict[str, Any], path: str) -> Any:
        if path == "job.method.type":
            value: Any = self.method
        elif len(schema.get("enum", ())) >= 1:
            value = schema["enum"][0]
        elif schema.get("type") == "boolean":
            value = True
        elif schema.get("type") in {"integer", "number"}:
            value = next(self.numbers)
        else:
            value = f"v{next(self.numbers)}"
        self.leaves.append((path, str(value)))
        return value


@pytest.mark.parametrize("grader", range(5))
@pytest.mark.parametrize("method", METHODS)
def test_every_leaf_of_the_specification_is_on_the_page(viewer, lab, method, grader) -> None:
    schemas = yaml.safe_load(SPEC.read_text())["components"]["schemas"]
    block = schemas["FineTuneReinforcementMethod"]["properties"]["grader"]
    (word,) = {"anyOf", "oneOf"} & set(block)
    block[word] = [block[word][grader]]
    unique = Unique(schemas, method)
    raw = unique.fill(schemas["FineTuningJob"], "job")
    assert len(unique.leaves) > 25
    shown = page_of(viewer, seen(lab, raw))
    own, _, _ = shown.partition('<section class="section" id="raw"')
    times = {"job.created_at", "job.finished_at", "job.estimated_finish"}
    text, whole = words_of(own).replace("\u2009", ""), words_of(shown)
    assert [leaf for leaf in unique.leaves if leaf[0] not in times and leaf[1] not in text] == []
    assert [leaf for leaf in unique.leaves if leaf[1] not in whole] == []


@pytest.mark.parametrize("error", [{}, None, {"code": None, "message": None, "param": None}])
def test_an_empty_error_is_no_error(viewer, lab, error) -> None:
    html = page_of(viewer, seen(lab, {**BARE, "error": error}))
    assert "The provider reports an error" not in html
    assert "Why it failed" not in html


def test_what_is_absent_is_a_dash(viewer, lab) -> None:
    html = words_of(page_of(viewer, seen(lab, BARE)))
    for label in ("Fine-tuned model", "Seed", "Organization", "Finished", "Estimated finish"):
        assert re.search(rf"{label}\s+–", html), label


def test_an_unknown_status_shows_its_own_word(viewer, lab) -> None:
    html = page_of(viewer, seen(lab, {**BARE, "status": "awaiting_review"}))
    assert html.count("awaiting_review") > 2


def test_auto_stands_beside_what_it_became(viewer, lab) -> None:
    job = seen(lab, {**BARE, "hyperparameters": {"n_epochs": "auto"}})
    Job.objects.filter(pk=job.pk).update(hyperparameters={"n_epochs": 3})
    assert re.search(r"n_epochs\s+auto\s+auto →\s+3", words_of(page_of(viewer, job)))


def test_hostile_text_is_inert(viewer, lab) -> None:
    hostile = "<script>alert(1)</script>"
    raw = {
        **BARE,
        "metadata": {hostile: hostile},
        "user_provided_suffix": hostile,
        "x": "</script>" + hostile,
    }
    assert "<script>alert" not in page_of(viewer, seen(lab, raw))


def test_a_curve_that_is_zero_throughout_is_told_in_one_line(viewer, lab) -> None:
    job = a_job(lab)
    name = "mean_unresponsive_rewards"
    Point.objects.create(job=job, metric=name, step=1, value=0.0, source=1, seen_at=NOON)
    html = page_of(viewer, job)
    assert "Left out, 0 throughout: Mean unresponsive rewards." in html
    assert "No metrics yet" not in html
    assert "<metric-chart" not in html


def test_nested_numbers_are_rows_in_a_fold_and_no_charts(viewer, lab) -> None:
    job = a_job(lab)
    name = "errors/graders/exact/train_other_error_count"
    Point.objects.create(job=job, metric=name, step=1, value=2.0, source=1, seen_at=NOON)
    html = page_of(viewer, job)
    assert "1 more number, as the provider nests them" in html
    assert '<th scope="row">Training other errors</th><td>exact</td>' in html
    assert "No metrics yet" not in html
    assert "<metric-chart" not in html


def test_curves_come_with_a_sentence_a_table_and_their_data(viewer, lab) -> None:
    job = a_job(lab)
    for step in (1, 2, 3):
        Point.objects.create(
            job=job, metric="train_loss", step=step, value=3.0 / step, source=1, seen_at=NOON
        )
    html = page_of(viewer, job)
    assert "Training loss 3 → 1 over 3 steps" in html
    assert 'type="application/json"' in html
    assert re.search(
        r"<th scope=\"row\" class=\"number\">2</th>\s*<td class=\"number\">1.5</td>", html
    )


def test_an_rft_job_shows_rewards_and_no_empty_loss_panel(viewer, lab) -> None:
    job = a_job(lab, method="reinforcement", reward=0.8)
    for step in (1, 2):
        Point.objects.create(
            job=job, metric="train_mean_reward", step=step, value=step, source=1, seen_at=NOON
        )
    page = viewer.get(f"/jobs/lab/{job.provider_id}/").context["page"]
    assert [chart.name for chart in page.metrics.charts] == ["reward"]
    assert "Reward" in [figure.label for figure in page.figures]


def test_a_reward_is_named_by_what_it_was_measured_on(viewer, lab) -> None:
    measured = {"reward": 0.0, "headline_metric": "full_valid_mean_reward"}
    job = a_job(lab, method="reinforcement", **measured)
    page = viewer.get(f"/jobs/lab/{job.provider_id}/").context["page"]
    assert ("Validation reward", "0") in [(one.label, one.value) for one in page.figures]


def test_what_came_of_a_job_stands_before_its_figures_and_these_before_any_button(lab) -> None:
    job = a_job(lab, state="succeeded", fine_tuned_model="ft:m:acme", valid_loss=0.5)
    editor = Client()
    editor.force_login(a_member(lab.team, Role.EDITOR))
    html = page_of(editor, job)
    wanted = ('id="overview"', "Fine-tuned model", "ft:m:acme", "Validation loss", "Poll now")
    places = [html.index(text) for text in wanted]
    assert places == sorted(places)
    assert html.index("Compare with") > places[-1]


def test_alerts_sent_are_listed_with_their_answer(viewer, lab, team) -> None:
    editor = Client()
    editor.force_login(a_member(team, Role.EDITOR))
    transition = a_transition(a_job(lab, state="failed"))
    delivery = a_delivery(a_channel(team, name="#ml"), transition, state="sent", sent_at=NOON)
    Attempt.objects.create(
        delivery=delivery, is_sent=True, status_code=204, answer="thanks", duration_ms=9
    )
    row = r"Failed\s+#ml\s+webhook\s+Sent\s+1\s+204"
    assert re.search(rf"{row}\s+thanks", words_of(page_of(editor, transition.job)))
    assert re.search(rf"{row}(?!\s+thanks)", words_of(page_of(viewer, transition.job)))


def test_an_editor_sends_an_alert_again_and_is_back_at_the_job(lab, team) -> None:
    editor = Client()
    editor.force_login(a_member(team, Role.EDITOR))
    transition = a_transition(a_job(lab, state="failed"))
    delivery = a_delivery(a_channel(team), transition, state="dead", reason="no")
    address = f"/alerts/deliveries/{delivery.key}/resend/?back=job"
    assert address in page_of(editor, transition.job)
    gone = editor.post(address).headers["Location"]
    delivery.refresh_from_db()
    assert gone == f"/jobs/lab/{transition.job.provider_id}/#alerts"
    assert delivery.state == "pending"


def test_a_viewer_is_offered_no_resend(viewer, lab, team) -> None:
    transition = a_transition(a_job(lab, state="failed"))
    a_delivery(a_channel(team), transition, state="dead")
    assert "/resend/" not in page_of(viewer, transition.job)


def test_a_resend_without_a_job_leads_to_the_log(team) -> None:
    editor = Client()
    editor.force_login(a_member(team, Role.EDITOR))
    delivery = a_delivery(a_channel(team), state="dead")
    type(delivery).objects.filter(pk=delivery.pk).update(transition=None)
    answer = editor.post(f"/alerts/deliveries/{delivery.key}/resend/?back=job")
    assert answer.headers["Location"] == "/alerts/deliveries/"


def test_a_settled_job_asks_for_nothing_more(viewer, lab) -> None:
    job = a_job(lab, state="succeeded", ended_at=NOON)
    assert "hx-get" in page_of(viewer, job)
    Job.objects.filter(pk=job.pk).update(settled_at=NOON)
    assert "hx-get" not in page_of(viewer, job)


def test_a_quiet_poll_of_a_job_is_a_304(viewer, lab) -> None:
    job = a_job(lab)
    address = f"/jobs/lab/{job.provider_id}/"
    tag = viewer.get(address).headers["HX-PTag"]
    with CaptureQueriesContext(database) as queries:
        quiet = viewer.get(address, headers={"HX-Request": "true", "HX-PTag": tag})
    assert (quiet.status_code, len(queries)) == (304, 3)
    Job.objects.filter(pk=job.pk).update(version=9)
    moved = viewer.get(address, headers={"HX-Request": "true", "HX-PTag": tag})
    assert moved.content.strip().startswith(b'<div id="job"')


def test_queries_do_not_grow_with_what_a_job_has(viewer, lab) -> None:
    job = a_job(lab, result_files=["a", "b", "c"])
    counts = []
    for more in (2, 40):
        some_events_of(job, more)
        with CaptureQueriesContext(database) as queries:
            page_of(viewer, job)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 25


def some_events_of(job: Job, number: int) -> None:
    Event.objects.all().delete()
    some_events(job, number)
    for n in range(number):
        Point.objects.get_or_create(
            job=job,
            metric="train_loss",
            step=n,
            defaults={"value": 1, "source": 1, "seen_at": NOON},
        )
        Checkpoint.objects.get_or_create(
            job=job, provider_id=f"c{n}", defaults={"step": n, "metrics": {"train_loss": 1}}
        )
        Snapshot.objects.create(
            job=job,
            source="list",
            body=orjson.dumps({"id": n}).decode(),
            fingerprint=f"{number}{n}",
            first_seen_at=NOON,
            last_seen_at=NOON,
            is_newest=False,
        )
        Transition.objects.create(connection=job.connection, job=job, to_state="running")


@pytest.mark.parametrize("path", PARTS)
def test_a_job_of_another_team_does_not_exist(lab, path) -> None:
    job = a_result_file(lab)
    stranger = Client()
    stranger.force_login(a_member(a_team()))
    assert stranger.get(f"/jobs/lab/{job.provider_id}/{path}").status_code == 404


def test_a_job_gone_at_the_provider_keeps_its_page(viewer, lab) -> None:
    job = a_job(lab, is_missing=True, missing_since=NOON)
    assert "Gone at the provider" in page_of(viewer, job)


def test_the_theme_is_stored_and_sent_with_the_page(viewer, lab) -> None:
    response = viewer.post("/theme/", {"theme": "dark", "next": "https://evil.example/"})
    assert response.headers["Location"] == "/jobs/"
    assert 'data-theme="dark"' in viewer.get("/jobs/").content.decode()
    assert viewer.post("/theme/", {"theme": "pink"}).status_code == 400


def test_every_component_is_in_the_style_guide(team) -> None:
    admin = Client()
    admin.force_login(a_member(team, Role.ADMIN))
    response = admin.get("/styleguide/")
    used = {template.name for template in response.templates}
    folder = Path(__file__).parents[2] / "templates" / "components"
    frame_only = {"live", "messages", "form_errors", "live_bar", "chart_head"}
    expected = {
        f"components/{path.name}" for path in folder.glob("*.html") if path.stem not in frame_only
    }
    assert expected - used == set()
