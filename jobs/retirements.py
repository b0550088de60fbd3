"""Tells when base models retire that the team uses: those of its jobs and of its fine-tuned models."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Q

from jobs import raising
from jobs.catalog import origin_of
from jobs.conditions.retirement import LEVELS, Known, Notice, Verb, notice
from jobs.models import BaseModel, Condition, Job
from jobs.raising import About, Saying
from jobs.record import announce_later, touch_team
from providers.states import State

FARTHEST = timedelta(days=LEVELS[-1])
KIND = Condition.Kind.RETIRING.value

log = structlog.get_logger(__name__)


def watch_retirements(moving: Collection[tuple[int, str]], now: datetime) -> tuple[int, int]:
    """Raised and resolved. `moving`: connection and base model of jobs that are under way now."""
    known, today = _known(), now.date()
    written = [0, 0]
    for model in _models_near(today, known):
        before = known.get((model.connection_id, model.name), Known())
        said = notice(before, model.retires_on, today)
        if said is None or (said.verb is Verb.BEGIN and not _is_used(model, moving, today)):
            continue
        if _write(model, said, before) and said.verb is not Verb.TELL:
            written[said.verb is Verb.END] += 1
    return written[0], written[1]


def _known() -> Mapping[tuple[int, str], Known]:
    """The newest condition of each model, open or not."""
    rows = Condition.objects.filter(job=None, kind=KIND).order_by("pk")
    columns = rows.values_list("connection_id", "subject", "level", "facts", "resolved_at")
    return {
        (pk, name): Known(
            is_open=resolved_at is None,
            is_told=facts.get("is_told") is not False,
            level=level,
            told=frozenset(map(str, facts.get("told", ()))),
        )
        for pk, name, level, facts, resolved_at in columns
    }


def _models_near(today: date, known: Mapping[tuple[int, str], Known]) -> Iterable[BaseModel]:
    """Those with a day in the next 90, and those of which something is open."""
    bounds = (today, today + FARTHEST)
    near = Q(shutdown_on_by_hand__range=bounds) | Q(shutdown_on__range=bounds)
    names = {name for (_, name), one in known.items() if one.is_open}
    rows = BaseModel.objects.filter(near | Q(name__in=names), connection__archived_at=None)
    return rows.select_related("connection")


def _is_used(model: BaseModel, moving: Collection[tuple[int, str]], today: date) -> bool:
    """A job is under way, or a fine-tuned model came of one.

    The second is looked up once a day: what succeeds meanwhile was seen under way before.
    """
    if model.name in {origin_of(name) for pk, name in moving if pk == model.connection_id}:
        return True
    if model.use_checked_on == today:
        return False
    of_model = Q(base_model=model.name) | Q(base_model__startswith=f"ft:{model.name}:")
    made = Job.objects.filter(
        of_model,
        team_id=model.connection.team_id,
        connection_id=model.connection_id,
        state=State.SUCCEEDED.value,
        fine_tuned_model__gt="",
        archived_at=None,
    )
    is_used = made.exists()
    if not is_used:
        BaseModel.objects.filter(pk=model.pk).update(use_checked_on=today)
    return is_used


def _write(model: BaseModel, said: Notice, before: Known) -> bool:
    """True when it was us who wrote it. One model that cannot be written stops no other."""
    try:
        with transaction.atomic():
            return _written(model, said, before)
    except IntegrityError:  # raised by another worker, or the connection is gone
        return False
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("retirement_not_written", base_model=model.pk)
        return False


def _written(model: BaseModel, said: Notice, before: Known) -> bool:
    about = About(model.connection_id, KIND, base_model=model.name)
    saying = Saying(said.reason, _facts(model, said, before), said.rings, level=said.level)
    if said.verb is Verb.BEGIN:
        raising.begin(about, saying)
    elif said.verb is Verb.TELL:
        if not raising.tell(about, saying, before.level):
            return False
    elif not raising.end(about, saying):
        return False
    touch_team(model.connection.team_id)
    if said.rings:
        announce_later()
    return True


def _facts(model: BaseModel, said: Notice, before: Known) -> dict[str, object]:
    day = model.retires_on
    return {
        "retires_on": day.isoformat() if day else None,
        "level_days": said.level,
        "told": sorted(said.told),
        "is_told": said.rings or (before.is_open and before.is_told),
    }
