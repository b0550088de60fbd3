"""Hyperparameters: what was asked for, what they became, and where the provider says it."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.queries.leaves import spell

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """`requested`: when first seen; `resolved`: now; `top_level`: outside of the method, if it differs."""

    name: str
    requested: str
    resolved: str
    top_level: str

    @property
    def is_resolved(self) -> bool:
        """Whether the provider replaced "auto" by a value."""
        return self.requested == AUTO and self.resolved not in {AUTO, ""}


def hyperparameters(
    requested: Mapping[str, object], resolved: Mapping[str, object], top_level: Mapping[str, object]
) -> tuple[Hyperparameter, ...]:
    """One row a name, in the order first met. A value that was never said is ""."""
    names = dict.fromkeys([*resolved, *requested, *top_level])
    rows = []
    for name in names:
        now = _said(resolved.get(name))
        outside = _said(top_level.get(name))
        rows.append(
            Hyperparameter(
                name=name,
                requested=_said(requested.get(name)),
                resolved=now,
                top_level=outside if outside not in {now, AUTO, "-1"} else "",
            )
        )
    return tuple(rows)


def _said(value: object) -> str:
    return "" if value is None else spell(value)
