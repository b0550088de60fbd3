"""What people say of jobs: the only writer of their tags and notes, and of the names of a team's tags.

Rows are locked as everywhere: jobs in the order of their keys, the team last. So two who tag at the
same time wait for each other, and whoever comes second counts the tags of both.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from accounts.models import Team
from jobs import searching
from jobs.claims import remember, save_all_changes
from jobs.models import Job
from jobs.record import touch_team

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

MOST_TAGS = 20  # of a job: with the spaces between them they fit its column
MOST_OF_TEAM = 500  # different ones: every page reads them with the team
MOST_NOTE = 4_000  # characters
MOST_SHOWN = 60  # characters of what cannot be a tag
TAG = re.compile(r"[\w.:-]{1,40}")
_APART = re.compile(r"[\s,;]+")
HOW = "A tag has 1 to 40 letters, digits or . _ : - and no space in it."


class Overtaken(ValueError):
    """Somebody else changed the note meanwhile. The argument is the note as it is now."""

    def __init__(self, note: str) -> None:
        super().__init__("Somebody changed the note meanwhile.")
        self.note = note


@dataclass(frozen=True, slots=True)
class Labelled:
    """How many jobs got other tags, had them so already, and had no room for more."""

    changed: int = 0
    same: int = 0
    full: int = 0


def checked_tags(text: str) -> tuple[str, ...]:
    """The tags that a text names, in small letters and each once. Raises ValueError.

    >>> checked_tags("Prod, eu  prod")
    ('prod', 'eu')
    """
    words = [word for word in _APART.split(unicodedata.normalize("NFKC", text)) if word]
    tags = tuple(dict.fromkeys(word.casefold() for word in words))
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise ValueError(f"“{_shown(tag)}” cannot be a tag. {HOW}")
    if len(tags) > MOST_TAGS:
        raise ValueError(f"A job has at most {MOST_TAGS} tags; these are {len(tags)}.")
    return tags


def checked_note(text: str) -> str:
    """The note as it is kept: its lines, without what cannot be seen. Raises ValueError."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    note = "".join(sign for sign in lines if sign in "\n\t" or _is_visible(sign)).strip()
    if len(note) > MOST_NOTE:
        raise ValueError(f"A note has at most {MOST_NOTE} characters; this one has {len(note)}.")
    return note


def tags_of(column: str) -> tuple[str, ...]:
    """The tags in the text of `Job.tags`."""
    return tuple(column.split())


def mark_of(note: str) -> str:
    """What a form carries, so that nobody writes over a note that he did not see."""
    return hashlib.blake2b(note.encode(), digest_size=8).hexdigest()


def tag(
    team: Team, job_ids: Collection[int], *, add: Collection[str] = (), remove: Collection[str] = ()
) -> Labelled:
    """Gives tags to jobs of the team, or takes them away. Raises ValueError: too many for the team.

    `add`, `remove`: as `checked_tags` gives them. A job without room for all of `add` stays as it is.
    """
    with transaction.atomic():
        held = _held(team, job_ids, "tags")
        changed: list[Job] = []
        full = 0
        for job in held:
            had = set(tags_of(job.tags))
            wanted = (had | set(add)) - set(remove)
            if len(wanted) > max(MOST_TAGS, len(had)):
                full += 1
            elif wanted != had:
                job.tags = f" {' '.join(sorted(wanted))} " if wanted else ""
                changed.append(job)
        _save(changed)
        if changed:
            gather(team.pk)
    return Labelled(len(changed), len(held) - len(changed) - full, full)


def set_note(team: Team, job_id: int, note: str, seen: str) -> bool:
    """Writes the note; False when it was so already. Raises Overtaken.

    `note`: as `checked_note` gives it. `seen`: the mark of the note that its writer saw.
    """
    with transaction.atomic():
        held = [job for job in _held(team, [job_id], "note") if job.note != note]
        for job in held:
            if mark_of(job.note) != seen:
                raise Overtaken(job.note)
            job.note = note
        _save(held)
        if held:
            touch_team(team.pk)
    return bool(held)


def gather(team_id: int) -> None:
    """Writes anew which tags the team's jobs carry, and has its pages fetch again.

    Last in a transaction: it locks the team's row. Raises ValueError when there are too many.
    """
    team = Team.objects.select_for_update(no_key=True).only("tags").get(pk=team_id)
    used = Job.objects.filter(team=team_id).exclude(tags="").order_by()
    names = sorted(
        {name for text in used.values_list("tags", flat=True).distinct() for name in tags_of(text)}
    )
    if len(names) > max(MOST_OF_TEAM, len(team.tags)):
        raise ValueError(f"A team has at most {MOST_OF_TEAM} different tags. Take some away first.")
    if names != team.tags:
        Team.objects.filter(pk=team_id).update(tags=names, version=F("version") + 1)
    else:
        touch_team(team_id)


def _held(team: Team, job_ids: Collection[int], column: str) -> list[Job]:
    jobs: JobQuerySet = Job.objects.for_team(team).filter(pk__among=job_ids)
    locked = jobs.select_for_update(no_key=True, of=("self",)).order_by("pk")
    return remember(locked.only("version", column))


def _save(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.version += 1
    if jobs:
        save_all_changes(jobs)
        searching.refresh([job.pk for job in jobs])


def _shown(tag: str) -> str:
    plain = "".join(sign for sign in tag if unicodedata.category(sign) != "Cf")
    return plain if len(plain) <= MOST_SHOWN else f"{plain[: MOST_SHOWN - 1]}…"


def _is_visible(sign: str) -> bool:
    return unicodedata.category(sign) not in {"Cc", "Cs"}
