"""A secret that cannot be printed or pickled by accident."""

import hmac
from typing import NoReturn

MIN_CHARS_TO_SHOW_FOUR = 12


class Secret:
    """Holds a key or token. Only `reveal()` gives it back; it can neither be printed nor pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: for the one line that sends it."""
        return self._value

    @property
    def last4(self) -> str:
        """The last four characters, or none of a secret too short to show any."""
        return self._value[-4:] if len(self._value) >= MIN_CHARS_TO_SHOW_FOUR else ""

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return f"Secret(…{self.last4})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        msg = "A secret is never pickled or copied out of the process"
        raise TypeError(msg)
