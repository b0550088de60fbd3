"""When the base models retire that a team's models are made of, and who is told of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from accounts.models import Team
from alerts import rules
from alerts.rulebook import rules_of
from dashboard import words
from jobs.catalog import origin_of
from jobs.conditions.retirement import LEVELS
from jobs.models import BaseModel, Connection
from providers.states import State

FARTHEST = max(LEVELS)
SOON = 30  # days: from here on the word stands out, as on the page of a connection
UNANNOUNCED, RETIRED = "none", "past"
LAST = 10_000_000  # above the number of any day


@dataclass(frozen=True, slots=True)
class End:
    """The end of a base model on a connection. `days`: left; None when no day is known."""

    connection: Connection
    base_model: str
    on: date | None
    days: int | None
    is_by_hand: bool
    provider_day: date | None  # where people here set another one

    @property
    def is_past(self) -> bool:
        return self.days is not None and self.days < 0

    @property
    def look(self) -> str:
        """The state whose shape and colour it borrows."""
        if self.days is None:
            return State.UNKNOWN.value
        if self.days < 0:
            return State.FAILED.value
        return State.PAUSED.value if self.days <= SOON else State.QUEUED.value

    @property
    def word(self) -> str:
        if self.days is None:
            return "Not announced"
        if self.days < 0:
            return "Retired"
        return "Retires today" if self.days == 0 else f"Retires in {words.thin(self.days)} d"

    @property
    def rank(self) -> int:
        """What answers comes first, the soonest to end before all; what has ended last."""
        if self.on is None:
            return LAST
        day = self.on.toordinal()
        return LAST + LAST - day if self.is_past else day

    def is_within(self, asked: str) -> bool:
        """`asked`: a number of days, or one of the two words for those that have none left."""
        if asked == UNANNOUNCED:
            return self.days is None
        if asked == RETIRED:
            return self.is_past
        return not asked or (self.days is not None and 0 <= self.days <= int(asked))


Pair = tuple[int, str]  # a connection, and the base model as its jobs name it
Ends = Mapping[Pair, End]


def ends_of(connections: Mapping[int, Connection], pairs: Iterable[Pair], today: date) -> Ends:
    """One for each pair, in one statement. What was trained from a model of ours shares its origin's."""
    origins = {pair: origin_of(pair[1]) for pair in pairs}
    names = sorted(set(origins.values()))
    rows = BaseModel.objects.filter(connection__in=connections, name__among=names)
    known = {(row.connection_id, row.name): row for row in rows} if names else {}
    return {
        pair: _end(connections[pair[0]], origin, known.get((pair[0], origin)), today)
        for pair, origin in origins.items()
    }


def _end(connection: Connection, name: str, known: BaseModel | None, today: date) -> End:
    day = known.retires_on if known else None
    by_hand = known.shutdown_on_by_hand if known else None
    return End(
        connection=connection,
        base_model=name,
        on=day,
        days=(day - today).days if day else None,
        is_by_hand=by_hand is not None,
        provider_day=known.shutdown_on if known and by_hand else None,
    )


@dataclass(frozen=True, slots=True)
class Retiring:
    """A base model with models of ours that retires soon. `told`: channels that hear of it."""

    end: End
    models: int
    told: int


@dataclass(frozen=True, slots=True)
class Retirements:
    """`is_deaf`: no rule that is on tells anybody of any retirement."""

    rows: tuple[Retiring, ...]
    is_deaf: bool
    days: int = FARTHEST


def retirements(team: Team, ends: Ends, counts: Mapping[Pair, int], now: datetime) -> Retirements:
    """The base models that retire within 90 days, the soonest first."""
    listening = rules_of([team.pk]).get(team.pk, [])
    models = Counter[tuple[int, str]]()
    by_name: dict[tuple[int, str], End] = {}
    for pair, end in ends.items():
        if end.is_within(str(FARTHEST)):
            name = (pair[0], end.base_model)
            models[name] += counts[pair]
            by_name[name] = end
    rows = [
        Retiring(end, models[name], _told(team, end, listening, now))
        for name, end in by_name.items()
    ]
    rows.sort(key=lambda row: (row.end.rank, row.end.base_model, row.end.connection.name))
    is_heard = any("retiring" in rule.states and rule.targets for rule in listening)
    return Retirements(tuple(rows), is_deaf=not is_heard)


def _told(team: Team, end: End, listening: Sequence[rules.Rule], now: datetime) -> int:
    change = rules.Change(
        kind="condition",
        from_state="",
        to_state="retiring",
        team_id=team.pk,
        connection_id=end.connection.pk,
        recorded_at=now,
        base_model=end.base_model,
    )
    return len(rules.concerned(change, listening, now))
