"""Thin tasks of the site itself; they run where alerts are sent."""

from celery import shared_task
from django.db import close_old_connections

from dashboard import auditor


@shared_task(name="dashboard.audit_due")
def audit_due() -> None:
    """Looks for what should be done and is not. Twin: the standby does it while no worker sweeps."""
    close_old_connections()
    auditor.audit_due()
