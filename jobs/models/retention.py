"""What a team wants forgotten of jobs that are long over. Without a row nothing ever is."""

from django.db import models

from accounts.models import Team, TeamQuerySet


class Retention(models.Model):
    """Days after the end of a job; null keeps for ever."""

    team = models.OneToOneField(Team, models.CASCADE, related_name="retention")
    snapshot_days = models.PositiveIntegerField(null=True, blank=True)
    event_days = models.PositiveIntegerField(null=True, blank=True)
    is_enabled = models.BooleanField(default=False)
    next_prune_at = models.DateTimeField(null=True)
    # The last job this round looked at: a round that is interrupted goes on behind it.
    cursor = models.PositiveBigIntegerField(default=0)
    pruned_at = models.DateTimeField(null=True)  # when the last round ended
    pruned_snapshots = models.PositiveBigIntegerField(default=0)  # in all
    pruned_events = models.PositiveBigIntegerField(default=0)

    objects = TeamQuerySet.as_manager()

    def __str__(self) -> str:
        return f"retention of {self.team_id}"
