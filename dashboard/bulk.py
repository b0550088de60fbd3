"""What is done with many jobs at once, and how it is told. Callers check roles and write the audit entry."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from accounts.models import Team, User
from alerts import silences
from dashboard import words
from jobs import labels, tracking
from jobs.labels import Labelled
from jobs.record import touch_team

ARE = ("is", "are")
SO = ("was so already", "were so already")


@dataclass(frozen=True, slots=True)
class Doing:
    """`said`: for the log. `verb` and `done`: behind the number of jobs it was done to.

    `same`: behind the number of those that needed nothing. Pairs are for one, and for more.
    `warning`: what is said where it is asked before: always, or where all of a list is meant.
    """

    label: str
    said: str
    done: str
    verb: tuple[str, str] = ARE
    same: tuple[str, str] = SO
    needs_tags: bool = False
    is_asked: bool = False
    warning: str = ""


DOINGS: Mapping[str, Doing] = {
    "tag": Doing("Tag", "jobs tagged", "tagged {tags}", needs_tags=True),
    "untag": Doing(
        "Untag",
        "jobs untagged",
        "no longer tagged {tags}",
        same=("was not", "were not"),
        needs_tags=True,
    ),
    "mute": Doing(
        "Mute",
        "jobs muted",
        "muted: nobody is told of what happens there",
        warning="Nobody is told of what happens there until somebody unmutes them.",
    ),
    "unmute": Doing(
        "Unmute",
        "jobs unmuted",
        "again",
        verb=("rings", "ring"),
        same=("was not silent", "were not silent"),
        warning="They ring again, also those that were snoozed or muted one by one.",
    ),
    "archive": Doing(
        "Archive",
        "jobs archived",
        "archived here. The training itself is not touched",
        is_asked=True,
        warning="They leave the list and are not polled any more. All that was recorded stays, and "
        "they can be restored.",
    ),
    "restore": Doing(
        "Restore", "jobs restored", "back on the list", same=("was there", "were there")
    ),
}


@dataclass(frozen=True, slots=True)
class Order:
    """Which jobs of the team, and by whom. `tags`: where they are needed, as they were checked."""

    team: Team
    user: User
    job_ids: Collection[int]
    tags: Collection[str] = ()


def carry_out(action: str, order: Order) -> Labelled:
    """Does one of DOINGS, in a transaction of the caller's. Raises ValueError: too many tags."""
    return _WAYS[action](order)


def tell(action: str, outcome: Labelled, tags: Collection[str] = ()) -> str:
    """What came of it, in sentences."""
    doing, changed = DOINGS[action], outcome.changed
    done = doing.done.format(tags=" ".join(tags))
    jobs = f"{words.counted(changed, 'job')} {_form(doing.verb, changed)} {done}."
    told = [jobs if changed else "Nothing was changed."]
    if outcome.same:
        told.append(f"{words.thin(outcome.same)} {_form(doing.same, outcome.same)}.")
    if outcome.full:
        full = words.counted(outcome.full, "job has", "jobs have")
        told.append(f"{full} no room for more than {labels.MOST_TAGS} tags.")
    return " ".join(told)


def _form(pair: tuple[str, str], number: int) -> str:
    return pair[0] if number == 1 else pair[1]


def _tag(order: Order) -> Labelled:
    return labels.tag(order.team, order.job_ids, add=order.tags)


def _untag(order: Order) -> Labelled:
    return labels.tag(order.team, order.job_ids, remove=order.tags)


def _mute(order: Order) -> Labelled:
    changed = silences.mute_all(order.job_ids, order.user)
    touch_team(order.team.pk)
    return _counted(order, changed)


def _unmute(order: Order) -> Labelled:
    changed = silences.wake_all(order.job_ids)
    touch_team(order.team.pk)
    return _counted(order, changed)


def _archive(order: Order) -> Labelled:
    return _counted(order, tracking.archive_all(order.team, order.job_ids))


def _restore(order: Order) -> Labelled:
    return _counted(order, tracking.restore_all(order.team, order.job_ids))


def _counted(order: Order, changed: int) -> Labelled:
    return Labelled(changed, len(order.job_ids) - changed)


_WAYS: Mapping[str, Callable[[Order], Labelled]] = {
    "tag": _tag,
    "untag": _untag,
    "mute": _mute,
    "unmute": _unmute,
    "archive": _archive,
    "restore": _restore,
}
