"""Shapes of figures that /metrics tells: names begin with `tunebell_`, texts end with a full stop."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from jobs.ledger import BEYOND_S

Sums = Mapping[float, tuple[int, float]]  # number and total by upper bound, no sums over bounds


def gauge(name: str, text: str, value: float | None) -> Metric:
    """None: a family without a sample."""
    family = GaugeMetricFamily(f"tunebell_{name}", text)
    if value is not None:
        family.add_metric([], value)
    return family


def gauges(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(f"tunebell_{name}", text, labels=[label])
    for word, value in values:
        family.add_metric([word], value)
    return family


def counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"tunebell_{name}", text, value=value)


def add_histogram(
    family: HistogramMetricFamily, labels: list[str], found: Sums, bounds: Iterable[float]
) -> None:
    """Cumulative, as Prometheus wants it; stored are the numbers between two bounds."""
    seen, total_s, buckets = 0, 0.0, []
    for upper_s in sorted({*bounds, BEYOND_S, *found}):
        number, spent_s = found.get(upper_s, (0, 0.0))
        seen, total_s = seen + number, total_s + spent_s
        is_last = upper_s >= BEYOND_S
        buckets.append(("+Inf" if is_last else str(upper_s), float(seen)))
    family.add_metric(labels, buckets, total_s)


def age_s(moment: datetime | None, now: datetime) -> float:
    """Seconds; 0 where nothing waits."""
    return max((now - moment).total_seconds(), 0.0) if moment else 0.0
