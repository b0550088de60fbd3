"""The Celery application. `celery -A dashboard worker` finds it here."""

import os
import warnings

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

# In a container everything is root; pickle, the reason for the warning, is refused anyway.
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")

app = Celery("tunebell")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery replaces the root handler, and the redaction with it, unless somebody listens here."""
