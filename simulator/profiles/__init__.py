"""The dialects the simulator speaks, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.profiles import azure, nebius, openai

if TYPE_CHECKING:
    from simulator.profiles.base import Profile

PROFILES: dict[str, Profile] = {
    profile.name: profile for profile in (openai.PROFILE, nebius.PROFILE, azure.PROFILE)
}
