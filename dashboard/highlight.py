"""Where a text contains what was searched for. Pure."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text; the pieces in their order are the whole of it."""

    text: str
    is_hit: bool = False


def parts(text: str, wanted: str) -> tuple[Part, ...]:
    """The text cut at each place where `wanted` stands, in letters of any size.

    >>> [(one.text, one.is_hit) for one in parts("Step 10: LOSS 1", "loss")]
    [('Step 10: ', False), ('LOSS', True), (' 1', False)]
    """
    if not wanted:
        return (Part(text),)
    pieces = re.split(f"({re.escape(wanted)})", text, flags=re.IGNORECASE)
    return tuple(Part(piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece)
