"""Wakes an idle poll worker when somebody asks for a look. Only an accelerator: the tick is the guarantee."""

import os
from typing import TYPE_CHECKING

from django.core.signals import request_finished

from alerts import hints

if TYPE_CHECKING:
    from celery import Task

EXPIRES_S = 5  # by then the tick has come


def _task() -> "Task[..., object]":
    from jobs.tasks import look_now  # noqa: PLC0415  # tasks import the models

    return look_now


def _new_bell() -> hints.Bell:
    bell = hints.Bell(_task)
    bell.options["expires"] = EXPIRES_S
    return bell


bell = _new_bell()


def connect() -> None:
    request_finished.connect(_hand_on_failures, dispatch_uid="alerts.pollbell.failures")


def ring() -> None:
    """Wake a poll worker. Neither waits nor raises; the wake-up may be lost."""
    bell.ring()


def _hand_on_failures(**_signal: object) -> None:
    """They are counted with those of the other bell, by the same writer."""
    hints.bell.owe(bell.take_owed())


def _forget_thread() -> None:
    """Threads do not survive a fork."""
    global bell  # noqa: PLW0603  # the one of this process
    bell = _new_bell()


os.register_at_fork(after_in_child=_forget_thread)
