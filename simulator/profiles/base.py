"""What a provider's dialect changes in an answer. A new dialect is one file beside this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.spec import Spec

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Profile:
    """`job`, `event` and `checkpoint` get OpenAI's form and give the dialect's; `encode` makes a result file's bytes.

    `columns`: name in the result file -> name in the events. `has_late_events`: some come after the end.
    `event_id` turns OpenAI's id of an event into the dialect's.
    """

    name: str
    job: Callable[[Spec, float, Body], Body]
    event: Callable[[Spec, Body], Body]
    checkpoint: Callable[[Spec, Body], Body]
    encode: Callable[[str], bytes]
    columns: dict[str, str] = field(default_factory=lambda: metrics.SUPERVISED_COLUMNS)
    missing_cell: str = ""
    has_late_events: bool = False
    event_id: Callable[[str], str] = str


def plain(text: str) -> bytes:
    return text.encode()


def unchanged(_spec: Spec, body: Body) -> Body:
    return body
