"""Of any history, which snapshots may be forgotten."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.retention import Seen, spare
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MOMENTS = st.integers(0, 30).map(lambda minute: NOON + minute * MINUTE)
HISTORIES = st.lists(
    st.tuples(st.sampled_from(["list", "retrieve"]), MOMENTS, st.booleans()), max_size=25
)


def seen(history):
    """The newest timely one of each source is marked, as polls do."""
    rows = [Seen(n, source, at, False, is_late) for n, (source, at, is_late) in enumerate(history)]
    timely = [row for row in rows if not row.is_late]
    newest = {row.source: row for row in sorted(timely, key=lambda row: row.first_seen_at)}
    return [
        Seen(r.id, r.source, r.first_seen_at, newest.get(r.source) is r, r.is_late) for r in rows
    ]


@UNHURRIED
@given(HISTORIES, st.lists(MOMENTS, max_size=5))
def test_for_any_history_the_ends_and_the_transitions_survive(history, moments):
    rows = seen(history)
    gone = set(spare(rows, moments))
    for source in ("list", "retrieve"):
        own = sorted((row for row in rows if row.source == source), key=lambda r: r.first_seen_at)
        left = [row for row in own if row.id not in gone]
        assert [row.first_seen_at for row in left[:1]] == [row.first_seen_at for row in own[:1]]
        assert [row.first_seen_at for row in left[-1:]] == [row.first_seen_at for row in own[-1:]]
        assert not {row.id for row in own if row.is_newest} & gone
        for moment in moments:
            assert at(moment, own) == at(moment, left)


def at(moment, rows):
    """What a source said last up to a moment, and next."""
    times = [row.first_seen_at for row in rows if not row.is_late]
    return max((t for t in times if t <= moment), default=None), min(
        (t for t in times if t > moment), default=None
    )


@UNHURRIED
@given(HISTORIES, st.lists(MOMENTS, max_size=5))
def test_what_is_spared_once_is_all_that_ever_is(history, moments):
    rows = seen(history)
    gone = set(spare(rows, moments))
    assert spare([row for row in rows if row.id not in gone], moments) == []


def test_something_does_go():
    rows = seen([("retrieve", NOON + n * MINUTE, False) for n in range(10)])
    assert spare(rows, []) == list(range(1, 9))
    assert spare(rows, [NOON + 4 * MINUTE]) == [1, 2, 6, 7, 8]
