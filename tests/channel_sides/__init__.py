"""One receiver for each kind of channel: each module of this folder named after its kind has a `SIDE`."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

SIDES: dict[str, type[Any]] = {
    found.name: import_module(f"{__name__}.{found.name}").SIDE for found in iter_modules(__path__)
}
