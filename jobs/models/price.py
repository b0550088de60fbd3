"""What training costs at a provider, as the team knows it: dated, with the source of each figure."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import Team, TeamQuerySet


class Price(models.Model):
    """From its day on, until a later row for the same thing. The shipped table stands behind these."""

    class Unit(models.TextChoices):
        TOKENS = "tokens", "per 1 M trained tokens"
        HOUR = "hour", "per hour of training"

    team = models.ForeignKey(Team, models.CASCADE, related_name="prices")
    dialect = models.CharField(max_length=20, blank=True)  # blank: any provider
    base_model = models.CharField(max_length=200)  # a name, or what a dated version begins with
    method = models.CharField(max_length=40, blank=True)  # blank: any method
    unit = models.CharField(max_length=6, choices=Unit, default=Unit.TOKENS)
    usd = models.DecimalField(max_digits=12, decimal_places=4)
    valid_from = models.DateField()
    source = models.CharField(max_length=300)  # where it was read: an address, a contract
    created_at = models.DateTimeField(db_default=Now())

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "dialect", "base_model", "method", "unit", "valid_from"],
                name="price_once_a_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.base_model}: {self.usd} USD {self.get_unit_display()}"


class Repricing(models.Model):
    """How far the estimates of a team's jobs follow its prices. Without a row: not at all yet."""

    team = models.OneToOneField(Team, models.CASCADE, related_name="repricing")
    table = models.CharField(max_length=20, blank=True)  # version of the shipped prices it follows
    # The last job that was looked at: a round that is interrupted goes on behind it. Null: none.
    cursor = models.PositiveBigIntegerField(null=True)

    objects = TeamQuerySet.as_manager()

    def __str__(self) -> str:
        return f"repricing of {self.team_id}"
