"""What tests of the pages of one job share: jobs as polls leave them, and their pages as text."""

import base64
import hashlib
import json
import re
import zlib
from datetime import timedelta
from html import unescape
from typing import Any

from django.db import transaction
from django.test import Client
from django.utils import timezone

from jobs import record
from jobs.models import Connection, Event, File, Job, Snapshot
from providers import wire
from tests.builders import NOON, a_job

BARE = {"id": "ftjob-bare", "object": "fine_tuning.job", "status": "running", "model": "m"}
FAILED = {
    **BARE,
    "status": "failed",
    "error": {
        "code": "invalid_training_file",
        "message": "Example 6174 is bad",
        "param": "training_file",
    },
}


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


def part_of(client: Client, job: Job, path: str, **asked: object) -> Any:
    """What the page of its own shows, as a value."""
    response = client.get(f"/jobs/{job.connection.slug}/{job.provider_id}/{path}", asked)
    assert response.status_code == 200
    return response.context["page"].part


def some_snapshots(job: Job, *bodies: object, source: str = "retrieve", **facts: Any) -> list[int]:
    """Contents a minute apart, the last of them the newest; their ids."""
    ids = []
    for number, body in enumerate(bodies):
        at = NOON + timedelta(minutes=number)
        text = body if isinstance(body, str) else json.dumps(body)
        plain = {"first_seen_at": at, "last_seen_at": at, "is_newest": number == len(bodies) - 1}
        made = Snapshot.objects.create(
            job=job, source=source, body=text, fingerprint=str(number), **{**plain, **facts}
        )
        ids.append(made.pk)
    return ids


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
