"""The axes of several runs -> what is said of the one that they are drawn along together. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.x_axes import ESTIMATED_TOKENS, SINCE_BEGUN, SINCE_FIRST, XAxis

# Of unlike labels the one that says more; those of the other are named in the note.
_BEFORE_OTHERS = (ESTIMATED_TOKENS, SINCE_BEGUN)
_FROM_FIRST = "Minutes count from the first point, for when it began running is not known."


@dataclass(frozen=True, slots=True)
class Told:
    """`note`: how places are known, and of which runs, where that must be said."""

    label: str
    note: str


def told_together(runs: Sequence[tuple[str, XAxis]]) -> Told:
    """`runs`: name and axis of each, all of the same kind.

    >>> told_together([("v7", XAxis()), ("v8", XAxis())])
    Told(label='Step', note='')
    """
    labels = [axis.label for _, axis in runs]
    label = next((one for one in _BEFORE_OTHERS if one in labels), labels[0] if labels else "")
    of_notes: dict[str, list[str]] = {}
    for name, axis in runs:
        if axis.note:
            of_notes.setdefault(axis.note, []).append(name)
        if axis.label == SINCE_FIRST != label:
            of_notes.setdefault(_FROM_FIRST, []).append(name)
    whole = len(runs)
    notes = [
        note if len(of) == whole else f"{', '.join(of)}: {note}" for note, of in of_notes.items()
    ]
    return Told(label, " ".join(notes))
