"""Which jobs trained the same thing: equal data and equal settings. Pure.

What nobody knows is not the same: an unknown file or unknown settings make no two jobs alike.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from dashboard.comparison import canon

UNTOLD = "Their files differ in id or connection, and file hashes are unknown."


@dataclass(frozen=True, slots=True)
class Data:
    """A file. `sha256` and `size_bytes` where they are known; the id holds within its connection."""

    connection: str
    file_id: str
    sha256: str = ""
    size_bytes: int | None = None

    @property
    def key(self) -> Hashable:
        """Equal for two files only if they are known to be the same."""
        return self.sha256 or (self.connection, self.file_id)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a job was given. `hyperparameters` as resolved; `method_details` without these.

    `validation` None: the job names none. `is_done`: it trained to its end.
    """

    name: str
    training: Data | None
    validation: Data | None
    base_model: str
    method: str
    hyperparameters: Mapping[str, object]
    method_details: Mapping[str, object]
    seed: int | None
    is_done: bool

    @property
    def settings(self) -> Hashable | None:
        """All but the data; None when the provider does not say what it trained with."""
        if not self.hyperparameters or not self.base_model:
            return None
        details = canon(self.method_details)
        return (self.base_model, self.method, self.seed, canon(self.hyperparameters), details)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`sentence` about the jobs; `basis`: what was compared, and what is unknown of it."""

    sentence: str
    basis: str
    is_same: bool


def verdicts(jobs: Sequence[Trained]) -> tuple[Verdict, ...]:
    """What is the same, then what may be: equal settings with files that nobody can tell apart."""
    by_settings = _grouped((job.settings, job) for job in jobs if job.settings is not None)
    same: list[Verdict] = []
    perhaps: list[Verdict] = []
    for like in by_settings:
        by_data = _grouped((_data(job), job) for job in like if job.training is not None)
        same += [_same(twins) for twins in by_data if len(twins) > 1]
        perhaps += [_perhaps(doubtful) for doubtful in _doubtful(by_data)]
    return (*same, *perhaps)


def _grouped(pairs: Iterable[tuple[Hashable, Trained]]) -> list[list[Trained]]:
    groups: dict[Hashable, list[Trained]] = {}
    for key, job in pairs:
        groups.setdefault(key, []).append(job)
    return list(groups.values())


def _data(job: Trained) -> Hashable:
    return (job.training and job.training.key, job.validation and job.validation.key)


def _same(twins: Sequence[Trained]) -> Verdict:
    did = "trained" if all(job.is_done for job in twins) else "were given"
    return Verdict(f"{listed(twins)} {did} the same thing.", _basis(twins), is_same=True)


def _basis(twins: Sequence[Trained]) -> str:
    first = twins[0]
    parts = [f"training file ({_known_by(first.training)})"]
    if first.validation is not None:
        parts.append(f"validation file ({_known_by(first.validation)})")
    parts += ["base model", *(["method"] if first.method else []), "hyperparameters"]
    parts += [] if first.seed is None else ["seed"]
    missing = [] if first.method else ["method"]
    missing += ["seed"] if first.seed is None else []
    text = f"Equal: {', '.join(parts)}."
    if first.validation is None:
        text += " None of them names a validation file."
    return text + (f" Not given: {' and '.join(missing)}." if missing else "")


def _known_by(file: Data | None) -> str:
    return "by its SHA-256" if file and file.sha256 else "by its id on one connection"


def _doubtful(by_data: Sequence[Sequence[Trained]]) -> list[list[Trained]]:
    """Sets of jobs whose files may be the same, as far as anybody knows: one of each data at least."""
    doubtful: list[set[int]] = []
    for one, other in combinations(range(len(by_data)), 2):
        if _may_be_same(by_data[one][0], by_data[other][0]):
            linked = [group for group in doubtful if group & {one, other}]
            doubtful = [group for group in doubtful if group not in linked]
            doubtful.append({one, other}.union(*linked))
    return [[job for place in sorted(group) for job in by_data[place]] for group in doubtful]


def _may_be_same(one: Trained, other: Trained) -> bool:
    pairs = ((one.training, other.training), (one.validation, other.validation))
    return all(_may_be_equal(mine, yours) for mine, yours in pairs)


def _may_be_equal(mine: Data | None, yours: Data | None) -> bool:
    if mine is None or yours is None:
        return mine is yours
    if mine.sha256 and yours.sha256:
        return mine.sha256 == yours.sha256
    sizes = {size for size in (mine.size_bytes, yours.size_bytes) if size is not None}
    return len(sizes) < 2  # noqa: PLR2004  # two sizes are two contents


def _perhaps(jobs: Sequence[Trained]) -> Verdict:
    sentence = f"{listed(jobs)} have equal settings; whether their data is the same is unknown."
    return Verdict(sentence, UNTOLD, is_same=False)


def listed(jobs: Sequence[Trained]) -> str:
    """v7, v9 and v12."""
    return joined([job.name for job in jobs])


def joined(names: Sequence[str]) -> str:
    """As a sentence lists them.

    >>> joined(["v7", "v9", "v12"]), joined(["v7"])
    ('v7, v9 and v12', 'v7')
    """
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
