"""Whatever stands in the strings of a job, its pages are pages: escaped, readable, and not too long."""

import base64
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from django.test import Client

from jobs.models import Job
from tests.builders import a_connection, a_member, a_team
from tests.provider_double import BORN

pytestmark = pytest.mark.django_db(transaction=True)

OVERRIDE = "\u202e"
TEXTS = {
    "markup": "\"'><img src=x onerror=alert(1)><script>alert(1)</script></pre></textarea>{{ 7 }}{% x %}",
    "direction": f"abc{OVERRIDE}gnp.exe\u2067 \u05e9\u05dc\u05d5\u05dd \u2066def",
    "emoji": "👩\u200d🔬🏳️\u200d🌈🫠 \u0e01\u0e33 e\u0301\u0301\u0301" * 20,
    "controls": "a\x00b\x07c\x1b[31md\r\n\te\x0b\x0c\x1f\x7f\x85\u2028\u200b\ufeff\ufffff```",
}
SHORT = "<&\"' "
LONG = "<&' " * 16_384  # 64 kB
PARTS = (
    *("", "events/", "events/?q=a&level=warn", "timeline/", "changes/", "changes/?all=1"),
    *("raw/", "markdown/", "files/file-r/preview/"),
)
MOST_BYTES = 2_500_000  # of a job whose every string has 64 kB, most letters of them escaped
VOID = {"meta", "link", "input", "br", "img", "hr"}


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in the strings of a job. An answer of more than 1 MiB is not read, so not all are long."""

    facts: str
    details: str
    names: str


def same(text: str) -> Words:
    return Words(text, text, text)


WORDS = {
    **{name: same(text) for name, text in TEXTS.items()},
    "long facts": Words(LONG, SHORT, SHORT),
    "long details": Words(SHORT, LONG, SHORT),
    "long names": Words(SHORT, SHORT, LONG),
}


def a_hostile_job(words: Words) -> dict:
    """Every string but the words by which it is known to be a job."""
    text, detail, name = words.facts, words.details, words.names
    grader = {"type": detail, "name": detail, "source": detail, "input": [{name: [detail]}]}
    method = {"hyperparameters": {"n_epochs": detail}, "grader": grader}
    return {
        "id": "ftjob-hostile",
        "object": "fine_tuning.job",
        "status": "failed",
        "created_at": BORN,
        "finished_at": BORN + 60,
        "error": {"code": text, "message": text, "param": text, "extra": {name: text}},
        "model": text,
        "fine_tuned_model": text,
        "organization_id": text,
        "user_provided_suffix": text,
        "training_file": text,
        "validation_file": text,
        "result_files": ["file-r", text],
        "hyperparameters": {name: detail, "n_epochs": detail},
        "method": {"type": "reinforcement", "reinforcement": method},
        "metadata": {name: detail},
        "integrations": [{"type": detail, "wandb": {"project": detail, "tags": [detail]}}],
        name: {"deep": [{name: detail}]},
    }


def belongings_of(words: Words) -> dict[str, list]:
    text, short = words.facts, words.facts[:5000]
    events = [
        {"id": f"ftevent-{level}", "created_at": BORN, "level": level, "type": short, "message": text, "data": {short: short}}
        for level in ("info", "warn", "error")
    ]  # fmt: skip
    cell = '"' + text.replace('"', '""') + '"'
    content = f"step,train_loss,{cell}\n1,0.5,{cell}\n".encode(errors="replace")
    return {
        "events": [*events, {**events[0], "id": "ftevent-odd", "level": short}],
        "checkpoints": [
            {"id": f"ftckpt-{text[:20]}", "object": "fine_tuning.job.checkpoint", "created_at": BORN, "step_number": 1, "fine_tuned_model_checkpoint": text, "metrics": {text: 1, "train_loss": 2}}
        ],
        "files": [
            {"id": "file-r", "object": "file", "filename": text, "purpose": text, "status": text, "content_base64": base64.b64encode(content).decode()}
        ],
    }  # fmt: skip


@pytest.fixture
def client_for(provider, poll):
    """Serves a job to a team and gives a client of its admin."""

    def open_at(words: Words, status: str = "failed") -> Client:
        team = a_team()
        a_connection(team, base_url=provider.url, slug="lab", name="Lab")
        raw = a_hostile_job(words)
        for state in ("running", status):
            provider.control("jobs", {"raw": {**raw, "status": state}, **belongings_of(words)})
            poll(2)
        client = Client()
        client.force_login(a_member(team))
        return client

    return open_at


class Faults(HTMLParser):
    """What a text of others has done to a page: elements and attributes of its own, words turned round."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.stack: list[list] = []  # [tag, whether an override stands in its own text]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        bad = [name for name in names if name.startswith("on") or name == "srcdoc"]
        if tag in {"img", "iframe", "object"} or (
            tag == "script" and "src" not in names and ("type", "application/json") not in attrs
        ):
            bad.append(tag)
        bad += [
            value
            for name, value in attrs
            if name == "href" and re.match(r"\s*javascript", value or "", re.IGNORECASE)
        ]
        self.found += [f"<{tag}> with {one}" for one in bad]
        if tag not in VOID:
            self.stack.append([tag, False])

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not self.stack or self.stack[-1][0] in {"script", "style"}:
            return
        if data.strip() and any(is_turned for _, is_turned in self.stack):
            self.found.append(
                f"after an override in {[tag for tag, _ in self.stack]}: {data.strip()[:60]}"
            )
        if OVERRIDE in data:
            self.stack[-1][1] = True
            rest = data.rsplit("def", 1)[-1].strip(' \n…)"]},')
            if rest and OVERRIDE not in rest:
                self.found.append(f"in one text with an override: {rest[:60]}")


def faults(html: str) -> list[str]:
    reader = Faults()
    reader.feed(html)
    return reader.found


@pytest.mark.both_databases
@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_no_string_of_a_job_harms_its_pages(client_for, words):
    client = client_for(words)
    job = Job.objects.get()
    assert (job.events.count(), job.checkpoints.count(), job.trouble) == (4, 1, "")
    for part in PARTS:
        answer = client.get(f"/jobs/lab/ftjob-hostile/{part}")
        assert answer.status_code == 200, part
        assert len(answer.content) < MOST_BYTES, part
        if part != "markdown/":
            assert faults(answer.content.decode()) == [], part


@pytest.mark.parametrize("text", [*TEXTS.values(), LONG], ids=[*TEXTS, "long"])
def test_a_status_nobody_knows_is_no_way_in_either(client_for, text):
    client = client_for(same(text[:5000]), status=text)
    assert Job.objects.get().state == "unknown"
    html = client.get("/jobs/lab/ftjob-hostile/").content.decode()
    assert faults(html) == []


@pytest.mark.parametrize("name", ["markup", "direction", "emoji"])
def test_what_was_said_can_be_read(client_for, name):
    answer = client_for(same(TEXTS[name])).get("/jobs/lab/ftjob-hostile/")
    page = answer.context["page"]
    assert page.job.error_message == TEXTS[name]
    assert page.settings.grader[0].value == TEXTS[name]


@pytest.mark.parametrize(
    ("html", "number"),
    [
        ("<p><img src=x></p>", 1),
        ("<p onclick='x'>a</p>", 1),
        ("<script>alert(1)</script>", 1),
        ("<a href=' JavaScript:x'>a</a>", 1),
        (f"<p>abc{OVERRIDE}def and ours</p>", 1),
        (f"<p>abc{OVERRIDE}def <b>ours</b></p>", 1),
        (f"<p>ours <bdi>abc{OVERRIDE}def</bdi> ours</p>", 0),
        (f"<ul><li>abc{OVERRIDE}def</li><li>ours</li></ul>", 0),
    ],
)
def test_the_reader_finds_what_it_is_for(html, number):
    assert len(faults(html)) == number
