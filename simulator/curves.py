"""Numbers a training run would report: loss, accuracy, reward. Pure: (shape, seed, step, progress) -> number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator import dice


@dataclass(frozen=True, slots=True)
class Shape:
    """How a curve runs. `start` and `floor` are losses, `decay` the number of e-foldings over the whole run,
    `overfit` the loss that validation gains by the end, `diverges_at` the progress where training breaks.
    """

    start: float = 2.4
    floor: float = 0.55
    decay: float = 4.0
    noise: float = 0.09
    gap: float = 0.08
    overfit: float = 0.0
    diverges_at: float | None = None


SHAPES = {
    "steady": Shape(),
    "quick": Shape(start=1.9, floor=0.18, decay=9.0, noise=0.14),
    "slow": Shape(start=3.1, floor=0.9, decay=2.2, noise=0.06),
    "plateau": Shape(start=2.7, floor=1.35, decay=14.0, noise=0.05, gap=0.15),
    "overfit": Shape(start=2.2, floor=0.05, decay=5.0, noise=0.12, gap=0.1, overfit=1.1),
    "diverge": Shape(start=2.0, floor=0.7, decay=6.0, noise=0.1, diverges_at=0.35),
    "preference": Shape(start=0.693, floor=0.21, decay=3.4, noise=0.11, gap=0.03),
    "noisy": Shape(start=4.4, floor=0.35, decay=5.5, noise=0.32),
}


def _clean_loss(shape: Shape, progress: float) -> float:
    decayed = shape.floor + (shape.start - shape.floor) * math.exp(-shape.decay * progress)
    if shape.diverges_at is None or progress < shape.diverges_at:
        return decayed
    grown: float = decayed * math.exp(7.0 * (progress - shape.diverges_at))
    return min(grown, 14.0)


def train_loss(shape: Shape, seed: int, step: int, progress: float) -> float:
    wobble = math.exp(shape.noise * dice.bell(seed, "train", step))
    return round(_clean_loss(shape, progress) * wobble, 5)


def valid_loss(shape: Shape, seed: int, step: int, progress: float) -> float:
    """A sampled validation batch: noisier than the full validation."""
    wobble = math.exp(0.6 * shape.noise * dice.bell(seed, "valid", step))
    return round(_validation(shape, progress) * wobble, 5)


def full_valid_loss(shape: Shape, seed: int, step: int, progress: float) -> float:
    wobble = math.exp(0.1 * shape.noise * dice.bell(seed, "full", step))
    return round(_validation(shape, progress) * wobble, 5)


def _validation(shape: Shape, progress: float) -> float:
    turned = max(progress - 0.4, 0.0) / 0.6
    risen: float = shape.overfit * turned**1.5
    return _clean_loss(shape, progress) + shape.gap + risen


def accuracy(loss: float, *noise: object) -> float:
    """Mean token accuracy that goes with a loss: 1 at zero loss, near 0.4 at a loss of 4."""
    value = math.exp(-0.23 * loss) + 0.012 * dice.bell("accuracy", *noise)
    return round(min(max(value, 0.0), 1.0), 5)


def reward(seed: int, step: int, progress: float, kind: str = "train") -> float:
    """Mean reward, 0..1, rising and levelling off."""
    start, top = dice.between(0.15, 0.35, seed, "first"), dice.between(0.62, 0.88, seed, "top")
    lag = 0.03 if kind == "valid" else 0.0
    noise = (0.012 if kind == "valid" else 0.035) * dice.bell(seed, kind, step)
    value: float = start + (top - start) * (1 - math.exp(-3.2 * progress)) - lag + noise
    return round(min(max(value, 0.0), 1.0), 5)
