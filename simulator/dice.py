"""Numbers and names that depend on their arguments alone, so that a seed always gives the same life."""

from __future__ import annotations

import string
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def digest(*parts: object) -> int:
    """128 bits that depend on the parts."""
    text = "|".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=16).digest())


def chance(*parts: object) -> float:
    """A number in [0, 1)."""
    return (digest(*parts) >> 75) / (1 << 53)


def between(low: float, high: float, *parts: object) -> float:
    return low + (high - low) * chance(*parts)


def bell(*parts: object) -> float:
    """A number around 0 with a deviation of about 1 and no tail beyond 3.5 (sum of four uniforms)."""
    bits = digest(*parts)
    total = sum((bits >> shift) & 0xFFFFFFFF for shift in (0, 32, 64, 96)) / 0xFFFFFFFF
    return (total - 2.0) * 1.732


def code(length: int, *parts: object) -> str:
    """Letters and digits as in the providers' ids; at most 42 of them are independent."""
    bits, letters = digest(*parts) << 128 | digest("more", *parts), []
    for _ in range(length):
        bits, place = divmod(bits, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)


def hexcode(*parts: object) -> str:
    """32 hexadecimal digits, as in the ids of Azure."""
    return f"{digest(*parts):032x}"


def pick(choices: tuple[T, ...], *parts: object) -> T:
    return choices[digest(*parts) % len(choices)]
