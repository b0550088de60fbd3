"""Rows for tests: valid by default, each keyword overrides one fact."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from accounts.models import Membership, Role, Team, User
from alerts.models import Channel, Delivery, Rule
from jobs.models import Connection, Job, Transition
from jobs.searching import refresh
from outbound.secret import Secret
from providers.states import State

_serial = count(1)
NOON = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)


def a_team(**facts: Any) -> Team:
    number = next(_serial)
    return Team.objects.create(**{"name": f"Team {number}", "slug": f"team-{number}", **facts})


def a_user(**facts: Any) -> User:
    password = facts.pop("password", None)
    email = facts.pop("email", f"user{next(_serial)}@example.com")
    return User.objects.create_user(email, password, **facts)


def a_member(team: Team, role: Role = Role.ADMIN, **facts: Any) -> User:
    user = a_user(**facts)
    Membership.objects.create(team=team, user=user, role=role)
    return user


def a_connection(team: Team | None = None, key: str | None = None, **facts: Any) -> Connection:
    number = next(_serial)
    connection = Connection(
        **{
            "team": team or a_team(),
            "slug": f"lab-{number}",
            "name": f"Lab {number}",
            "base_url": "http://127.0.0.1:9/v1",
            "created_at": NOON,
            **facts,
        }
    )
    connection.set_key(Secret(key) if key else None)
    connection.save()
    return connection


def a_job(connection: Connection | None = None, **facts: Any) -> Job:
    number = next(_serial)
    connection = connection or a_connection()
    state = State(facts.pop("state", State.RUNNING))
    job = Job.objects.create(
        **{
            "team": connection.team,
            "connection": connection,
            "provider_id": f"ftjob-{number:08}",
            "state": state.value,
            "raw_status": state.value,
            "base_model": "gpt-4o-mini-2024-07-18",
            "suffix": f"support-bot-v{number}",
            "method": "supervised",
            "created_at": NOON - timedelta(minutes=number),
            "last_seen_at": NOON,
            "was_seen_alive": True,
            **facts,
        }
    )
    refresh([job.pk])
    return job


def a_transition(job: Job | None = None, **facts: Any) -> Transition:
    job = job or a_job(state=State.FAILED)
    return Transition.objects.create(
        **{
            "connection": job.connection,
            "job": job,
            "from_state": State.RUNNING.value,
            "to_state": job.state,
            "raw_status": job.raw_status,
            "rings": True,
            **facts,
        }
    )


def a_channel(team: Team | None = None, **facts: Any) -> Channel:
    return Channel.objects.create(
        **{
            "team": team or a_team(),
            "kind": "webhook",
            "name": f"Hook {next(_serial)}",
            "config": {},
            "created_at": NOON,
            **facts,
        }
    )


def a_rule(*channels: Channel, **facts: Any) -> Rule:
    team = facts.pop("team", None) or channels[0].team
    states = facts.pop("states", ["succeeded", "failed", "cancelled"])
    rule = Rule.objects.create(**{"team": team, "states": states, "created_at": NOON, **facts})
    rule.channels.set(channels)
    return rule


def a_delivery(channel: Channel, transition: Transition | None = None, **facts: Any) -> Delivery:
    transition = transition or a_transition()
    return Delivery.objects.create(
        **{
            "team": channel.team,
            "channel": channel,
            "transition": transition,
            "message": {},
            **facts,
        }
    )
