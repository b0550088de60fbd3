"""Who may look, and on whose behalf: users, teams, tokens, and the log of what people did."""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self, TypeVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

M_co = TypeVar("M_co", bound=models.Model, covariant=True)
SIGN_IN_LINK_LIFE = timedelta(minutes=15)


def digest_of(token: str) -> str:
    """Hex SHA-256. Tokens are random, so no slow hash; not keyed, so a new SECRET_KEY kills none."""
    return hashlib.sha256(token.encode()).hexdigest()


class Team(models.Model):
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    # Rises with every visible change of the team's jobs and connections. A page that still holds
    # this number is up to date, which is what makes a quiet poll a 304 without reading a job.
    version = models.BigIntegerField(default=0)
    # The tags that its jobs carry, in order: written by jobs.labels, read with the team by every page.
    tags = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class TeamQuerySet(models.QuerySet[M_co]):
    """Base of every queryset in the product: rows are read through `for_team` only."""

    team_path: ClassVar[str] = "team"

    def for_team(self, team: Team) -> Self:
        return self.filter(**{self.team_path: team})


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, name: str = "") -> "User":
        user = self.model(email=self.normalize_email(email).lower(), name=name)
        user.set_password(password)  # None makes it unusable: sign-in is by link
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    class Theme(models.TextChoices):
        AUTO = "auto", "Like the system"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80, blank=True)
    is_active = models.BooleanField(default=True)
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)
    time_zone = models.CharField(max_length=64, default="UTC")
    joined_at = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    objects = UserManager()
    # Read with the user of a session by accounts.backends; None where it came another way.
    held_memberships: "tuple[Membership, ...] | None" = None

    def __str__(self) -> str:
        return self.name or self.email


class Role(models.TextChoices):
    """Each role may do what the ones before it may."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    ADMIN = "admin", "Admin"

    def covers(self, needed: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Membership(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(db_default=Now())

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_a_team")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} ({self.role})"

    def may(self, needed: Role) -> bool:
        return Role(self.role).covers(needed)


class SignInLink(models.Model):
    """Signs its user in once, within 15 minutes. Only the digest of its token is stored."""

    user = models.ForeignKey(User, models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sign-in link of {self.user}"

    @classmethod
    def create_token(cls, user: User) -> str:
        token = secrets.token_urlsafe(32)
        expires_at = timezone.now() + SIGN_IN_LINK_LIFE
        cls.objects.create(user=user, digest=digest_of(token), expires_at=expires_at)
        return token

    @classmethod
    def redeem(cls, token: str) -> User | None:
        """The link's user, the first time; None when it is unknown, used or too old."""
        fresh = cls.objects.filter(digest=digest_of(token), used_at=None, expires_at__gt=Now())
        if not fresh.update(used_at=Now()):
            return None
        user = cls.objects.select_related("user").get(digest=digest_of(token)).user
        return user if user.is_active else None


class ApiTokenQuerySet(TeamQuerySet["ApiToken"]):
    def active(self) -> Self:
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=Now())
        return self.filter(unexpired, revoked_at=None)

    def matching(self, token: str) -> "ApiToken | None":
        return self.active().select_related("team").filter(digest=digest_of(token)).first()


class ApiToken(models.Model):
    class Scope(models.TextChoices):
        READ = "read", "Read"
        WRITE = "write", "Read and write"

    team = models.ForeignKey(Team, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    last4 = models.CharField(max_length=4)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.READ)
    creator = models.ForeignKey(User, models.CASCADE, null=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} (…{self.last4})"

    @classmethod
    def create_token(
        cls,
        team: Team,
        name: str,
        scope: str = Scope.READ,
        creator: User | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """The new token in clear, the only time it can be had."""
        token = f"tb_{scope[0]}_{secrets.token_urlsafe(32)}"
        cls.objects.create(
            team=team,
            name=name,
            digest=digest_of(token),
            last4=token[-4:],
            scope=scope,
            creator=creator,
            expires_at=expires_at,
        )
        return token

    def note_use(self, now: datetime) -> None:
        """To the minute, so that a busy reader does not write on every request."""
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)


class AuditEntry(models.Model):
    """Who did what. Written in the transaction of the action, never changed afterwards."""

    team = models.ForeignKey(Team, models.CASCADE, null=True)
    actor = models.ForeignKey(User, models.SET_NULL, null=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, blank=True)
    fields = models.JSONField(default=list)
    ip = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(db_default=Now())

    objects = TeamQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["team", "-at"], name="audit_by_team")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}".strip()


class RequestCount(models.Model):
    """How often something was asked for in the current window (see accounts.limits)."""

    key = models.CharField(max_length=64, unique=True)  # digest of what is limited
    began_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.count} since {self.began_at}"
