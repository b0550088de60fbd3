"""Numbers out of addresses."""

MOST_DIGITS = 18  # what any row number fits into


def whole(text: str) -> int | None:
    """The number that the text is, or None. Plain digits only: no sign, no space, no other alphabet."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None
