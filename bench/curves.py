"""d1 and d2: what a chart is drawn from, of a run with many points. d3: eight runs side by side."""

from urllib.parse import quote

from bench.compared import Goal, Limits, Measured, compared
from bench.pages import measured, page_of
from bench.peers.peer import Peer
from bench.site import Site
from bench.table import Row

POINTS = "/jobs/{job}/points/?panel=loss"
COMPARE = "/compare/?jobs={jobs}"
MOST_KB, COMPARE_SQL = 60, 15
CHARTS = {  # which job; in which words; how a peer is asked for the like; what is to hold
    "d1": ("long", "10,000", "sampled", Goal(8, 0.22, "MLflow")),
    "d2": ("longest", "100,000", "full", Goal(25, 0.006, "MLflow")),
}


def rows(site: Site, peers: list[Peer], chosen: set[str]) -> list[Row]:
    found = [drawn(name, site, peers) for name in CHARTS if name in chosen]
    return [*found, side_by_side(site)] if "d3" in chosen else found


def drawn(name: str, site: Site, peers: list[Peer]) -> Row:
    """Training and validation loss of ours; a peer is asked for one of them."""
    job, points, word, goal = CHARTS[name]
    path = POINTS.format(job=site.jobs[job])
    first = site.line.get(path)
    sides = measured(name, page_of(site, path), word, peers)
    what = f"chart data of a run of {points} points, two metrics (first time {first.ms:.0f} ms)"
    kb = {"KB": (site.counted(path).bytes / 1000, MOST_KB)}
    return compared(name, what, sides, goal, Limits(kb))


def side_by_side(site: Site) -> Row:
    path = COMPARE.format(jobs=quote(",".join(site.jobs["compared"]), safe="/,"))
    sides: dict[str, Measured] = measured("d3", page_of(site, path), "", [])
    sql = {"SQL": (site.counted(path).sql, COMPARE_SQL)}
    what = "8 runs of 1,000 points compared: differences and curves"
    return compared("d3", what, sides, Goal(60), Limits(sql))
