"""/jobs/<connection>/<job>/: everything the provider said, in its place."""

import base64
import hashlib
import json
import re
import zlib
from datetime import timedelta
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from django.db import connection as database
from django.db import transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role, Team
from alerts.models import Attempt
from dashboard.downloads import disposition
from jobs import record
from jobs.models import Checkpoint, Connection, Event, File, Job, Point, Snapshot, Transition
from providers import wire
from tests.builders import (
    NOON,
    a_channel,
    a_connection,
    a_delivery,
    a_job,
    a_member,
    a_team,
    a_transition,
)

pytestmark = pytest.mark.django_db
SPEC = Path(__file__).parents[3] / "shared" / "spec" / "openai-finetuning.yaml"
METHODS = ("supervised", "dpo", "reinforcement")


@pytest.fixture
def team() -> Team:
    return a_team()


@pytest.fixture
def client(team) -> Client:
    client = Client()
    client.force_login(a_member(team, Role.VIEWER))
    return client


@pytest.fixture
def lab(team) -> Connection:
    return a_connection(team, slug="lab", name="Lab", health="ok")


def seen(lab: Connection, raw: dict[str, Any]) -> Job:
    """A job as one poll that answered `raw` leaves it."""
    job = a_job(lab, provider_id=raw["id"], state="unknown", suffix=None, method=None, version=0)
    element, read = wire.read_element(raw), wire.read_job(raw)
    assert isinstance(element, wire.Element)
    assert isinstance(read, wire.Job)
    with transaction.atomic():
        sighting = record.Sighting(element, read, Snapshot.Source.RETRIEVE, timezone.now())
        known = Job.objects.select_related("connection").get(pk=job.pk)
        record.apply(known, sighting)
        known.save()
    return known


def page_of(client: Client, job: Job, path: str = "") -> str:
    response = client.get(f"/jobs/{job.connection.slug}/{job.provider_id}/{path}")
    assert response.status_code == 200
    return response.content.decode()


def words_of(html: str) -> str:
    """What is read on the page: without tags, with the text of `pre` as it is."""
    return unescape(re.sub(r"<[^>]+>", " ", html))


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
def test_every_leaf_of_the_specification_is_on_the_page(client, lab, method, grader) -> None:
    schemas = yaml.safe_load(SPEC.read_text())["components"]["schemas"]
    block = schemas["FineTuneReinforcementMethod"]["properties"]["grader"]
    (word,) = {"anyOf", "oneOf"} & set(block)
    block[word] = [block[word][grader]]
    unique = Unique(schemas, method)
    raw = unique.fill(schemas["FineTuningJob"], "job")
    assert len(unique.leaves) > 25
    shown = page_of(client, seen(lab, raw))
    own, _, _ = shown.partition('<section class="section" id="raw"')
    times = {"job.created_at", "job.finished_at", "job.estimated_finish"}
    text, whole = words_of(own).replace("\u2009", ""), words_of(shown)
    assert [leaf for leaf in unique.leaves if leaf[0] not in times and leaf[1] not in text] == []
    assert [leaf for leaf in unique.leaves if leaf[1] not in whole] == []


BARE = {"id": "ftjob-bare", "object": "fine_tuning.job", "status": "running", "model": "m"}


@pytest.mark.parametrize("error", [{}, None, {"code": None, "message": None, "param": None}])
def test_an_empty_error_is_no_error(client, lab, error) -> None:
    html = page_of(client, seen(lab, {**BARE, "error": error}))
    assert "The provider reports an error" not in html
    assert "Why it failed" not in html


def test_what_is_absent_is_a_dash(client, lab) -> None:
    html = words_of(page_of(client, seen(lab, BARE)))
    for label in ("Fine-tuned model", "Seed", "Organization", "Finished", "Estimated finish"):
        assert re.search(rf"{label}\s+–", html), label


def test_an_unknown_status_shows_its_own_word(client, lab) -> None:
    html = page_of(client, seen(lab, {**BARE, "status": "awaiting_review"}))
    assert html.count("awaiting_review") > 2


def test_auto_stands_beside_what_it_became(client, lab) -> None:
    job = seen(lab, {**BARE, "hyperparameters": {"n_epochs": "auto"}})
    Job.objects.filter(pk=job.pk).update(hyperparameters={"n_epochs": 3})
    assert re.search(r"n_epochs\s+auto\s+auto →\s+3", words_of(page_of(client, job)))


FAILED = {
    **BARE,
    "status": "failed",
    "error": {
        "code": "invalid_training_file",
        "message": "Example 6174 is bad",
        "param": "training_file",
    },
}


def test_a_failed_job_shows_cause_and_next_step_first(client, lab) -> None:
    job = seen(lab, FAILED)
    Event.objects.create(
        job=job, provider_id="e", level="error", message="Bad token", created_at=NOON
    )
    html = words_of(page_of(client, job))
    places = [
        html.index(text)
        for text in ("Why it failed", "Example 6174 is bad", "line 6174", "Bad token")
    ]
    assert places == sorted(places)
    assert places[-1] < html.index("Overview")


def test_hostile_text_is_inert(client, lab) -> None:
    hostile = "<script>alert(1)</script>"
    raw = {
        **BARE,
        "metadata": {hostile: hostile},
        "user_provided_suffix": hostile,
        "x": "</script>" + hostile,
    }
    assert "<script>alert" not in page_of(client, seen(lab, raw))


def test_a_curve_that_is_zero_throughout_is_told_in_one_line(client, lab) -> None:
    job = a_job(lab)
    name = "mean_unresponsive_rewards"
    Point.objects.create(job=job, metric=name, step=1, value=0.0, source=1, seen_at=NOON)
    html = page_of(client, job)
    assert "Left out, 0 throughout: Mean unresponsive rewards." in html
    assert "No metrics yet" not in html
    assert "<metric-chart" not in html


def test_nested_numbers_are_rows_in_a_fold_and_no_charts(client, lab) -> None:
    job = a_job(lab)
    name = "errors/graders/exact/train_other_error_count"
    Point.objects.create(job=job, metric=name, step=1, value=2.0, source=1, seen_at=NOON)
    html = page_of(client, job)
    assert "1 more number, as the provider nests them" in html
    assert '<th scope="row">Training other errors</th><td>exact</td>' in html
    assert "No metrics yet" not in html
    assert "<metric-chart" not in html


def test_curves_come_with_a_sentence_a_table_and_their_data(client, lab) -> None:
    job = a_job(lab)
    for step in (1, 2, 3):
        Point.objects.create(
            job=job, metric="train_loss", step=step, value=3.0 / step, source=1, seen_at=NOON
        )
    html = page_of(client, job)
    assert "Training loss 3 → 1 over 3 steps" in html
    assert 'type="application/json"' in html
    assert re.search(
        r"<th scope=\"row\" class=\"number\">2</th>\s*<td class=\"number\">1.5</td>", html
    )


def test_an_rft_job_shows_rewards_and_no_empty_loss_panel(client, lab) -> None:
    job = a_job(lab, method="reinforcement", reward=0.8)
    for step in (1, 2):
        Point.objects.create(
            job=job, metric="train_mean_reward", step=step, value=step, source=1, seen_at=NOON
        )
    page = client.get(f"/jobs/lab/{job.provider_id}/").context["page"]
    assert [chart.name for chart in page.metrics.charts] == ["reward"]
    assert "Reward" in [figure.label for figure in page.figures]


def test_the_best_checkpoint_is_marked(client, lab) -> None:
    job = a_job(lab)
    for step, loss in ((10, 0.6), (20, 0.4), (30, 0.5)):
        metrics = {"valid_loss": loss}
        Checkpoint.objects.create(
            job=job, provider_id=f"c{step}", step=step, model=f"m{step}", metrics=metrics
        )
    page = client.get(f"/jobs/lab/{job.provider_id}/").context["page"]
    assert [row.step for row in page.checkpoints.rows if row.is_best] == [20]
    assert "rose after" in page.checkpoints.rose_after


def a_result_file(lab: Connection, **facts: Any) -> Job:
    body = base64.b64encode(
        b"step,train_loss\n" + b"".join(b"%d,0.5\n" % step for step in range(1, 31))
    )
    plain = {
        "filename": "../step metrics\r\n.csv",
        "fetch": "stored",
        "content": zlib.compress(body),
        "content_bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "kind": "csv",
        "encoding": "base64",
        "row_count": 30,
    }
    File.objects.create(connection=lab, provider_id="file-r", **{**plain, **facts})
    return a_job(lab, result_files=["file-r"])


def test_a_result_file_is_previewed_decoded(client, lab) -> None:
    html = page_of(client, a_result_file(lab))
    assert "train_loss</th>" in html
    assert "and 18 more rows" in html
    assert File.objects.get().sha256 in html


def test_a_file_is_a_download_and_never_a_page(client, lab) -> None:
    job = a_result_file(lab)
    address = f"/jobs/lab/{job.provider_id}/files/file-r/"
    received, decoded = client.get(address), client.get(address, {"as": "csv"})
    assert base64.b64decode(received.content).strip() == decoded.content.strip()
    assert decoded.content.startswith(b"step,train_loss\n1,0.5")
    assert received.headers["Content-Type"] == "application/octet-stream"
    assert received.headers["Content-Disposition"].startswith(
        'attachment; filename="step_metrics.csv"'
    )
    assert "sandbox" in received.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name", ['a"b', "a\r\nSet-Cookie: x", "../../x", "\x00", "ü.csv", "", "x" * 999]
)
def test_a_file_name_cannot_leave_its_header(name) -> None:
    header = disposition(name)
    plain = re.match(
        r'attachment; filename="([A-Za-z0-9._-]+)"; filename\*=UTF-8\'\'[A-Za-z0-9._~%-]*$', header
    )
    assert plain
    assert not plain[1].startswith(".")


@pytest.mark.parametrize("file_id", ["file-other", "file-gone", "file-r2"])
def test_only_files_of_the_job_that_are_kept_can_be_downloaded(client, lab, file_id) -> None:
    job = a_result_file(lab)
    File.objects.create(connection=lab, provider_id="file-other", content=zlib.compress(b"x"))
    File.objects.create(connection=lab, provider_id="file-r2")
    Job.objects.filter(pk=job.pk).update(result_files=["file-r", "file-r2", "file-gone"])
    assert client.get(f"/jobs/lab/{job.provider_id}/files/{file_id}/").status_code == 404


def test_alerts_sent_are_listed_with_their_answer(client, lab, team) -> None:
    editor = Client()
    editor.force_login(a_member(team, Role.EDITOR))
    transition = a_transition(a_job(lab, state="failed"))
    delivery = a_delivery(a_channel(team, name="#ml"), transition, state="sent", sent_at=NOON)
    Attempt.objects.create(
        delivery=delivery, is_sent=True, status_code=204, answer="thanks", duration_ms=9
    )
    row = r"Failed\s+#ml\s+webhook\s+Sent\s+1\s+204"
    assert re.search(rf"{row}\s+thanks", words_of(page_of(editor, transition.job)))
    assert re.search(rf"{row}(?!\s+thanks)", words_of(page_of(client, transition.job)))


def test_snapshots_show_only_what_changed(client, lab) -> None:
    job = a_job(lab)
    bodies = ({"id": "x", "status": "queued"}, {"id": "x", "status": "running", "seed": 7})
    for number, body in enumerate(bodies):
        at = NOON + timedelta(minutes=number)
        Snapshot.objects.create(
            job=job,
            source="retrieve",
            body=json.dumps(body),
            fingerprint=str(number),
            first_seen_at=at,
            last_seen_at=at,
            is_newest=number == 1,
        )
    shown = client.get(f"/jobs/lab/{job.provider_id}/timeline/").context["page"].part
    changes = [(one.path, one.before, one.after) for one in shown.snapshots[0].changes]
    assert changes == [("status", "queued", "running"), ("seed", None, "7")]
    assert shown.snapshots[1].before is None


def test_a_chosen_snapshot_is_shown_raw_beside_what_was_understood(client, lab) -> None:
    job = seen(lab, {**BARE, "surprise": {"deep": [1, {"x": "y"}]}})
    chosen = Snapshot.objects.get(job=job)
    html = words_of(page_of(client, job, f"raw/?snapshot={chosen.pk}"))
    assert '"surprise"' in html
    assert re.search(r"raw_status\s+running", html)


@pytest.mark.parametrize("wanted", ["", "0", "-1", "x", "9" * 40, "٣"])
def test_an_unreadable_snapshot_choice_shows_the_newest(client, lab, wanted) -> None:
    job = seen(lab, BARE)
    assert "fine_tuning.job" in page_of(client, job, f"raw/?snapshot={wanted}")


def some_events(job: Job, number: int) -> None:
    Event.objects.bulk_create(
        Event(
            job=job,
            provider_id=f"e{n}",
            level="warn" if n % 10 == 0 else "info",
            message=f"message {n}",
            created_at=NOON + timedelta(seconds=n // 3),
            body={"step": n},
        )
        for n in range(number)
    )


def test_events_are_paged_newest_first_without_loss(client, lab) -> None:
    job = a_job(lab)
    some_events(job, 250)
    shown, after = [], ""
    for _ in range(3):
        part = (
            client.get(f"/jobs/lab/{job.provider_id}/events/", {"after": after})
            .context["page"]
            .part
        )
        shown += [row.message for row in part.rows]
        after = part.next_after
    assert shown == [f"message {n}" for n in reversed(range(250))]
    assert after == ""


def test_events_are_filtered_by_level_and_word(client, lab) -> None:
    job = a_job(lab)
    some_events(job, 40)
    part = (
        client.get(f"/jobs/lab/{job.provider_id}/events/?level=warn&q=message 2")
        .context["page"]
        .part
    )
    assert [row.message for row in part.rows] == ["message 20"]
    assert {one.level: one.count for one in part.levels} == {"warn": 4, "info": 36}


def test_a_settled_job_asks_for_nothing_more(client, lab) -> None:
    job = a_job(lab, state="succeeded", ended_at=NOON)
    assert "hx-get" in page_of(client, job)
    Job.objects.filter(pk=job.pk).update(settled_at=NOON)
    assert "hx-get" not in page_of(client, job)


def test_a_quiet_poll_of_a_job_is_a_304(client, lab) -> None:
    job = a_job(lab)
    address = f"/jobs/lab/{job.provider_id}/"
    tag = client.get(address).headers["HX-PTag"]
    with CaptureQueriesContext(database) as queries:
        quiet = client.get(address, headers={"HX-Request": "true", "HX-PTag": tag})
    assert (quiet.status_code, len(queries)) == (304, 4)
    Job.objects.filter(pk=job.pk).update(version=9)
    moved = client.get(address, headers={"HX-Request": "true", "HX-PTag": tag})
    assert moved.content.strip().startswith(b'<div id="job"')


def test_queries_do_not_grow_with_what_a_job_has(client, lab) -> None:
    job = a_job(lab, result_files=["a", "b", "c"])
    counts = []
    for more in (2, 40):
        some_events_of(job, more)
        with CaptureQueriesContext(database) as queries:
            page_of(client, job)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 24


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


@pytest.mark.parametrize("path", ["", "events/", "timeline/", "raw/", "files/file-r/"])
def test_a_job_of_another_team_does_not_exist(lab, path) -> None:
    job = a_result_file(lab)
    stranger = Client()
    stranger.force_login(a_member(a_team()))
    assert stranger.get(f"/jobs/lab/{job.provider_id}/{path}").status_code == 404


def test_a_job_gone_at_the_provider_keeps_its_page(client, lab) -> None:
    job = a_job(lab, is_missing=True, missing_since=NOON)
    assert "Gone at the provider" in page_of(client, job)


def test_the_theme_is_stored_and_sent_with_the_page(client, lab) -> None:
    response = client.post("/theme/", {"theme": "dark", "next": "https://evil.example/"})
    assert response.headers["Location"] == "/jobs/"
    assert 'data-theme="dark"' in client.get("/jobs/").content.decode()
    assert client.post("/theme/", {"theme": "pink"}).status_code == 400


def test_every_component_is_in_the_style_guide(team) -> None:
    admin = Client()
    admin.force_login(a_member(team, Role.ADMIN))
    response = admin.get("/styleguide/")
    used = {template.name for template in response.templates}
    folder = Path(__file__).parents[2] / "templates" / "components"
    frame_only = {"live", "messages", "form_errors", "live_bar"}
    expected = {
        f"components/{path.name}" for path in folder.glob("*.html") if path.stem not in frame_only
    }
    assert expected - used == set()
