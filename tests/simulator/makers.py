from __future__ import annotations

from simulator.spec import Spec

START = 1_790_000_000.0


def a_spec(**fields):
    """240 examples in 360 steps: validated after 20 s, started after 50 s, trained after 338 s, over after 350 s."""
    usual = {
        "id": "ftjob-unit",
        "created_at": START,
        "seed": 3,
        "suffix": "bot-v1",
        "training_file": "file-train",
        "validation_file": "file-valid",
    }
    return Spec(**(usual | fields))


def every_second(spec, length=400):
    return [START + second for second in range(length)]
