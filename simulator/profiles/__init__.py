"""The dialects the simulator speaks, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.profiles import azure, fireworks, generic, mistral, nebius, openai, together

if TYPE_CHECKING:
    from simulator.profiles.base import Profile

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        openai.PROFILE,
        nebius.PROFILE,
        azure.PROFILE,
        generic.PROFILE,
        mistral.PROFILE,
        together.PROFILE,
        fireworks.PROFILE,
    )
}
