"""The only writer of saved views and of the secrets of their feeds. Callers check roles and write the audit entry."""

import secrets

from django.db import transaction

from accounts.models import Team, User, digest_of
from dashboard.models import SavedView
from jobs.record import touch_team

MOST = 50  # of the team, and of each member


def save(team: Team, owner: User | None, name: str, query: str, *, is_default: bool) -> SavedView:
    """A new view; `owner` None: the whole team's. Raises ValueError that says why not."""
    with transaction.atomic():
        beside = _held(team, owner)
        if len(beside) >= MOST:
            raise ValueError(f"There are {MOST} views already. Remove one first.")
        _refuse_twice(beside, name)
        view = SavedView(team=team, owner=owner, name=name, query=query, is_default=is_default)
        _settle(view, beside)
        view.save()
        touch_team(team.pk)
    return view


def change(view: SavedView, name: str, *, is_default: bool) -> None:
    """Another name, and whether the list opens with it. Raises ValueError that says why not."""
    with transaction.atomic():
        beside = [one for one in _held(view.team, view.owner) if one.pk != view.pk]
        _refuse_twice(beside, name)
        view.name, view.is_default = name, is_default
        _settle(view, beside)
        SavedView.objects.filter(pk=view.pk).update(name=name, is_default=is_default)
        touch_team(view.team_id)


def point(view: SavedView, query: str) -> None:
    """The view shows something else from now on; its feed does too."""
    with transaction.atomic():
        SavedView.objects.filter(pk=view.pk).update(query=query)
        touch_team(view.team_id)


def remove(view: SavedView) -> None:
    with transaction.atomic():
        SavedView.objects.filter(pk=view.pk).delete()
        touch_team(view.team_id)


def open_feed(view: SavedView) -> str:
    """The token of the feed's address in clear, the only time it can be had; one before it ends."""
    token = secrets.token_urlsafe(32)
    SavedView.objects.filter(pk=view.pk).update(feed_digest=digest_of(token))
    return token


def close_feed(view: SavedView) -> None:
    SavedView.objects.filter(pk=view.pk).update(feed_digest="")


def _held(team: Team, owner: User | None) -> list[SavedView]:
    """The views of this owner. Under the team's lock: of two at the same time the second sees the first."""
    Team.objects.select_for_update(no_key=True).only("pk").get(pk=team.pk)
    return list(SavedView.objects.for_team(team).filter(owner=owner))


def _refuse_twice(beside: list[SavedView], name: str) -> None:
    if any(one.name.casefold() == name.casefold() for one in beside):
        raise ValueError(f"There is a view named “{name}” already.")


def _settle(view: SavedView, beside: list[SavedView]) -> None:
    """One default at most."""
    if view.is_default:
        SavedView.objects.filter(pk__in=[one.pk for one in beside if one.is_default]).update(
            is_default=False
        )
