"""Which jobs are changed together: the ticked ones, or all that the list's filter shows."""

from dataclasses import dataclass

from django.http import QueryDict

from accounts.models import Team
from dashboard import words
from dashboard.queries.export import EVERY, TICKED, chosen_jobs

MOST = 1_000
NAMED = 12  # of them on the page that asks, and in the log as far as a line goes
LISTED = "jobs"  # how the page that asks hands them on: many fields are refused, one is not


class TooMany(ValueError):
    """More than one request changes."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"These are {words.counted(number, 'job')}; at most {words.thin(MOST)} are changed at "
            "once. Nothing was changed: narrow the filter first."
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """`names`: of the first of them, as people know them; `provider_ids`: of the same."""

    ids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    provider_ids: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        return len(self.ids)

    @property
    def more(self) -> int:
        return len(self.ids) - len(self.names)

    @property
    def listed(self) -> str:
        """What the page that asks hands on."""
        return " ".join(map(str, self.ids))

    @property
    def subject(self) -> str:
        """For the log."""
        return f"{words.counted(self.number, 'job')}: {', '.join(self.provider_ids)}"


def chosen(team: Team, posted: QueryDict, shown: QueryDict) -> Chosen:
    """`shown`: the list's filter. Empty when nothing was ticked.

    Raises BadRequest for what is no row's number, Http404 when none of the ticked is there, TooMany.
    """
    asked = shown.copy()
    for name in (TICKED, EVERY):
        asked.pop(name, None)
    if posted.get(EVERY) != "1":  # said outright: a forgotten tick must not mean everything
        ticked = posted.getlist(TICKED) + posted.get(LISTED, "").split()
        if not ticked:
            return Chosen()
        if len(ticked) > MOST:
            raise TooMany(len(ticked))
        asked.setlist(TICKED, ticked)
    found = chosen_jobs(team, asked).order_by("pk").only("pk", "suffix", "provider_id")
    jobs = list(found[: MOST + 1])
    if len(jobs) > MOST:
        raise TooMany(found.count())
    return Chosen(
        ids=tuple(job.pk for job in jobs),
        names=tuple(job.name for job in jobs[:NAMED]),
        provider_ids=tuple(job.provider_id for job in jobs[:NAMED]),
    )
