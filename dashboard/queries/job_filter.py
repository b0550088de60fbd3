"""The view of the jobs list that an address asks for: the one place that reads and writes it."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from django.http import QueryDict

from dashboard import columns
from jobs import labels
from providers.states import State

PAGE_SIZES = (20, 50, 100, 200)
# Name in the address -> column. A leading "-" is descending.
SORTS = {
    "created": "listed_at",
    "changed": "changed_at",
    "ended": "ended_at",
    "tokens": "trained_tokens",
    "loss": "valid_loss",
    "best": "best_valid_loss",
    "train": "train_loss",
    "reward": "reward",
    "cost": "cost_usd",
    "name": "suffix",
}
METHODS = ("supervised", "dpo", "reinforcement")
NEWEST, USUAL_SIZE = "-created", 50
FIRST_YEAR, LAST_YEAR = 2000, 2100  # of a date that is worth asking for
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Members = tuple[tuple[str, str], ...]  # of a query string, in order


@dataclass(frozen=True, slots=True)
class JobFilter:
    """The view that an address asks for. Anything unreadable in it is as if it were not there, and a
    date that is none is said to be: `unread`.

    `tags`: all of them must be there. `first`, `last`: days of creation, both included. `archived`:
    the jobs that were put away instead of those that were not. `cols`: () is the usual columns.
    """

    q: str = ""
    states: tuple[str, ...] = ()
    connection: str = ""
    model: str = ""
    method: str = ""
    tags: tuple[str, ...] = ()
    error: str = ""
    first: date | None = None
    last: date | None = None
    stuck: bool = False
    archived: bool = False
    sort: str = NEWEST
    limit: int = USUAL_SIZE
    cols: tuple[str, ...] = ()
    after: str = ""
    unread: tuple[str, ...] = ()

    @classmethod
    def read(cls, asked: QueryDict) -> "JobFilter":
        known = {state.value for state in State}
        sort, limit = asked.get("sort", ""), asked.get("limit", "")
        dates = {name: asked.get(name, "").strip() for name in ("from", "to")}
        return cls(
            q=_text(asked, "q"),
            states=tuple(sorted(set(asked.getlist("state")) & known)),
            connection=_text(asked, "connection"),
            model=_text(asked, "model"),
            method=asked.get("method", "") if asked.get("method") in METHODS else "",
            tags=_tags(asked.getlist("tag")),
            error=_text(asked, "error"),
            first=_day(dates["from"]),
            last=_day(dates["to"]),
            stuck=asked.get("stuck") == "1",
            archived=asked.get("archived") == "1",
            sort=sort if sort.removeprefix("-") in SORTS else NEWEST,
            limit=int(limit) if limit in {str(size) for size in PAGE_SIZES} else USUAL_SIZE,
            cols=columns.known(asked.getlist("cols")),
            after=asked.get("after", "")[:300],
            unread=tuple(text[:40] for text in dates.values() if text and _day(text) is None),
        )

    @property
    def fields(self) -> Members:
        """What decides which jobs are shown, as a form repeats it."""
        one_each = (
            ("q", self.q),
            ("connection", self.connection),
            ("model", self.model),
            ("method", self.method),
            ("error", self.error),
            ("from", self.first.isoformat() if self.first else ""),
            ("to", self.last.isoformat() if self.last else ""),
            ("stuck", "1" if self.stuck else ""),
            ("archived", "1" if self.archived else ""),
        )
        return (
            *(("state", state) for state in self.states),
            *(("tag", tag) for tag in self.tags),
            *((name, value) for name, value in one_each if value),
        )

    @property
    def look(self) -> Members:
        """What decides how they are shown: order, number and columns, where they are not the usual."""
        members = (
            ("sort", self.sort if self.sort != NEWEST else ""),
            ("limit", str(self.limit) if self.limit != USUAL_SIZE else ""),
            ("cols", ",".join(self.cols)),
        )
        return tuple((name, value) for name, value in members if value)

    @property
    def members(self) -> Members:
        return self.fields + self.look

    @property
    def query_string(self) -> str:
        """The one spelling of this view, from its first page on; "" for the list as it opens."""
        return urlencode(sorted(self.members), safe=",")

    @property
    def kept_by_filters(self) -> Members:
        """What the form of search and filters has no control of its own for."""
        controls = {"q", "connection", "model", "method", "tag", "error", "from", "to"}
        controls |= {"archived", "limit", "state"}
        return tuple(one for one in self.members if one[0] not in controls)

    @property
    def kept_by_columns(self) -> Members:
        return tuple(one for one in self.members if one[0] != "cols")

    @property
    def is_narrow(self) -> bool:
        return bool(self.fields)

    @property
    def is_counted_by_index(self) -> bool:
        """Whether the states of its jobs can be counted without a look at a row."""
        return {name for name, _ in self.fields} <= {"state", "connection"}

    @property
    def has_strip(self) -> bool:
        """Whether the failures since the last visit stand above the rows."""
        return not self.is_narrow and not self.after

    @property
    def tells_failures(self) -> bool:
        """Whether the page says that some failed: by the strip, or by their number where a filter hides it."""
        return not self.after

    @property
    def shows_failures(self) -> bool:
        """Whether its rows are all failed jobs there are."""
        return self.fields == (("state", State.FAILED.value),)

    @property
    def folded_words(self) -> str:
        """The folded filters in use: all but search, state and stuck."""
        return replace(self, q="", states=(), stuck=False).words

    @property
    def column(self) -> str:
        return SORTS[self.sort.removeprefix("-")]

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def stateless(self) -> "JobFilter":
        return replace(self, states=())

    @property
    def words(self) -> str:
        """The filter as a person would say it."""
        parts = [
            " or ".join(State(state).word.lower() for state in self.states),
            "stuck or without progress" if self.stuck else "",
            "archived" if self.archived else "",
            f"connection {self.connection}" if self.connection else "",
            f"base model {self.model}" if self.model else "",
            f"method {self.method}" if self.method else "",
            f"tagged {' and '.join(self.tags)}" if self.tags else "",
            f"error code {self.error}" if self.error else "",
            _said_days(self.first, self.last),
            f"“{self.q}”" if self.q else "",
        ]
        return ", ".join(part for part in parts if part)

    @property
    def unread_note(self) -> str:
        """Why a date does not count, and that no day is between the two."""
        notes = [f"“{text}” is no date like 2026-11-27 and was left out." for text in self.unread]
        if self.first and self.last and self.first > self.last:
            notes.append("The first day is after the last one, so no job can match.")
        return " ".join(notes)


def _text(asked: QueryDict, name: str) -> str:
    return asked.get(name, "").replace("\x00", "").strip()[:200]


def _tags(given: list[str]) -> tuple[str, ...]:
    """As they are stored; what can be no tag is left out."""
    folded = (unicodedata.normalize("NFKC", tag).casefold().strip() for tag in given)
    return tuple(sorted({tag for tag in folded if labels.TAG.fullmatch(tag)}))[: labels.MOST_TAGS]


def _day(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _said_days(first: date | None, last: date | None) -> str:
    if first and last:
        return f"created from {first} to {last}" if first != last else f"created on {first}"
    return f"created since {first}" if first else f"created until {last}" if last else ""
