"""The rows an installation starts with: the first team and its admin, and what the environment asks for.

Safe to run again at every start: it changes what the environment says and leaves alone what people made.
"""

from django.conf import settings
from django.db import transaction

from accounts.models import ApiToken, Membership, Role, Team, User, digest_of
from alerts.endpoint import environment_secrets
from alerts.models import Channel, InboundEndpoint
from alerts.setup import RuleFacts, create_channel, create_rule, set_enabled, update_channel
from dashboard.env import EnvConnection
from jobs.models import Connection

ADMIN_EMAIL = "admin@localhost"
DEMO_SLUG = "demo"
DEMO_POLL_S = 4  # its jobs live minutes, not hours
RINGING = ["succeeded", "failed", "cancelled"]
RULE_NAME, OLD_RULE_NAME = "Every job that ends", "From the environment"


def wants_demo() -> bool:
    """Unless DEMO says so: only while neither the environment nor the database has a real connection."""
    if settings.DEMO is not None:
        return bool(settings.DEMO)
    real = Connection.objects.exclude(origin=Connection.Origin.DEMO).filter(archived_at=None)
    return not settings.ENV_CONNECTIONS and not real.exists()


@transaction.atomic
def sow(*, demo_port: int | None) -> Team:
    team = first_team()
    for wanted in settings.ENV_CONNECTIONS:
        sow_connection(team, wanted)
    sow_demo(team, demo_port)
    sow_token(team)
    sow_webhook(team)
    return team


def first_team() -> Team:
    team = Team.objects.order_by("pk").first() or Team.objects.create(name="Team", slug="team")
    if not team.memberships.filter(role=Role.ADMIN, user__is_active=True).exists():
        user = User.objects.filter(email=ADMIN_EMAIL).first() or User.objects.create_user(
            ADMIN_EMAIL, name="Admin"
        )
        Membership.objects.update_or_create(team=team, user=user, defaults={"role": Role.ADMIN})
    return team


def first_admin() -> User | None:
    """The longest-standing active admin of the first team."""
    admins = Membership.objects.filter(role=Role.ADMIN, user__is_active=True).select_related("user")
    membership = admins.order_by("team_id", "pk").first()
    return membership.user if membership else None


def sow_connection(team: Team, wanted: EnvConnection) -> None:
    facts = {
        "dialect": wanted.dialect,
        "base_url": wanted.base_url,
        "key_env": wanted.key_env,
        "organization": wanted.organization or "",
        "project": wanted.project or "",
        "auth_header": wanted.auth_header,
        "extra_query": dict(wanted.extra_query),
        "origin": Connection.Origin.ENVIRONMENT,
        "sealed_key": "",
        "key_last4": settings.PROVIDER_KEYS[wanted.key_env][-4:],
    }
    connection, _ = Connection.objects.update_or_create(
        team=team, slug=wanted.slug, defaults=facts, create_defaults={**facts, "name": wanted.name}
    )
    if environment_secrets(connection):  # its page then says what was refused
        InboundEndpoint.objects.get_or_create(connection=connection)


def sow_demo(team: Team, port: int | None) -> None:
    """The simulator's port may differ at each start. Without it the demo rests; its jobs stay to be looked at."""
    demo = Connection.objects.filter(team=team, origin=Connection.Origin.DEMO)
    if port is None:
        demo.filter(is_paused=False).update(is_paused=True)
        return
    facts = {"base_url": f"http://127.0.0.1:{port}/v1", "is_paused": False}
    if not demo.update(**facts):
        taken = Connection.objects.filter(team=team, slug=DEMO_SLUG).exists()
        slug = "tunebell-demo" if taken else DEMO_SLUG
        first = {"slug": slug, "name": "Demo", "poll_interval_s": DEMO_POLL_S, "auth_header": ""}
        Connection.objects.create(
            team=team, origin=Connection.Origin.DEMO, dialect="openai", **first, **facts
        )


def sow_token(team: Team) -> None:
    token, name = settings.API_TOKEN, "TUNEBELL_API_TOKEN"
    stale = ApiToken.objects.filter(name=name, creator=None)
    if not token:
        stale.delete()
        return
    stale.exclude(digest=digest_of(token)).delete()
    facts = {"team": team, "name": name, "last4": token[-4:], "scope": ApiToken.Scope.READ}
    ApiToken.objects.get_or_create(digest=digest_of(token), defaults=facts)


def sow_webhook(team: Team) -> None:
    """A channel whose variable is gone is switched off, not removed: what it once sent stays on record."""
    name, url = "Webhook", settings.WEBHOOK_URL
    ours = Channel.objects.filter(team=team, origin=Channel.Origin.ENVIRONMENT, kind="webhook")
    channel = ours.first()
    if not url:
        if channel and channel.is_enabled:
            set_enabled(channel, False)
        return
    config = {"url": url, "secret": settings.WEBHOOK_SECRET}
    if channel:
        update_channel(channel, name, config)
        set_enabled(channel, True)
        _rename_rule(channel)
        return
    made = create_channel(team, "webhook", name, config, origin=Channel.Origin.ENVIRONMENT)
    create_rule(team, RuleFacts(RINGING, [made.channel], name=RULE_NAME))


def _rename_rule(channel: Channel) -> None:
    """What an older release called the rule, as long as nobody made another rule of it."""
    as_made = channel.rules.filter(
        name=OLD_RULE_NAME, states=RINGING, base_models=[], metadata={}, connections=None
    )
    as_made.update(name=RULE_NAME)
