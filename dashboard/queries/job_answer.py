"""What the provider says of a job: its settings as they came, and the newest answer whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.queries import snapshots
from dashboard.queries.hyperparameters import Hyperparameter, hyperparameters
from dashboard.queries.leaves import Leaf, leaves
from jobs.models import Job, Snapshot

RAW_SHOWN = 100_000  # characters; a longer answer has its own page only
# Members of the wire job that have a place of their own on the page; all others are listed as such.
PLACED = frozenset(
    [
        *("id", "object", "created_at", "finished_at", "estimated_finish", "status", "error"),
        *("model", "fine_tuned_model", "suffix", "user_provided_suffix", "seed", "metadata"),
        *("training_file", "validation_file", "result_files", "trained_tokens", "integrations"),
        *("hyperparameters", "method", "organization_id"),
    ]
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the job was asked to do: its hyperparameters, its method block and its graders."""

    rows: tuple[Hyperparameter, ...]
    has_top_level: bool
    method: tuple[Leaf, ...]
    grader: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The newest answer as it came. `others`: its members that have no place of their own.

    `text`: "" of one that is too long for the page; `length` in characters.
    """

    text: str
    length: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    object_word: str
    others: tuple[Leaf, ...]


def settings_of(job: Job, content: Mapping[str, object]) -> Settings:
    """`content`: the newest answer, which may name hyperparameters outside the method too."""
    outside = content.get("hyperparameters")
    top_level = outside if isinstance(outside, Mapping) else {}
    rows = hyperparameters(job.requested, job.hyperparameters, top_level)
    method, grader = split_method(job.method_details)
    return Settings(rows, any(row.top_level for row in rows), method, grader)


def answer_of(snapshot: Snapshot | None, content: Mapping[str, object]) -> Answer:
    pretty = snapshots.pretty(snapshot.body) if snapshot else ""
    return Answer(
        text=pretty if len(pretty) <= RAW_SHOWN else "",
        length=len(pretty),
        first_seen_at=snapshot.first_seen_at if snapshot else None,
        last_seen_at=snapshot.last_seen_at if snapshot else None,
        object_word=str(content.get("object") or ""),
        others=leaves({name: value for name, value in content.items() if name not in PLACED}),
    )


def split_method(details: Mapping[str, object]) -> tuple[tuple[Leaf, ...], tuple[Leaf, ...]]:
    """The method block without its graders, and the graders: private code that is shown folded."""
    block: dict[str, object] = {}
    grader: object = None
    for name, member in details.items():
        if isinstance(member, Mapping) and "grader" in member:
            grader = member["grader"]
            block[name] = {key: value for key, value in member.items() if key != "grader"}
        elif name == "grader":
            grader = member
        else:
            block[name] = member
    return leaves(block), leaves(grader)
