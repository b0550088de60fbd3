"""Thin Celery tasks. They take nothing: what is due stands in the tables."""

from celery import shared_task
from django.db import close_old_connections

from jobs.poll import poll_due as poll


@shared_task(name="jobs.poll_due")
def poll_due() -> int:
    """Polls what is due. Twin: manage.py sweep --once."""
    close_old_connections()
    return poll()
