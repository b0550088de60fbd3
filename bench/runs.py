"""The training runs that TuneBell and its peers hold alike. Standard library only: a peer has a Python of its own."""

import math
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

RUNS = 10_000
POINTS = 10
APART_S = 300  # a run begins so long before the one with the serial number below
LONG, LONGEST = 60, 61  # serials; not among the newest 50, so that no list draws them
COMPARED = range(62, 70)
LENGTHS = {LONG: 10_000, LONGEST: 100_000, **dict.fromkeys(COMPARED, 1000)}
THEMES = ("support-bot", "returns", "tone", "triage", "summaries", "router", "extract", "guard")
MODELS = ("gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06", "gpt-4.1-mini-2025-04-14")
FATES = ("succeeded",) * 14 + ("failed",) * 4 + ("cancelled", "running")
BORN_S = 1_763_600_000  # when the newest began, where nothing else is said
TOOK_S = 240


@dataclass(frozen=True, slots=True)
class Run:
    """`serial`: 0 is the newest."""

    serial: int

    @property
    def key(self) -> str:
        """32 hexadecimal digits, always the same."""
        return uuid.uuid5(uuid.NAMESPACE_OID, f"run-{self.serial}").hex

    @property
    def name(self) -> str:
        return f"{THEMES[self.serial % len(THEMES)]}-v{self.serial}"

    @property
    def model(self) -> str:
        return MODELS[self.serial % len(MODELS)]

    @property
    def fate(self) -> str:
        """The state it is in; the long ones and the compared ones succeeded."""
        return "succeeded" if self.serial in LENGTHS else FATES[self.serial * 7 % len(FATES)]

    @property
    def is_over(self) -> bool:
        return self.fate != "running"

    @property
    def began_ago_s(self) -> int:
        """Before the moment to which the newest belongs."""
        return self.serial * APART_S

    @property
    def parameters(self) -> dict[str, float]:
        """Five of them."""
        chance = random.Random(self.serial)
        return {
            "n_epochs": chance.choice((1, 2, 3, 4)),
            "batch_size": chance.choice((4, 8, 16)),
            "learning_rate_multiplier": chance.choice((0.1, 0.5, 1.0, 1.8, 2.0)),
            "seed": 1_729_000_000 + self.serial,
            "warmup_ratio": chance.choice((0.0, 0.05, 0.1)),
        }

    @property
    def length(self) -> int:
        return LENGTHS.get(self.serial, POINTS)

    def history(self) -> Iterator[tuple[int, float, float]]:
        """Step, training loss and validation loss of each of its points."""
        chance = random.Random(self.serial)
        floor = 0.3 + chance.random() * 0.4
        for step in range(1, self.length + 1):
            falling = floor + 2.0 * math.exp(-4.0 * step / self.length)
            noise = chance.gauss(0.0, 0.03)
            yield step, round(falling + noise, 4), round(falling * 1.08 + abs(noise) + 0.02, 4)
