"""A team with one of everything, each text carrying the same word."""

import json
import zlib
from dataclasses import dataclass

from accounts.models import ApiToken, AuditEntry, Membership, Role, Team, User
from alerts.models import (
    Attempt,
    Channel,
    Delivery,
    InboundEndpoint,
    InboundEvent,
    Rule,
    Silence,
)
from alerts.setup import create_channel
from dashboard.models import SavedView
from jobs.models import (
    Checkpoint,
    Condition,
    Connection,
    Event,
    File,
    Job,
    Point,
    PointSource,
    Price,
    Snapshot,
)
from tests import builders
from tests.builders import NOON


@dataclass(slots=True)
class Graph:
    team: Team
    admin: User
    editor: User
    viewer: User
    member: Membership
    connection: Connection
    job: Job
    file: File
    channel: Channel
    rule: Rule
    delivery: Delivery
    token: ApiToken
    secret: str
    view: SavedView
    price: Price

    def ids(self) -> dict[str, object]:
        """What the addresses of this team's things are made of."""
        return {
            "connection": self.connection.slug,
            "job_id": self.job.provider_id,
            "file_id": self.file.provider_id,
            "key": self.delivery.key,
            "member": self.member.pk,
            "token": self.token.pk,
            "view": self.view.public_id,
            "price": self.price.pk,
        }


def a_graph(word: str) -> Graph:
    team = builders.a_team(name=f"{word} team", slug=word)
    admin, editor, viewer = (
        builders.a_member(team, role, name=f"{word} {role}", email=f"{word}-{role}@example.com")
        for role in reversed(Role)
    )
    connection = builders.a_connection(
        team, key="sk-not-a-real-key", name=f"{word} lab", slug=f"{word}-lab"
    )
    job = _a_full_job(connection, word)
    channel = create_channel(
        team, "webhook", f"{word} hook", {"url": f"http://127.0.0.1:9/{word}"}
    ).channel
    rule = builders.a_rule(channel, name=f"{word} rule")
    delivery = _a_delivery(channel, job, word)
    Silence.objects.create(job=job, until=NOON, creator=editor)
    InboundEndpoint.objects.create(connection=connection)
    InboundEvent.objects.create(connection=connection, webhook_id=word, type=word)
    secret = ApiToken.create_token(team, f"{word} token", creator=admin)
    AuditEntry.objects.create(team=team, actor=admin, action="tested", subject=word)
    view = SavedView.objects.create(team=team, name=f"{word} view", query="state=failed")
    price = Price.objects.create(
        team=team, base_model=f"{word}-base", usd=3, valid_from=NOON.date(), source=word
    )
    return Graph(
        team, admin, editor, viewer, team.memberships.get(user=viewer), connection, job,
        File.objects.get(connection=connection), channel, rule, delivery, ApiToken.objects.get(team=team), secret,
        view, price,
    )  # fmt: skip


def _a_full_job(connection: Connection, word: str) -> Job:
    job = builders.a_job(
        connection,
        provider_id=f"ftjob-{word}",
        suffix=f"{word}-model",
        training_file=f"file-{word}-train",
        result_files=[f"file-{word}"],
        metadata={"note": word},
        tags=f" {word} ",
        note=f"{word} was here",
    )
    body = json.dumps(
        {"id": job.provider_id, "object": "fine_tuning.job", "status": "running", "note": word}
    )
    seen = {"first_seen_at": NOON, "last_seen_at": NOON}
    Snapshot.objects.create(job=job, source="retrieve", body=body, fingerprint="0" * 32, **seen)
    Event.objects.create(
        job=job,
        provider_id=f"ftevent-{word}",
        created_at=NOON,
        level="info",
        message=f"{word} began",
    )
    Point.objects.create(
        job=job, metric="train_loss", step=1, value=0.5, source=PointSource.EVENT, seen_at=NOON
    )
    Checkpoint.objects.create(
        job=job, provider_id=f"ftckpt-{word}", created_at=NOON, step=1, model=f"ft:{word}"
    )
    File.objects.create(
        connection=connection, provider_id=f"file-{word}", filename=f"{word}.csv", purpose="fine-tune-results",
        fetch=File.Fetch.STORED, content=zlib.compress(b"step,train_loss\n1,0.5\n"), content_bytes=22, kind="csv",
    )  # fmt: skip
    Condition.objects.create(connection=connection, job=job, kind="stuck", reason=word)
    return job


def _a_delivery(channel: Channel, job: Job, word: str) -> Delivery:
    transition = builders.a_transition(job, to_state="failed", reason=word)
    delivery = builders.a_delivery(
        channel, transition, state=Delivery.State.DEAD, reason=f"{word} refused"
    )
    Attempt.objects.create(
        delivery=delivery, is_sent=False, status_code=500, answer=word, duration_ms=3
    )
    return delivery
