"""Which of several jobs is better by a metric, and whether their values compare at all. Pure.

A loss or a token accuracy holds for one tokenizer, one method and one set of examples; a reward for
one grader and one set of examples. What nobody knows to be the same is said with an if.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from dashboard import words
from dashboard.comparison import canon
from dashboard.metric_words import label_of
from dashboard.sameness import Data, Trained, joined
from providers.metrics import describe

PAIR = 2  # values that can be compared
MOST, NAME = 3, 40  # names told, and characters of a setting's
NOUNS = {"loss": "losses", "accuracy": "accuracies", "reward": "rewards"}


class Likeness(Enum):
    SAME = "same"
    UNSURE = "unsure"
    UNLIKE = "unlike"


@dataclass(frozen=True, slots=True)
class Runner:
    """A job and its value of the metric, None where it has none.

    `origin`: the base model behind the one it was trained from. `note`: how it ended, unless well.
    """

    job: Trained
    origin: str
    value: float | None = None
    is_over: bool = True
    note: str = ""

    @property
    def named(self) -> str:
        return f"{self.job.name} ({self.note})" if self.note else self.job.name


@dataclass(frozen=True, slots=True)
class Fairness:
    """What is known to differ, and what nobody knows to be the same; nothing of both where it is fair."""

    unlike: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


def fairness(metric: str, runners: Sequence[Runner]) -> Fairness:
    """Whether values of the metric compare between these jobs."""
    found = list(_checks(metric, runners))
    return Fairness(
        tuple(noun for noun, likeness in found if likeness is Likeness.UNLIKE),
        tuple(noun for noun, likeness in found if likeness is Likeness.UNSURE),
    )


def _checks(metric: str, runners: Sequence[Runner]) -> Iterable[tuple[str, Likeness]]:
    panel = describe(metric).panel
    if panel == "timing":
        return
    if panel == "reward":
        yield "graders", _likeness([_grader(one.job) for one in runners])
    else:
        yield "base models", _likeness([one.origin or None for one in runners])
        methods = [one.job.method or None for one in runners]
        # Where no provider names its method, there is but one.
        yield "methods", _likeness(methods) if any(methods) else Likeness.SAME
    yield _data(metric, [one.job for one in runners])


def _likeness(values: Sequence[object]) -> Likeness:
    """Of values of which None is unknown."""
    known = {value for value in values if value is not None}
    if len(known) > 1:
        return Likeness.UNLIKE
    return Likeness.UNSURE if None in values else Likeness.SAME


def _grader(job: Trained) -> object:
    blocks = [block for block in job.method_details.values() if isinstance(block, dict)]
    return next((canon(block["grader"]) for block in blocks if block.get("grader")), None)


def _data(metric: str, jobs: Sequence[Trained]) -> tuple[str, Likeness]:
    """Without validation files a provider takes examples for it from the training file."""
    is_training = metric.rpartition("/")[2].startswith("train")
    if is_training or not any(job.validation for job in jobs):
        return "training files", data_likeness([job.training for job in jobs])
    files = [job.validation for job in jobs]
    return "validation files", Likeness.UNLIKE if None in files else data_likeness(files)


def data_likeness(files: Sequence[Data | None]) -> Likeness:
    """None is a file that nobody knows. Two hashes or two sizes are two contents; two ids may be one."""
    known = [file for file in files if file is not None]
    if len(known) == len(files) and len({file.key for file in known}) == 1:
        return Likeness.SAME
    hashes = {file.sha256 for file in known if file.sha256}
    sizes = {file.size_bytes for file in known if file.size_bytes is not None}
    return Likeness.UNLIKE if len(hashes) > 1 or len(sizes) > 1 else Likeness.UNSURE


def answer(metric: str, runners: Sequence[Runner], *, is_final: bool = False) -> str:
    """Which of them is better by a metric that has a good direction, and why it may be; or why it
    does not tell.

    `is_final`: the values are those at the end, not the best ones of each run.
    """
    known = [one for one in runners if one.value is not None]
    label = label_of(metric)[:1].lower() + label_of(metric)[1:]
    if not known:
        return "Nothing tells which is better: none of them has a loss, an accuracy or a reward."
    if len(known) < PAIR:
        return f"Only {known[0].named} has a {label}: {words.figure(known[0].value or 0.0)}."
    fair = fairness(metric, known)
    if fair.unlike:
        noun = NOUNS.get(describe(metric).panel, "values")
        return f"Their {noun} do not compare: {joined(fair.unlike)} differ."
    told = f"final {label}" if is_final else label
    told += "" if all(one.is_over for one in known) else " so far"
    told += f", if their {joined(fair.unsure)} are the same" if fair.unsure else ""
    ranking = _ranking(told, known, is_low=describe(metric).better == "lower")
    return " ".join(filter(None, (ranking, _why([one.job for one in known]), _without(runners))))


def _without(runners: Sequence[Runner]) -> str:
    names = [one.job.name for one in runners if one.value is None]
    if len(names) > MOST:
        return f"{len(names)} have none."
    return f"Without one: {joined(names)}." if names else ""


def _why(jobs: Sequence[Trained]) -> str:
    """What they were given that differs; not the seed, which providers draw anew for each job."""
    unlike = data_likeness([job.training for job in jobs]) is Likeness.UNLIKE
    names = ["training data"] if unlike else []
    names += ["base model"] if len({job.base_model for job in jobs}) > 1 else []
    names += ["method"] if len({job.method for job in jobs if job.method}) > 1 else []
    settings = [
        {name: canon(job.hyperparameters[name]) for name in job.hyperparameters} for job in jobs
    ]
    every = dict.fromkeys(name for of_job in settings for name in of_job)
    names += [name[:NAME] for name in every if len({of.get(name) for of in settings}) > 1]
    if len({canon(job.method_details) for job in jobs}) > 1:
        names.append("details of the method")
    if not names:
        return "Their settings are equal." if all(settings) else ""
    more = len(names) - MOST
    return f"They differ in {joined([*names[:MOST], f'{more} more'] if more > 0 else names)}."


def _ranking(told: str, known: Sequence[Runner], *, is_low: bool) -> str:
    """The best, with who comes next."""
    ranked = sorted(known, key=lambda one: (one.value or 0.0) * (1 if is_low else -1))
    best = [one for one in ranked if one.value == ranked[0].value]
    value = words.figure(ranked[0].value or 0.0)
    if len(best) == len(ranked):
        return f"Equal {told}: {value} each."
    after = ranked[len(best)]
    rest = f"; next {after.named}, {words.figure(after.value or 0.0)}"
    word = "Lowest" if is_low else "Highest"
    return f"{word} {told}: {joined([one.named for one in best])}, {value}{rest}."
