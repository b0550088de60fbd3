"""The team's own history: how long jobs usually stay in a state, and train."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from django.db import connection

from accounts.models import Team
from jobs.conditions import Usual
from jobs.models import Connection
from providers.states import State

LATEST = 200  # so many stays speak for the usual; older ones are of another time
FEWEST = 5  # with fewer there is no usual
PARTS_AT_ONCE = 100  # of one statement; SQLite takes at most 500

# Each part walks back in an index and stops after LATEST rows, however long the history is: 20 models
# in two states among 200,000 stays took 0.02 s on SQLite, a window function over all of them 1 s.
_PART = """SELECT * FROM (
  SELECT %s AS number, id, stayed_s FROM jobs_transition
  WHERE connection_id = %s AND from_state = %s AND stayed_s IS NOT NULL{more}
  ORDER BY {order} LIMIT {limit}
) AS part"""
_OF_MODEL = _PART.format(
    more=" AND base_model = %s", order="base_model DESC, id DESC", limit=LATEST
)
_OF_ALL = _PART.format(more="", order="id DESC", limit=LATEST)
_TO = " AND to_state = %s"
_OF_PASSAGE = _PART.format(
    more=" AND base_model = %s AND (to_state = %s OR %s = '') AND recorded_at >= %s",
    order="base_model DESC, id DESC",
    limit=LATEST,
)
_OF_ENDING = _PART.format(
    more=f" AND base_model = %s{_TO}", order="base_model DESC, id DESC", limit=LATEST
)


Parameter = int | str | datetime | None
Part = tuple[str, tuple[Parameter, ...]]  # a statement and its parameters


@dataclass(frozen=True, slots=True)
class Stay:
    """What a stay is compared by. `base_model` None: of any."""

    team_id: int
    state: str
    base_model: str | None


def usual_stays(asked: Collection[Stay]) -> dict[Stay, Usual]:
    """From the newest 200 finished stays each, of the model or else of all; none with fewer than five.

    In at most two statements for each hundred of them.
    """
    found = _usual_of(asked, is_of_model=True)
    rest = {stay: Stay(stay.team_id, stay.state, None) for stay in asked if stay not in found}
    of_all = _usual_of(sorted(set(rest.values()), key=repr), is_of_model=False)
    return found | {stay: of_all[any_] for stay, any_ in rest.items() if any_ in of_all}


def usual_training(team: Team, base_model: str) -> Usual | None:
    """How long jobs on this model ran that succeeded. Of one that was paused, its last run counts."""
    owners = _connections_of({team.pk})[team.pk]
    ended = (State.RUNNING.value, base_model, State.SUCCEEDED.value)
    parts: list[Part] = [(_OF_ENDING, (0, pk, *ended)) for pk in owners]
    return _usual(_read(parts).get(0, []))


@dataclass(frozen=True, slots=True)
class Passage:
    """Stays in one state on one base model. `to_state`: how they ended, "" in any way."""

    connection_id: int
    base_model: str
    from_state: str
    to_state: str = ""


def passages(asked: Sequence[Passage], since: datetime | None) -> list[list[float]]:
    """The seconds of the newest 200 stays each, as far as they ended after `since`; no order.

    In one statement for each hundred of them.
    """
    bound = connection.ops.adapt_datetimefield_value(since or datetime(1970, 1, 1, tzinfo=UTC))
    parts: list[Part] = [
        (
            _OF_PASSAGE,
            (
                *(number, one.connection_id, one.from_state, one.base_model),
                *(one.to_state, one.to_state, bound),
            ),
        )
        for number, one in enumerate(asked)
    ]
    found = _read(parts)
    return [[stayed_s for _, stayed_s in found.get(number, [])] for number in range(len(asked))]


def usual_on_the_way(team_id: int, base_model: str, states: Iterable[str]) -> dict[str, Usual]:
    """How long jobs on this model usually stay in each of these states, for the page of one.

    Of running counts what succeeded. Where the model has too few, all models of the team speak.
    """
    listed, owners = list(states), _connections_of({team_id})[team_id]
    found = _by_state(
        [
            (_OF_ENDING, (number, pk, state, base_model, State.SUCCEEDED.value))
            if state == State.RUNNING.value
            else (_OF_MODEL, (number, pk, state, base_model))
            for number, state in enumerate(listed)
            for pk in owners
        ],
        listed,
        is_of_model=True,
    )
    rest = [state for state in listed if state not in found]
    parts: list[Part] = [
        (_OF_ALL, (number, pk, state)) for number, state in enumerate(rest) for pk in owners
    ]
    return _by_state(parts, rest, is_of_model=False) | found


def _by_state(parts: list[Part], states: list[str], *, is_of_model: bool) -> dict[str, Usual]:
    read = {
        states[number]: _usual(rows, is_of_model=is_of_model)
        for number, rows in _read(parts).items()
    }
    return {state: usual for state, usual in read.items() if usual is not None}


def _usual_of(asked: Iterable[Stay], *, is_of_model: bool) -> dict[Stay, Usual]:
    listed = list(asked)
    owners = _connections_of({stay.team_id for stay in listed})
    parts: list[Part] = [
        (_OF_MODEL, (number, pk, stay.state, stay.base_model))
        if is_of_model
        else (_OF_ALL, (number, pk, stay.state))
        for number, stay in enumerate(listed)
        for pk in owners[stay.team_id]
    ]
    read = {
        listed[number]: _usual(rows, is_of_model=is_of_model)
        for number, rows in _read(parts).items()
    }
    return {stay: usual for stay, usual in read.items() if usual is not None}


def _connections_of(team_ids: Collection[int]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    if team_ids:
        rows = Connection.objects.filter(team__in=team_ids)
        for team_id, pk in rows.values_list("team_id", "pk"):
            found[team_id].append(pk)
    return found


def _read(parts: list[Part]) -> dict[int, list[tuple[int, float]]]:
    """(row's key, seconds) by the number that each part carries."""
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    with connection.cursor() as cursor:
        for start in range(0, len(parts), PARTS_AT_ONCE):
            some = parts[start : start + PARTS_AT_ONCE]
            sql = " UNION ALL ".join(text for text, _ in some)
            cursor.execute(sql, [value for _, values in some for value in values])
            for number, pk, stayed_s in cursor.fetchall():
                found[int(number)].append((pk, stayed_s))
    return found


def _usual(rows: list[tuple[int, float]], *, is_of_model: bool = True) -> Usual | None:
    """Of several connections each gave its newest; the newest of all count."""
    latest = sorted(stayed_s for _, stayed_s in sorted(rows, reverse=True)[:LATEST])
    if len(latest) < FEWEST:
        return None
    ninth = latest[min(int(0.9 * len(latest)), len(latest) - 1)]
    return Usual(median(latest), ninth, len(latest), is_of_model)
