"""Thin tasks: load nothing, call one function. They carry no data, so losing one loses nothing."""

from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.db import OperationalError, close_old_connections

from alerts import claims, hints, outbox
from jobs.watch import watch


@shared_task(name="alerts.announce_due")
def announce_due() -> None:
    _once_more(_deliver)


@shared_task(name="alerts.deliver_due")
def deliver_due() -> None:
    _once_more(_deliver)


def _deliver() -> None:
    outbox.deliver()
    wait_s = claims.opens_in_s()
    if wait_s is not None:
        hints.ring_in(wait_s)


@shared_task(name="alerts.watch_due")
def watch_due() -> None:
    """Here and not among the polls: a provider that hangs must not hide that its jobs do."""
    _once_more(watch)


def _once_more(work: Callable[[], Any]) -> None:
    """A connection that died while nobody used it is no reason to wait for the next tick."""
    close_old_connections()
    try:
        work()
    except OperationalError:
        close_old_connections()
        work()
