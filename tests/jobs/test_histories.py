"""Whatever a provider serves, in whatever order: what the tables hold afterwards."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import groupby, pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs import sweep
from jobs.claims import claim
from jobs.fetch import Answer
from jobs.models import Connection, Job, Snapshot, Transition
from jobs.record import record_answer
from jobs.trouble import quarantine, record_error
from providers import errors
from providers.base import connect
from providers.wire import read_element, read_job
from tests.builders import NOON, a_connection

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

# Wire word -> state, written down once more on purpose.
STATES = {
    "validating_files": "validating",
    "queued": "queued",
    "running": "running",
    "paused": "paused",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "defragmenting": "unknown",
    "": "unknown",
}
OVER = {"succeeded", "failed", "cancelled"}
TROUBLES = (errors.Unreachable, errors.ServerTrouble, errors.NotReadable, errors.Missing, errors.KeyRejected)  # fmt: skip
WORDS = st.sampled_from(sorted(STATES))
TOKENS = st.sampled_from([None, 0, 7])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["retrieve", "retrieve", "list", "late"]), WORDS, TOKENS),
    st.tuples(st.just("error"), st.sampled_from(TROUBLES), st.none()),
    st.tuples(st.sampled_from(["again", "again", "poison"]), st.none(), st.none()),
)


class Story:
    """One job at one connection, and what was served of it."""

    def __init__(self) -> None:
        self.connection = a_connection()
        self.provider = connect(self.connection.account())
        self.job = Job.objects.create(
            team=self.connection.team, connection=self.connection, provider_id="ftjob-1"
        )
        self.now = NOON
        self.served: dict[str, list[dict]] = {"retrieve": [], "list": [], "late": []}
        self.state: str | None = None  # what has to be believed
        self.last: tuple[str, int | None] = ("running", None)
        self.doubts = 0  # fresh reads in a row that contradict an end

    def tell(self, kind: str, said: object, tokens: int | None) -> None:
        if kind == "again":
            kind, (said, tokens) = "retrieve", self.last
        self.now += timedelta(seconds=2)
        before = self.facts()
        if kind in {"error", "poison"}:
            self.lose(said)
            assert self.facts() == before
            return
        self.last = (said, tokens)
        raw = {"id": "ftjob-1", "status": said, "trained_tokens": tokens, "novelty": [said]}
        is_late = kind == "late" and self.state is not None
        self.served["late" if is_late else "list" if kind == "list" else "retrieve"].append(raw)
        self.listed(raw) if kind == "list" else self.retrieved(raw, is_late=is_late)
        if is_late or (kind == "list" and self.served["list"][-2:-1] == [raw]):
            # A list that repeats itself says nothing new, whatever the job itself said meanwhile.
            assert self.facts() == before
        else:
            self.believe(STATES[said])
            assert self.facts()[:2] == (self.state, said)

    def lose(self, kind: type[errors.ProviderError] | None) -> None:
        taken = self.claimed(Job.objects.filter(pk=self.job.pk), self.now)
        if kind is None:
            quarantine(self.job.pk, taken, "our own code failed")
        else:
            record_error(self.job.pk, taken, kind("trouble"))

    def claimed(self, rows, at):
        taken, _ = claim(rows, 1)
        return replace(taken, request_at=at)

    def retrieved(self, raw, *, is_late: bool) -> None:
        at = self.now - timedelta(days=1) if is_late else self.now
        taken = self.claimed(Job.objects.filter(pk=self.job.pk), at)
        record_answer(self.job.pk, taken, Answer(read_element(raw), read_job(raw)))

    def listed(self, raw) -> None:
        taken = self.claimed(Connection.objects.filter(pk=self.connection.pk), self.now)
        page = sweep.ListPage([read_element(raw)], 0, self.now)
        sweep.record_page(self.connection.pk, taken, page, self.provider)
        sweep.finish(self.connection.pk, taken, is_full=True)

    def believe(self, state: str) -> None:
        contradicts = self.state in OVER and state != self.state
        self.doubts = self.doubts + 1 if contradicts else 0
        if not contradicts or self.doubts == 2:
            self.state, self.doubts = state, 0

    def facts(self) -> tuple:
        names = ("state", "raw_status", "trained_tokens", "ended_at", "was_seen_alive")
        names += ("reopened_count", "applied_request_at", "finished_at")
        changes = Transition.objects.filter(job=self.job, kind="state").count()
        (found,) = Job.objects.filter(pk=self.job.pk).values_list(*names)
        return (*found, changes)

    def stored(self, source: str) -> list[tuple[dict, int]]:
        rows = Snapshot.objects.filter(job=self.job, source=source, is_late=False).order_by("id")
        return [(json.loads(row.body), row.seen_count) for row in rows]


@settings(
    deadline=None,
    max_examples=40,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],  # explaining a failure takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(STEPS, max_size=14))
def test_any_history_keeps_what_was_promised(db, steps):
    story = Story()
    for step in steps:
        story.tell(*step)
    for source in ("retrieve", "list"):  # in order, none lost, equal neighbours in one row
        runs = [(body, len(list(equal))) for body, equal in groupby(story.served[source])]
        assert story.stored(source) == runs
    late = Snapshot.objects.filter(job=story.job, is_late=True)
    assert late.count() == len(story.served["late"])
    assert_only_the_end_is_sticky(story.job)


def assert_only_the_end_is_sticky(job):
    changes = list(Transition.objects.filter(job=job, kind="state").order_by("id"))
    for before, after in pairwise(changes):
        assert after.from_state == before.to_state
    for change in changes:
        assert change.from_state != change.to_state
        assert (change.from_state in OVER) == (change.reason == "Reopened by the provider")
        assert change.to_state in OVER or not change.rings
