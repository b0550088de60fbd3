"""A provider that acts: its jobs run, can be paused, resumed and cancelled, and are counted."""

import time

from jobs.models import Connection, Job
from simulator import editing
from simulator.faults import read_rule
from simulator.ledger import Verbatim
from simulator.population import World
from simulator.serving import serve_in_thread
from simulator.spec import Spec
from tests.builders import a_connection, a_job


class Actor:
    """One simulator with jobs of its own making."""

    def __init__(self, profile: str = "openai", path: str = "/v1") -> None:
        world = World(seed=7, epoch=time.time(), population="empty", profile=profile)
        self.profile, self.running = profile, serve_in_thread(world)
        self.url = self.running.origin + path
        self.ledger = self.running.desk.ledger

    def runs(self, name: str = "ftjob-one", **members) -> Spec:
        """A job that has been running for a quarter of an hour, with hours to go."""
        facts = {"created_at": time.time() - 900, "running_s": 10_000.0, "queued_s": 30.0}
        return self.ledger.keep(
            Spec(id=name, seed=3, profile=self.profile, **{**facts, "suffix": "bell", **members})
        )

    def serves(self, **raw) -> None:
        """Serves exactly this job."""
        self.ledger.show_verbatim(Verbatim(raw["id"], time.time(), raw), {})

    def pauses(self, spec: Spec) -> Spec:
        return self.ledger.keep(editing.pause(spec, time.time()))

    def ends(self, spec: Spec, outcome: str = "succeeded") -> Spec:
        return self.ledger.keep(editing.finish(spec, time.time(), outcome, None))

    def breaks(self, kind: str, match: str = "*", **fault) -> None:
        rule = {"match": match, "method": "POST", "fault": {"kind": kind, **fault}}
        self.running.desk.switchboard.add(read_rule(rule))

    def posts(self) -> list[str]:
        """The actions that arrived, oldest first."""
        journal = self.running.desk.journal.since(0, 5000)
        return [one["path"].rsplit("/", 1)[1] for one in journal if one["method"] == "POST"]

    def connection(self, **facts) -> Connection:
        return a_connection(**{"base_url": self.url, "slug": "lab", "name": "Lab", **facts})

    def job(self, connection: Connection, **facts) -> Job:
        """As it is known here, without a look at the provider."""
        return a_job(connection, **{"provider_id": "ftjob-one", "suffix": "bell", **facts})

    def close(self) -> None:
        self.running.close()
