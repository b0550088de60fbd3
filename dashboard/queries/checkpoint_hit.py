"""The job behind a checkpoint's model: what is deployed is often a checkpoint, and names no job."""

from django.db.models import Q

from accounts.models import Team
from jobs import searching
from jobs.models import Checkpoint, Job

SHORTEST = 8  # characters of an id that is worth a look at all checkpoints


def job_of_checkpoint(team: Team, q: str, hits: searching.Hits | None) -> Job | None:
    """The only job with a checkpoint of this model or id, where the search found no job.

    Texts of jobs do not name their checkpoints: there may be thousands of them.
    """
    if hits is None or hits.ids != () or len(q) < SHORTEST or len(q.split()) > 1:
        return None
    named = Checkpoint.objects.filter(Q(model=q) | Q(provider_id=q))
    jobs = Job.objects.for_team(team).filter(
        pk__in=named.values("job"), connection__archived_at=None
    )
    found = list(jobs.select_related("connection")[:2])
    return found[0] if len(found) == 1 else None
