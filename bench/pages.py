"""b1 to b4: the jobs list. e: a poll of it that finds nothing new."""

from dataclasses import dataclass
from http import HTTPStatus

from bench import runs
from bench.asking import Ask, checked, in_turn
from bench.compared import OURS, Goal, Limits, Measured, compared
from bench.peers.peer import Peer
from bench.site import Site
from bench.table import Row

TAG_HEADER = "HX-PTag"  # with which a page asks for what is new
MOST_SQL = 10
POLL_SQL, POLL_KB = 2, 1
# Its poll of 100 checks took 12 to 14 ms on such a machine; it is not run again here.
HEALTHCHECKS, HEALTHCHECKS_MS = "Healthchecks, earlier", 13.0
MANY_MS = {100_000: 20, 1_000_000: 40}


@dataclass(frozen=True, slots=True)
class View:
    """A page, and the word by which a peer is asked for the like of it."""

    what: str
    path: str
    word: str
    goal: Goal
    most_kb: int | None = None  # before gzip


VIEWS = {
    "b1": View("50 newest jobs of 10,000", "/jobs/", "newest", Goal(12, 0.4, "MLflow"), 60),
    "b3": View(
        "succeeded ones of 10,000 by final validation loss",
        "/jobs/?state=succeeded&sort=loss",
        "by loss",
        Goal(50, 0.01, "MLflow"),
    ),
    "b4": View(
        "search for part of a name in 10,000", "/jobs/?q=v4217", "search", Goal(20, 1.5, "MLflow")
    ),
}


def rows(site: Site, peers: list[Peer], chosen: set[str], database: str) -> list[Row]:
    found = [
        listed(name, view, site, peers, database) for name, view in VIEWS.items() if name in chosen
    ]
    return [*found, polled(site, database)] if "e" in chosen else found


def listed(name: str, view: View, site: Site, peers: list[Peer], database: str) -> Row:
    counted = site.counted(view.path)
    limits = {"SQL": (counted.sql, MOST_SQL), "KB": (counted.bytes / 1000, view.most_kb)}
    sides = measured(f"{name} {database}", page_of(site, view.path), view.word, peers)
    return compared(name, f"{view.what}, {database}", sides, view.goal, Limits(limits))


def page_of(site: Site, path: str) -> Ask:
    line = site.line
    return checked(lambda: line.get(path))


def measured(title: str, ours: Ask, word: str, peers: list[Peer]) -> dict[str, Measured]:
    """Ours and the peers that can do the like, in turn."""
    asks = {OURS: ours} | {peer.name: peer.asks[word] for peer in peers if word in peer.asks}
    beside = {side: f"{len(ask().body) / 1000:,.0f} KB" for side, ask in asks.items()}
    return {side: Measured(ms, beside[side]) for side, ms in in_turn(asks, title).items()}


def polled(site: Site, database: str) -> Row:
    """The list's own poll: with the tag of what it shows, answered without a body."""
    line = site.line
    tag = line.get("/jobs/").headers[TAG_HEADER.lower()]
    told = {"HX-Request": "true", TAG_HEADER: tag}
    ask = checked(lambda: line.get("/jobs/", **told), HTTPStatus.NOT_MODIFIED)
    counted = site.counted("/jobs/", **told)
    reply = ask()
    sent = len(reply.body) + sum(
        len(f"{name}: {value}\r\n") for name, value in reply.headers.items()
    )
    limits = {"SQL": (counted.sql, POLL_SQL), "KB": (sent / 1000, POLL_KB)}
    sides = measured(f"e {database}", ask, "", [])
    sides[HEALTHCHECKS] = Measured([HEALTHCHECKS_MS], "26 KB")
    what = f"poll of the unchanged list: 304, {database}"
    return compared("e", what, sides, Goal(3, 0.25, HEALTHCHECKS), Limits(limits))


def many(site: Site, counts: tuple[int, ...], database: str) -> list[Row]:
    """b2: the first page of ever more jobs, with the same number of statements."""
    usual, found = site.counted("/jobs/").sql, []
    for count in counts:
        if count > runs.RUNS:
            site.hold(count)
            found.append(one_of_many(site, count, usual, database))
    return found


def one_of_many(site: Site, count: int, usual: int, database: str) -> Row:
    sql = site.counted("/jobs/").sql
    sides = measured(f"b2 {count:,} {database}", page_of(site, "/jobs/"), "", [])
    what = f"50 newest jobs of {count:,}, {database}"
    return compared("b2", what, sides, Goal(MANY_MS[count]), Limits({"SQL": (sql, usual)}))
