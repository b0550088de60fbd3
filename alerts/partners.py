"""The job that an alert is best compared with: the last one that succeeded on the same thing."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from jobs.models import Job, Transition
from jobs.refs import Ref
from providers.states import State

NEWEST = 500  # of a team's successes: read back along one index, never the whole history


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job by what makes two of them alike. A training file's id holds within its connection."""

    pk: int
    ref: Ref
    base_model: str
    suffix: str
    training_file: str
    created_at: datetime | None


def partner_of(job: Candidate, successes: Iterable[Candidate]) -> Ref | None:
    """The first of these that was made before the job, of its base model, and of its name or data.

    `successes`: newest first.
    """
    return next(
        (one.ref for one in successes if _is_earlier(one, job) and _is_alike(one, job)), None
    )


def _is_earlier(one: Candidate, job: Candidate) -> bool:
    if one.pk == job.pk or one.created_at is None:
        return False
    return job.created_at is None or one.created_at < job.created_at


def _is_alike(one: Candidate, job: Candidate) -> bool:
    if not job.base_model or one.base_model != job.base_model:
        return False
    has_its_data = one.training_file == job.training_file != ""
    is_on_its_connection = one.ref.connection == job.ref.connection
    return one.suffix == job.suffix != "" or (has_its_data and is_on_its_connection)


def partners_of(transitions: Collection[Transition]) -> dict[int, Ref]:
    """By job, for those of these transitions that have one: a query a team."""
    jobs = {one.job.pk: _candidate(one.job, one.connection.slug) for one in transitions if one.job}
    teams = {one.job.pk: one.connection.team_id for one in transitions if one.job}
    successes = _successes(set(teams.values()))
    found = {pk: partner_of(job, successes[teams[pk]]) for pk, job in jobs.items()}
    return {pk: ref for pk, ref in found.items() if ref}


def _successes(team_ids: Collection[int]) -> Mapping[int, list[Candidate]]:
    found: dict[int, list[Candidate]] = {}
    for team_id in team_ids:
        rows = Job.objects.filter(
            team=team_id, state=State.SUCCEEDED.value, created_at__isnull=False, archived_at=None
        )
        newest = rows.order_by("-created_at").values_list(
            *("pk", "connection__slug", "provider_id"),
            *("base_model", "suffix", "training_file", "created_at"),
        )
        found[team_id] = [
            Candidate(pk, Ref(slug, job_id), model, suffix or "", file_id or "", created_at)
            for pk, slug, job_id, model, suffix, file_id, created_at in newest[:NEWEST]
        ]
    return found


def _candidate(job: Job, slug: str) -> Candidate:
    return Candidate(
        pk=job.pk,
        ref=Ref(slug, job.provider_id),
        base_model=job.base_model,
        suffix=job.suffix or "",
        training_file=job.training_file or "",
        created_at=job.created_at,
    )
