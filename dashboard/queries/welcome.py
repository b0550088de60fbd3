"""How far the first steps are done."""

from dataclasses import dataclass

from accounts.models import Team, User
from alerts.models import Channel
from alerts.setup import has_listener
from jobs.models import Connection, Job


@dataclass(frozen=True, slots=True)
class WelcomePage:
    verdict: str
    has_password: bool
    connections: tuple[str, ...]
    has_demo: bool
    has_channel: bool
    has_listener: bool
    has_jobs: bool


def welcome_page(team: Team, user: User) -> WelcomePage:
    live = list(Connection.objects.for_team(team).live().order_by("pk"))
    real = tuple(row.name for row in live if row.origin != Connection.Origin.DEMO)
    is_heard, has_password = has_listener(team), user.has_usable_password()
    open_steps = [has_password, bool(real), is_heard].count(False)
    return WelcomePage(
        verdict="All set."
        if not open_steps
        else f"{3 - open_steps} of 3 steps done. Each can wait.",
        has_password=has_password,
        connections=real,
        has_demo=len(live) > len(real),
        has_channel=Channel.objects.for_team(team).exists(),
        has_listener=is_heard,
        has_jobs=Job.objects.for_team(team).exists(),
    )
