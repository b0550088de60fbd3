"""What a job is found by: one folded text a job, in a table so narrow that reading all of it is cheap."""

from django.db import models

from accounts.models import Team, TeamQuerySet
from jobs.models.job import Job


class SearchText(models.Model):
    """Written by `jobs.searching` alone.

    A search reads every row, so neither key has an index of its own to wander through: 10,000 jobs take
    1 to 4 ms on SQLite and 3 ms on PostgreSQL. A column of Job took 8 and 11, for its rows are seven
    times as wide; a trigram index is an extension on one database and a virtual table on the other.
    """

    job = models.OneToOneField(Job, models.CASCADE, primary_key=True, related_name="search_text")
    team = models.ForeignKey(Team, models.CASCADE, db_index=False, related_name="+")
    text = models.TextField()

    objects = TeamQuerySet.as_manager()

    def __str__(self) -> str:
        return self.text[:80]
