"""What the address of the models register asks for, and the order it gives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, NullIf
from django.http import QueryDict

from dashboard.queries.models_ends import LAST, RETIRED, UNANNOUNCED, Ends, Pair
from jobs.models import Checkpoint, Job
from jobs.models.job import JobQuerySet

DAYS = ("7", "30", "90")
SORTS = ("shutdown", "created", "name", "best")
USUAL = "shutdown"
LIMIT = 50


@dataclass(frozen=True, slots=True)
class ModelFilter:
    """Anything unreadable in the address is as if it were not there. `after`: the job shown last."""

    q: str = ""
    base: str = ""
    days: str = ""
    sort: str = USUAL
    after: str = ""

    @classmethod
    def read(cls, asked: QueryDict) -> "ModelFilter":
        days, sort = asked.get("days", ""), asked.get("sort", "")
        return cls(
            q=asked.get("q", "").strip().replace("\x00", "")[:300],
            base=asked.get("base", "").strip().replace("\x00", "")[:200],
            days=days if days in {*DAYS, UNANNOUNCED, RETIRED} else "",
            sort=sort if sort.removeprefix("-") in SORTS else USUAL,
            after=asked.get("after", "")[:40],
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.q or self.base or self.days)

    @property
    def column(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def words(self) -> str:
        spans = {UNANNOUNCED: "no day announced", RETIRED: "retired", "": ""}
        parts = [spans.get(self.days, f"retiring within {self.days} days")]
        parts += [f"base model {self.base}"] if self.base else []
        parts += [f"“{self.q}”"] if self.q else []
        return ", ".join(part for part in parts if part)


def made(jobs: JobQuerySet) -> JobQuerySet:
    """The jobs that left something to use: a model, or checkpoints."""
    saved = Checkpoint.objects.filter(job=OuterRef("pk"), model__gt="")
    return jobs.filter(Q(fine_tuned_model__gt="") | Q(Exists(saved)))


def searched(jobs: JobQuerySet, asked: ModelFilter, ends: Ends) -> JobQuerySet:
    """By what was typed and by base model; not yet by days, so that their counts can be shown."""
    if asked.base:
        wanted = [pair for pair, end in ends.items() if asked.base in {end.base_model, pair[1]}]
        jobs = jobs.filter(of_pairs(wanted))
    if not asked.q:
        return jobs
    saved = Checkpoint.objects.filter(job=OuterRef("pk"), model__icontains=asked.q)
    found = Q(Exists(saved))
    for column in ("fine_tuned_model", "suffix", "provider_id", "base_model"):
        found |= Q(**{f"{column}__icontains": asked.q})
    return jobs.filter(found)


def within(jobs: JobQuerySet, asked: ModelFilter, ends: Ends) -> JobQuerySet:
    if not asked.days:
        return jobs
    return jobs.filter(of_pairs(pair for pair, end in ends.items() if end.is_within(asked.days)))


def of_pairs(pairs: Iterable[Pair]) -> Q:
    """Of these connections and base models: a term for each connection, none for each name."""
    named: dict[int, list[str]] = {}
    for connection_id, name in pairs:
        named.setdefault(connection_id, []).append(name)
    found = Q(pk__in=())
    for connection_id, names in named.items():
        found |= Q(connection=connection_id, base_model__among=names)
    return found


def ordered(jobs: JobQuerySet, asked: ModelFilter, ends: Ends) -> JobQuerySet:
    """Each with the `key` it is sorted by; what has none comes last either way, of equals the newest."""
    jobs = jobs.annotate(key=_key(asked, ends))
    key = F("key")
    is_last = True if asked.column == "best" else None
    order = key.desc(nulls_last=is_last) if asked.is_descending else key.asc(nulls_last=is_last)
    return jobs.order_by(order, "-listed_at", "-pk")


def _key(asked: ModelFilter, ends: Ends) -> Combinable:
    if asked.column == "shutdown":
        return _rank(ends)
    if asked.column == "name":
        return Coalesce(NullIf("fine_tuned_model", Value("")), "provider_id")
    return F("listed_at" if asked.column == "created" else "best_valid_loss")


def _rank(ends: Ends) -> Combinable:
    """The days stand in another table under another name: they go along as a table of their own."""
    ranked: dict[int, list[Pair]] = {}
    for pair, end in ends.items():
        if end.on is not None:
            ranked.setdefault(end.rank, []).append(pair)
    cases = [When(of_pairs(pairs), then=Value(rank)) for rank, pairs in sorted(ranked.items())]
    return Case(*cases, default=Value(LAST), output_field=IntegerField())


def last_shown(jobs: JobQuerySet, after: str) -> Mapping[str, object] | None:
    """Where the cursor stands; None for one that is gone or never was."""
    try:
        public_id = UUID(after)
    except ValueError:
        return None
    found = jobs.filter(public_id=public_id)
    return found.values("key", "listed_at", "pk").first()  # type: ignore[misc]  # `ordered` annotates it


def beyond(jobs: JobQuerySet, asked: ModelFilter, last: Mapping[str, object]) -> JobQuerySet:
    """What comes after it in the order."""
    key, listed_at, pk = last["key"], last["listed_at"], last["pk"]
    later = Q(listed_at__lt=listed_at) | Q(listed_at=listed_at, pk__lt=pk)
    if key is None:
        return jobs.filter(Q(key__isnull=True) & later)
    direction = "lt" if asked.is_descending else "gt"
    nextup = Q(**{f"key__{direction}": key}) | (Q(key=key) & later)
    return jobs.filter(nextup | Q(key__isnull=True) if asked.column == "best" else nextup)


def job_of(jobs: JobQuerySet) -> JobQuerySet:
    """Only the columns that a row of the register needs."""
    wanted = ("provider_id", "public_id", "connection", "base_model", "fine_tuned_model", "suffix")
    figures = ("best_valid_loss", "valid_loss", "train_loss", "reward", "trained_tokens")
    rest = ("state", "method", "created_at", "result_files", "checkpoints_read_at")
    return jobs.only(*wanted, *figures, *rest, "listed_at")


__all__ = [
    "DAYS", "LIMIT", "Job", "ModelFilter", "beyond", "job_of", "last_shown", "made", "ordered",
    "searched", "within",
]  # fmt: skip
