"""The documentation, the alert rules and the scrape configuration ask for what there is."""

import re

import pytest
import yaml

from dashboard.models import AuditReport, Heartbeat
from jobs import ledger
from tests import servers
from tests.builders import (
    a_connection,
)
from tests.dashboard.metrics.scraping import a_tally, scrape

pytestmark = pytest.mark.django_db


DOCS = servers.ROOT / "docs"

OWN_NAMES = re.compile(r"\btunebell_[a-z_]+")


def everything_told(client, operator) -> tuple[set[str], set[str]]:
    """Families and samples by name, when there is one of everything."""
    connection = a_connection(operator[0], last_good_at=ledger.EVER)
    a_tally(connection, 1)
    for part in Heartbeat.Part:
        Heartbeat.objects.create(part=part, at=ledger.EVER)
    AuditReport.objects.create(at=ledger.EVER, taken_at=ledger.EVER)
    families = scrape(client, **operator[1]).values()
    samples = {sample.name for family in families for sample in family.samples}
    counters = {family.name for family in families if family.type == "counter"}
    return {f"{one.name}_total" if one.name in counters else one.name for one in families}, samples


def test_the_documentation_lists_every_family_and_no_other(client, operator):
    lines = (DOCS / "operations.md").read_text().splitlines()
    listed = {OWN_NAMES.search(line).group() for line in lines if line.startswith("| `tunebell_")}
    families, _ = everything_told(client, operator)
    assert listed == families


def test_the_alert_rules_ask_for_what_there_is(client, operator):
    groups = yaml.safe_load((DOCS / "prometheus" / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    _, samples = everything_told(client, operator)
    asked = {name for rule in rules for name in OWN_NAMES.findall(rule["expr"])}
    assert len(rules) > 8
    assert asked <= samples
    assert all(rule["annotations"]["summary"] for rule in rules)


def test_the_scrape_configuration_is_one():
    text = (DOCS / "prometheus" / "scrape.yml").read_text()
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert (job["job_name"], job["scrape_interval"]) == ("tunebell", "15s")
