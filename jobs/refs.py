"""Jobs in an address: `connection/job_id`, several with commas between. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

_ESCAPED = {"%": "%25", ",": "%2C"}  # what an id may have that would end it, or be read as this
_TABLE = str.maketrans(_ESCAPED)


@dataclass(frozen=True, slots=True)
class Ref:
    """A job by the slug of its connection and its id there."""

    connection: str
    job_id: str

    def __str__(self) -> str:
        return f"{self.connection}/{self.job_id.translate(_TABLE)}"


def read_refs(text: str) -> tuple[Ref, ...] | None:
    """The jobs that a text names, each once, in their order; None when a part of it names none.

    >>> read_refs("prod/ftjob-a,lab/ftjob-b,prod/ftjob-a")
    (Ref(connection='prod', job_id='ftjob-a'), Ref(connection='lab', job_id='ftjob-b'))
    >>> read_refs("prod") is None
    True
    """
    refs: dict[Ref, None] = {}
    for part in filter(None, text.split(",")):
        connection, _, job_id = part.partition("/")
        ref = Ref(connection, unquote(job_id))
        if not ref.connection or not ref.job_id or "\x00" in part or "\x00" in ref.job_id:
            return None
        refs[ref] = None
    return tuple(refs)


def spell_refs(refs: Iterable[Ref]) -> str:
    """What `read_refs` reads."""
    return ",".join(map(str, refs))


def compare_path(refs: Iterable[Ref]) -> str:
    """The page that shows these jobs side by side, as the contract names it.

    >>> compare_path([Ref("prod", "ftjob-a"), Ref("lab", "ftjob-b")])
    '/compare/?jobs=prod/ftjob-a,lab/ftjob-b'
    """
    return f"/compare/?jobs={quote(spell_refs(refs), safe='/,')}"
