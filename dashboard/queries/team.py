"""What the team pages show: members, tokens, and the log of what people did."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.models import ApiToken, AuditEntry, Membership, Role, Team, User
from dashboard import cursors, log_words, words

LOG_SIZE = 100


@dataclass(frozen=True, slots=True)
class MemberRow:
    pk: int
    name: str
    email: str
    role: str
    role_word: str
    is_me: bool
    is_last_admin: bool
    has_password: bool
    can_get_link: bool  # a member of other teams too gets no link made by this one
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class TeamPage:
    name: str
    verdict: str
    members: tuple[MemberRow, ...]
    other_teams: tuple[tuple[str, str], ...]  # slug, name

    @property
    def am_last_admin(self) -> bool:
        return any(member.is_me and member.is_last_admin for member in self.members)


@dataclass(frozen=True, slots=True)
class TokenRow:
    pk: int
    name: str
    last4: str
    scope: str
    creator: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    word: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class LogRow:
    at: datetime
    actor: str
    action: str
    subject: str
    details: str
    ip: str


@dataclass(frozen=True, slots=True)
class LogPage:
    rows: tuple[LogRow, ...]
    next_after: int | None


def team_page(team: Team, user: User) -> TeamPage:
    members = list(Membership.objects.for_team(team).select_related("user").order_by("pk"))
    teams = dict(
        Membership.objects.filter(user__in=[member.user_id for member in members])
        .values_list("user")
        .annotate(Count("pk"))
    )
    admins = sum(member.role == Role.ADMIN for member in members)
    rows = tuple(_member_row(member, user, admins, teams[member.user_id]) for member in members)
    others = (
        Membership.objects.filter(user=user)
        .exclude(team=team)
        .select_related("team")
        .order_by("pk")
    )
    return TeamPage(
        name=team.name,
        verdict=f"{words.counted(len(rows), 'member')}, {words.counted(admins, 'admin')}.",
        members=rows,
        other_teams=tuple((other.team.slug, other.team.name) for other in others),
    )


def _member_row(member: Membership, me: User, admins: int, teams: int) -> MemberRow:
    return MemberRow(
        pk=member.pk,
        name=member.user.name,
        email=member.user.email,
        role=member.role,
        role_word=str(Role(member.role).label),
        is_me=member.user_id == me.pk,
        is_last_admin=member.role == Role.ADMIN and admins == 1,
        has_password=member.user.has_usable_password(),
        can_get_link=teams == 1,
        last_seen_at=member.user.last_login,
    )


def find_member(team: Team, pk: int) -> Membership:
    return get_object_or_404(Membership.objects.for_team(team).select_related("user"), pk=pk)


def find_own_team(user: User, slug: str) -> Team:
    """A team the user belongs to, or Http404."""
    membership = (
        Membership.objects.filter(user=user, team__slug=slug).select_related("team").first()
    )
    if membership is None:
        raise Http404
    return membership.team


def belongs_elsewhere(user: User, team: Team) -> bool:
    return Membership.objects.filter(user=user).exclude(team=team).exists()


def has_other_admin(membership: Membership) -> bool:
    """Whether the team keeps an admin without this one. Locks the admins, so that two cannot both go."""
    admins = Membership.objects.for_team(membership.team).filter(role=Role.ADMIN)
    locked = list(admins.select_for_update().values_list("pk", flat=True))
    return bool(set(locked) - {membership.pk})


def find_token(team: Team, pk: int) -> ApiToken:
    return get_object_or_404(ApiToken.objects.for_team(team), pk=pk)


def tokens(team: Team, now: datetime) -> tuple[TokenRow, ...]:
    rows = ApiToken.objects.for_team(team).select_related("creator").order_by("-pk")
    return tuple(_token_row(row, now) for row in rows)


def _token_row(row: ApiToken, now: datetime) -> TokenRow:
    is_expired = row.expires_at is not None and row.expires_at <= now
    return TokenRow(
        pk=row.pk,
        name=row.name,
        last4=row.last4,
        scope=row.get_scope_display(),
        creator=str(row.creator) if row.creator else "the environment",
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        word="Revoked" if row.revoked_at else "Expired" if is_expired else "Works",
        is_active=not row.revoked_at and not is_expired,
    )


def log_page(team: Team, after: str) -> LogPage:
    entries = AuditEntry.objects.for_team(team).select_related("actor").order_by("-pk")
    if (number := cursors.whole(after)) is not None:
        entries = entries.filter(pk__lt=number)
    found = list(entries[: LOG_SIZE + 1])
    next_after = found[LOG_SIZE - 1].pk if len(found) > LOG_SIZE else None
    return LogPage(tuple(_log_row(entry) for entry in found[:LOG_SIZE]), next_after)


def _log_row(entry: AuditEntry) -> LogRow:
    actor = entry.actor
    is_self = actor is not None and entry.subject in {str(actor), actor.email}
    return LogRow(
        at=entry.at,
        actor=str(actor) if actor else "",
        action=log_words.said(entry.action),
        subject="" if is_self else entry.subject,
        details=log_words.details(entry.action, entry.fields),
        ip=entry.ip or "",
    )
