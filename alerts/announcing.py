"""Announce: every unannounced transition becomes one delivery for each channel that wants it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from alerts import claims, rulebook, rules, silences
from alerts.happening import Happening, JobFacts
from alerts.message import Message, bare, compose
from alerts.models import Delivery, thread_of
from alerts.numbers import NOTHING, Numbers, numbers_of
from alerts.partners import partners_of
from jobs.claims import database_now
from jobs.failpoints import failpoint
from jobs.models import Connection, Job, Transition
from jobs.refs import Ref, compare_path

BATCH = 200
MOST_AT_ONCE = 1000  # transitions of one turn: about a second

log = structlog.get_logger(__name__)


def announce() -> int:
    """Fan out all that is unannounced; the number of deliveries made. Any number may run at once."""
    made = 0
    while _unannounced().exists():
        taken, created = _announce_batch()
        made += created
        if not taken:
            break  # the rest is in the hands of another announcer
    return made


def announce_some() -> bool:
    """Some of it, so that what is due already is sent between two such turns; whether there is more."""
    total = 0
    while total < MOST_AT_ONCE:
        taken = _announce_batch()[0] if _unannounced().exists() else 0
        if not taken:
            return False
        total += taken
    return True


def _unannounced() -> QuerySet[Transition]:
    return Transition.objects.filter(announced_at=None)


def _next_batch() -> QuerySet[Transition]:
    """The oldest of each job or connection, so that two announcers keep their alerts in order."""
    earlier = _unannounced().filter(id__lt=OuterRef("id")).values("pk")
    # Values, not one EXISTS: PostgreSQL compared each unannounced row with each, 0.9 s for 3,000.
    of_job = Subquery(earlier.filter(job=OuterRef("job"))[:1])
    of_connection = Subquery(earlier.filter(job=None, connection=OuterRef("connection"))[:1])
    rows = _unannounced().alias(of_job=of_job, of_connection=of_connection)
    first = rows.filter(Q(job__isnull=False) | Q(of_connection=None), of_job=None)
    rows = first.select_related("job", "connection__team").order_by("id")
    return rows.select_for_update(skip_locked=True, of=("self",))


def _announce_batch() -> tuple[int, int]:
    with transaction.atomic():
        transitions = list(_next_batch()[:BATCH])
        deliveries = _deliveries(transitions)
        ids = [transition.pk for transition in transitions]
        Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
        _wake_older(deliveries)
        failpoint("announce.mid")
        _unannounced().filter(pk__in=ids).update(announced_at=Now())
    return len(ids), len(deliveries)


def _wake_older(made: Sequence[Delivery]) -> None:
    """A newer alert makes the older ones of its thread due: they go out in order, now.

    Also those that quiet hours hold: nobody is spared anything when the newer one rings. One that
    is held itself, or not told at all, wakes nobody.
    """
    ringing = [one for one in made if one.state == Delivery.State.PENDING and not one.quiet_until]
    newer = Delivery.objects.filter(
        channel=OuterRef("channel"),
        thread=OuterRef("thread"),
        transition__gt=OuterRef("transition"),
        transition__in={one.transition_id for one in ringing},
        quiet_until=None,
    )
    older = Delivery.objects.pending().filter(
        Exists(newer),
        channel__in={one.channel_id for one in ringing},
        thread__in={one.thread for one in ringing},
    )
    older.exclude(quiet_until=None).update(quiet_until=None)
    claims.wake(older)


def _deliveries(transitions: Sequence[Transition]) -> list[Delivery]:
    ringing = [transition for transition in transitions if transition.rings]
    known = rulebook.rules_of({transition.connection.team_id for transition in ringing})
    silent = silences.silences_of({one.job_id for one in ringing if one.job_id is not None})
    numbers, now = numbers_of(ringing), database_now()
    partners = partners_of(ringing)
    made = []
    for transition in ringing:
        change = rulebook.change_of(transition)
        told = rules.concerned(change, known[change.team_id], now)
        held_back = _why_held_back(transition, change, silent)
        measured = numbers.get(transition.job_id or 0, NOTHING)
        partner = partners.get(transition.job_id or 0)
        message = _message(transition, change, measured, partner) if told else None
        made += [_delivery(transition, one, message, held_back) for one in told if message]
    return made


def _why_held_back(
    transition: Transition, change: rules.Change, silent: Mapping[int, datetime | None]
) -> str:
    job_id, name = transition.job_id, rules.alert_name(change)
    if job_id is None or job_id not in silent or name is None:
        return ""
    return silences.why_held_back(name, silent[job_id])


def _delivery(
    transition: Transition, told: rules.Told, message: Message, held_back: str
) -> Delivery:
    delivery = Delivery(
        team=transition.connection.team,
        transition=transition,
        channel_id=told.channel_id,
        rule_id=told.rule_id,
        thread=thread_of(transition),
        message=replace(message, is_urgent=told.is_urgent).to_json(),
        is_urgent=told.is_urgent,
    )
    if held_back:
        delivery.state, delivery.reason = Delivery.State.SUPPRESSED, held_back
        delivery.next_attempt_at = None
    elif told.quiet_until:
        delivery.quiet_until = delivery.next_attempt_at = told.quiet_until
    return delivery


def _message(
    transition: Transition, change: rules.Change, numbers: Numbers, partner: Ref | None
) -> Message:
    """Never raises: an alert that can say little is better than none."""
    name = rules.alert_name(change) or transition.to_state
    try:
        happening = _happening(transition, name, numbers)
        compared = compare_with(transition.job, transition.connection, partner)
        return compose(replace(happening, compare_url=compared))
    except Exception:
        log.exception("message is bare", transition=transition.pk)
        subject = str(transition.job or transition.connection)
        return bare(name, transition.recorded_at, subject, thread_of(transition))


def _happening(transition: Transition, name: str, numbers: Numbers) -> Happening:
    job, connection = transition.job, transition.connection
    is_health = transition.kind == Transition.Kind.HEALTH
    watched = Job.objects.active().filter(connection=connection).count() if is_health else 0
    good_at = connection.last_good_at if is_health else None
    return Happening(
        name=name,
        previous=transition.from_state,
        at=transition.happened_at or transition.recorded_at,
        reason=transition.reason,
        connection_slug=connection.slug,
        connection_name=connection.name,
        url=page_of(connection, job),
        thread=f"job-{job.public_id}" if job else f"connection-{connection.public_id}",
        job=_job_facts(transition, job, numbers) if job else None,
        subject=transition.subject,
        numbers=transition.facts,
        watched_jobs=watched,
        unseen_s=(transition.recorded_at - good_at).total_seconds() if good_at else None,
    )


def page_of(connection: Connection, job: Job | None) -> str:
    """The page to open, as the contract names it; the site's URLs live above this package."""
    if job is None:
        return f"{settings.SITE_URL}/connections/{connection.slug}/"
    return f"{settings.SITE_URL}/jobs/{connection.slug}/{quote(job.provider_id, safe='')}/"


def compare_with(job: Job | None, connection: Connection, partner: Ref | None) -> str:
    """The page that holds the job against its partner; "" without one."""
    if job is None or partner is None:
        return ""
    return settings.SITE_URL + compare_path([Ref(connection.slug, job.provider_id), partner])


def _job_facts(transition: Transition, job: Job, numbers: Numbers) -> JobFacts:
    is_state = transition.kind == Transition.Kind.STATE
    return JobFacts(
        provider_id=job.provider_id,
        name=job.name,
        state=transition.to_state if is_state else job.state,
        raw_status=transition.raw_status or job.raw_status,
        model=job.base_model,
        fine_tuned_model=job.fine_tuned_model,
        method=job.method,
        created_at=job.created_at,
        ended_at=job.ended_at,
        trained_tokens=job.trained_tokens,
        step=job.step,
        total_steps=job.total_steps,
        error_code=job.error_code,
        error_message=job.error_message,
        error_param=job.error_param,
        labels=job.metadata,
        stayed_s=transition.stayed_s,
        waited_s=numbers.waited_s,
        trained_s=numbers.trained_s,
        usual_trained_s=numbers.usual.median_s if numbers.usual else None,
        usual_count=numbers.usual.count if numbers.usual else 0,
        best_step=numbers.best_step,
        cost_usd=job.cost_usd,
        prices_of=numbers.prices_of,
        figures={
            "train_loss": job.train_loss,
            "valid_loss": job.valid_loss,
            "best_valid_loss": job.best_valid_loss,
            "reward": job.reward,
        },
    )
