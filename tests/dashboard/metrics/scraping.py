"""Reads /metrics as Prometheus does."""

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from dashboard import exposition
from jobs import ledger
from jobs.models import Connection, RequestTally

LONG_AGO = timedelta(minutes=10)
OPERATOR = "an-operators-token-of-some-length"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def scrape(client, **headers) -> dict[str, object]:
    """Families by name, with nothing remembered from an earlier scrape."""
    exposition.shelf.clear()
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {one.name: one for one in text_string_to_metric_families(answer.content.decode())}


def value(families, name: str, family: str = "", **labels: str) -> float | None:
    """Of the one sample with this name and these labels; None when there is none."""
    found = [
        sample.value
        for sample in families[family or name].samples
        if sample.name == name and sample.labels == labels
    ]
    return found[0] if found else None


def a_tally(connection: Connection, number: int, **facts) -> RequestTally:
    given = {"hour": ledger.EVER, "capability": "jobs", "outcome": "ok", "elapsed_ms": 250, **facts}
    return RequestTally.objects.create(connection=connection, number=number, **given)


def asked(client, **labels: str) -> float | None:
    name = "tunebell_requests"
    return value(scrape(client), f"{name}_total", name, **labels)
