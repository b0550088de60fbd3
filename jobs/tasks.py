"""Thin Celery tasks. They take nothing: what is due stands in the tables."""

from celery import shared_task
from django.db import close_old_connections

from jobs import poll, repricing, retention
from jobs.ticks import poll_until_tick


@shared_task(name="jobs.poll_due")
def poll_due() -> int:
    """Polls what is due. Twin: manage.py sweep --once."""
    close_old_connections()
    return poll_until_tick()


@shared_task(name="jobs.look_now")
def look_now() -> int:
    """Polls what is due, without waiting for more: sent when somebody asked for a look."""
    close_old_connections()
    return poll.poll_due()


@shared_task(name="jobs.prune_due")
def prune_due() -> int:
    """Forgets what teams want forgotten, a short turn at a time. Twin: manage.py prune --apply."""
    close_old_connections()
    return retention.prune_due()


@shared_task(name="jobs.reprice_due")
def reprice_due() -> int:
    """Makes estimates anew where prices changed, a short turn at a time. Twin: manage.py estimate_costs."""
    close_old_connections()
    return repricing.reprice_due()
