"""Saved views: the tabs above the jobs list, what it opens with, and the page that lists them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.http import Http404, QueryDict
from django.urls import reverse

from accounts.models import Role, Team, User
from dashboard.list_url import list_url
from dashboard.models import SavedView
from dashboard.queries.job_filter import JobFilter


@dataclass(frozen=True, slots=True)
class Tab:
    id: UUID
    name: str
    url: str
    is_current: bool
    is_mine: bool
    is_default: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class Views:
    """`query`: what is shown now, as a view would keep it. `may_share`: with the whole team."""

    tabs: tuple[Tab, ...]
    all_url: str
    is_all: bool
    query: str
    may_share: bool

    @property
    def current(self) -> Tab | None:
        return next((tab for tab in self.tabs if tab.is_current), None)

    @property
    def own(self) -> tuple[Tab, ...]:
        """Those that can be made to show what is shown now."""
        return tuple(tab for tab in self.tabs if tab.may_change and not tab.is_current)


@dataclass(frozen=True, slots=True)
class ViewRow:
    """`shows`: its filter in words. `edit_url`: "" for who may not change it."""

    name: str
    url: str
    edit_url: str
    whose: str
    shows: str
    is_default: bool
    has_feed: bool


def canonical(asked: QueryDict) -> str:
    """The one spelling of the same list: what its filter does not read is left out."""
    return JobFilter.read(asked).query_string


def views_of(team: Team, user: User) -> list[SavedView]:
    """The team's and the user's own, in one query, in the order of the tabs."""
    found = SavedView.objects.for_team(team).filter(Q(owner=None) | Q(owner=user))
    return sorted(found, key=lambda view: (view.owner_id is not None, view.name.casefold()))


def opening_url(views: Sequence[SavedView]) -> str:
    """Where a list that is opened without a filter goes; "" where it stays. One's own default wins."""
    defaults = sorted(
        (one for one in views if one.is_default), key=lambda one: one.owner_id is None
    )
    query = defaults[0].query if defaults else ""
    return f"{reverse('jobs')}?{query}" if query else ""


def tabs_of(views: Sequence[SavedView], asked: QueryDict, role: Role) -> Views:
    query, may_share = canonical(asked), role.covers(Role.EDITOR)
    return Views(
        tabs=tuple(
            Tab(
                id=view.public_id,
                name=view.name,
                url=list_url(view.query),
                is_current=view.query == query,
                is_mine=view.owner_id is not None,
                is_default=view.is_default,
                may_change=may_share or view.owner_id is not None,
            )
            for view in views
        ),
        all_url=list_url(),
        is_all=not query and not any(not view.query for view in views),
        query=query,
        may_share=may_share,
    )


def rows_of(views: Iterable[SavedView], role: Role) -> tuple[ViewRow, ...]:
    may_share = role.covers(Role.EDITOR)
    return tuple(
        ViewRow(
            name=view.name,
            url=list_url(view.query),
            edit_url=reverse("view", args=[view.public_id])
            if may_share or view.owner_id is not None
            else "",
            whose="You" if view.owner_id is not None else "The team",
            shows=shows(view.query),
            is_default=view.is_default,
            has_feed=bool(view.feed_digest),
        )
        for view in views
    )


def shows(query: str) -> str:
    """The filter of a view in words."""
    said = JobFilter.read(QueryDict(query)).words
    return f"{said[:1].upper()}{said[1:]}" if said else "All jobs"


def find_view(team: Team, user: User, public_id: UUID) -> SavedView:
    """One of the team's or the user's own. Raises Http404."""
    found = SavedView.objects.for_team(team).filter(Q(owner=None) | Q(owner=user))
    view = found.select_related("owner").filter(public_id=public_id).first()
    if view is None:
        raise Http404
    view.team = team
    return view
