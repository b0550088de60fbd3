"""Finding jobs by words: the text a job is found by, who writes it, and which jobs have all words.

A word is found anywhere in it, so a part of an id will do. Both sides are folded here, in Python:
SQLite knows no case but that of ASCII, and both databases must find the same jobs.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q

from jobs.models import File, Job, SearchText
from jobs.models.job import JobQuerySet

# What is observed, in the order in which it is kept when all of it is too long.
OBSERVED = (
    *("suffix", "base_model", "fine_tuned_model", "training_file", "validation_file"),
    *("result_files", "error_code", "metadata", "error_message"),
)
COLUMNS = ("provider_id", "tags", "note", *OBSERVED)
MOST_CHARS = 8000
MOST_MESSAGE = 2000
MOST_WORDS = 12
MOST_NAMED = 1000  # jobs that a page names one by one; of more it asks the table again
WRITTEN_AT_ONCE = 500
_WORD = re.compile(r'"([^"]+)"|(\S+)')
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def fold(text: str) -> str:
    """The text as it is compared: without case, and one spelling of each accented letter.

    >>> fold("STRASSE") == fold("straße")
    True
    """
    if text.isascii():
        return text.lower().replace("\x00", "")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _UNSTORABLE.sub("", folded)


def words_of(q: str) -> list[str]:
    """The folded words of a search, each once, at most twelve. What stands in quotes is one of them.

    >>> words_of("Bot  bot ÉTÉ"), words_of('"invalid  token" eu "')
    (['bot', 'été'], ['invalid token', 'eu', '"'])
    """
    found = (" ".join((quoted or word).split()) for quoted, word in _WORD.findall(fold(q)))
    return list(dict.fromkeys(filter(None, found)))[:MOST_WORDS]


def text_of(job: Mapping[str, object], file_names: Iterable[str] = ()) -> str:
    """The text of a job with these columns: its folded id on the first line, one fact on each other.

    At most 8,000 characters; what people wrote comes before what a provider may say at length.
    """
    lines = [str(job["provider_id"]), str(job["tags"]), str(job["note"]), *file_names]
    for name in OBSERVED:
        value = job[name]
        lines += _lines(value[:MOST_MESSAGE] if isinstance(value, str) else value)
    return fold("\n".join(line for line in lines if line))[:MOST_CHARS]


def _lines(value: object) -> list[str]:
    """Every text and number in a value as JSON has it, with the names of an object's members."""
    if isinstance(value, Mapping):
        return [f"{key} {line}" for key, inner in value.items() for line in _lines(inner)]
    if isinstance(value, list):
        return [line for inner in value for line in _lines(inner)]
    return [] if value is None or value == "" else [str(value)]


def is_outdated(job: Job) -> bool:
    """Whether what was observed of a held job is other than when it was found."""
    held, now = job.as_held, job.__dict__
    is_new = held.get("applied_request_at") is None
    return is_new or any(held.get(name) != now.get(name) for name in OBSERVED)


def refresh(job_ids: Collection[int]) -> None:
    """Writes the texts of these jobs anew, in three statements for up to 500 of them.

    Call it in the transaction that changed them, after their rows were written: these are locked then,
    so of two writers the later one reads what the other wrote.
    """
    if not job_ids:
        return
    rows = list(
        Job.objects.filter(pk__among=job_ids)
        .order_by("pk")
        .values("pk", "team_id", "connection_id", *COLUMNS)
    )
    names = _file_names(rows)
    SearchText.objects.bulk_create(
        [
            SearchText(
                job_id=row["pk"],
                team_id=row["team_id"],
                text=text_of(row, [names.get(key, "") for key in _files_of(row)]),
            )
            for row in rows
        ],
        update_conflicts=True,
        unique_fields=["job"],
        update_fields=["text"],
        batch_size=WRITTEN_AT_ONCE,
    )


FileKey = tuple[int, str]  # connection, provider id


def _files_of(row: Mapping[str, object]) -> list[FileKey]:
    results = row["result_files"]
    listed = results if isinstance(results, list) else []
    found = [row["training_file"], row["validation_file"], *listed]
    return [(int(str(row["connection_id"])), str(name)[:200]) for name in found if name]


def _file_names(rows: Iterable[Mapping[str, object]]) -> dict[FileKey, str]:
    wanted = {key for row in rows for key in _files_of(row)}
    if not wanted:
        return {}
    found = File.objects.filter(
        connection__in={connection for connection, _ in wanted},
        provider_id__among=sorted({name for _, name in wanted}),
    ).exclude(filename="")
    return {
        (connection, name): filename
        for connection, name, filename in found.values_list(
            "connection_id", "provider_id", "filename"
        )
    }


@dataclass(frozen=True, slots=True)
class Hits:
    """The jobs that have all words. `ids` is None where they are too many to name one by one.

    `exact`: the jobs whose id is what was searched for.
    """

    words: tuple[str, ...]
    ids: tuple[int, ...] | None
    exact: tuple[int, ...] = ()

    def among(self, jobs: JobQuerySet, team_ids: Collection[int]) -> JobQuerySet:
        if self.ids is None:
            found = SearchText.objects.filter(_matching(self.words), team__in=team_ids)
            return jobs.filter(pk__in=found.values("job"))
        return jobs.filter(pk__among=self.ids) if self.ids else jobs.none()


def hits(team_ids: Collection[int], q: str) -> Hits:
    """In one statement: the jobs of these teams that have every word of `q`."""
    words = tuple(words_of(q))
    rows = SearchText.objects.filter(_matching(words), team__in=team_ids)
    exact = Q(text__startswith=f"{' '.join(words)}\n")
    marked = rows.annotate(is_exact=exact).values_list("job_id", "is_exact")
    found = list(marked[: MOST_NAMED + 1])
    return Hits(
        words,
        ids=None if len(found) > MOST_NAMED else tuple(pk for pk, _ in found),
        exact=tuple(pk for pk, is_exact in found if is_exact),
    )


def _matching(words: Iterable[str]) -> Q:
    condition = Q()
    for word in words:
        condition &= Q(text__contains=word)
    return condition
