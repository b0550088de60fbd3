"""The figures a list shows of a job's curves, written when points come, so that no list reads points."""

from jobs.models import Job, Point

CURVE_VALUES = 48  # what a sparkline 96 pixels wide can show
# The whole validation set before a sample of it, and validation before training.
REWARDS = ("full_valid_mean_reward", "valid_mean_reward", "train_mean_reward")
HEADLINES = ("valid_loss", "train_loss", *REWARDS)


def refresh(job: Job) -> None:
    """Sets headline, sparkline and the latest figures from the stored points; the caller saves."""
    values = {metric: _values(job, metric) for metric in HEADLINES}
    job.train_loss = _last(values["train_loss"])
    job.valid_loss = _last(values["valid_loss"])
    job.best_valid_loss = min(values["valid_loss"], default=None)
    job.reward = next((_last(values[metric]) for metric in REWARDS if values[metric]), None)
    job.headline_metric = next((metric for metric in HEADLINES if values[metric]), "")
    curve = values.get(job.headline_metric, [])
    job.headline_value, job.curve = _last(curve), _thinned(curve)
    is_drawn = job.headline_metric == "train_loss"
    job.train_curve = None if is_drawn else _thinned(values["train_loss"]) or None


def losses(
    metric: str, curve: list[float], train_curve: list[float] | None
) -> tuple[list[float], list[float]]:
    """Training and validation losses out of a job's columns, thinned, oldest first."""
    train = curve if metric == "train_loss" else train_curve or []
    return train, curve if metric == "valid_loss" else []


def _values(job: Job, metric: str) -> list[float]:
    points = Point.objects.filter(job=job, metric=metric).order_by("step")
    return list(points.values_list("value", flat=True))


def _last(values: list[float]) -> float | None:
    return values[-1] if values else None


def _thinned(values: list[float]) -> list[float]:
    """Every n-th value and always the last one."""
    stride = max(1, -(-len(values) // CURVE_VALUES))
    kept = values[::-1][::stride][::-1]
    return [round(value, 5) for value in kept]
