"""Pure: what a loss that rises says. Curves are thinned to at most 48 points (jobs.curves)."""

from collections.abc import Sequence
from math import isfinite

from jobs.conditions.facts import Facts, Finding, Kind, Open, seconds
from providers.states import State

WINDOW = 3  # points whose middle one counts: one spike is no trend

FEWEST_TRAIN = 8
# A run that breaks climbs back up most of what it came down; batches are noisy by some tenths, and
# near zero a doubled loss means nothing.
RISE_SHARE, FALL_SHARE, RISE_FLOOR = 0.5, 0.5, 0.2

FEWEST_VALID = 6
FEWEST_AFTER = 4  # points after the best one
WORSE_SHARE, WORSE_FLOOR = 0.15, 0.05
LEVEL_SHARE = 0.1  # training that rose by more is no overfitting, it diverges

# A job that had lived for longer than this when it was first seen brings a past with it. What its
# curves show within the first hour is that past, and rings nobody.
LIVED_S, PAST_S = 600.0, 3600.0


def find_diverging(facts: Facts) -> Finding | None:
    sound = _sound(_judged(facts, facts.train_losses))
    if len(sound) < FEWEST_TRAIN or not _may_have_risen(sound, RISE_FLOOR):
        return None
    levels = _levels(sound)
    best, last = min(levels), levels[-1]
    fallen = max(levels[0] - best, 0.0)
    needed = max(RISE_SHARE * abs(best), FALL_SHARE * fallen, RISE_FLOOR)
    if last - best < needed * facts.factor(Kind.DIVERGING):
        return None
    reason = f"training loss rose from {min(sound):.4g} to {sound[-1]:.4g}"
    return _finding(facts, reason, {"metric": "train_loss", **_numbers(sound, best)})


def end_diverging(facts: Facts, known: Open) -> str | None:
    return _new_best("training", facts.train_losses, known)


def find_overfitting(facts: Facts) -> Finding | None:
    sound = _sound(_judged(facts, facts.valid_losses))
    if len(sound) < FEWEST_VALID or not _may_have_risen(sound, WORSE_FLOOR):
        return None
    levels = _levels(sound)
    best, last = min(levels), levels[-1]
    place = levels.index(best)
    needed = max(WORSE_SHARE * abs(best), WORSE_FLOOR) * facts.factor(Kind.OVERFITTING)
    is_old = len(levels) - 1 - place >= FEWEST_AFTER
    if not is_old or last - best < needed or _has_risen(facts.train_losses, place / len(levels)):
        return None
    reason = f"validation loss rose from {min(sound):.4g} to {sound[-1]:.4g}{_beside(facts)}"
    return _finding(facts, reason, {"metric": "valid_loss", **_numbers(sound, best)})


def end_overfitting(facts: Facts, known: Open) -> str | None:
    return _new_best("validation", facts.valid_losses, known)


def _judged(facts: Facts, losses: Sequence[float]) -> Sequence[float]:
    """Jobs that learn by reward have losses too, but nobody steers by them."""
    return losses if facts.state is State.RUNNING and not facts.is_rewarded else ()


def _sound(losses: Sequence[float]) -> list[float]:
    """Without what is no number."""
    return [float(one) for one in losses if type(one) in (float, int) and isfinite(one)]


def _may_have_risen(sound: Sequence[float], least: float) -> bool:
    """No level is above its points or below them: most curves are seen to fall without any median."""
    return max(sound[-WINDOW:]) - min(sound) >= least


def _levels(sound: Sequence[float]) -> list[float]:
    """The middle one of each three neighbours."""
    ends = range(WINDOW, len(sound) + 1)
    return [sorted(sound[end - WINDOW : end])[WINDOW // 2] for end in ends]


def _has_risen(train_losses: Sequence[float], share: float) -> bool:
    """Whether training is worse now than it was at that share of its way."""
    levels = _levels(_sound(train_losses))
    if not levels:
        return False
    then = levels[min(int(share * len(levels)), len(levels) - 1)]
    return levels[-1] - then > LEVEL_SHARE * abs(then)


def _new_best(name: str, losses: Sequence[float], known: Open) -> str | None:
    """The curve is thinned anew as it grows, so an old low point may appear: only the end counts."""
    levels, best = _levels(_sound(losses)), known.number("best_level", float("-inf"))
    if not levels or levels[-1] >= best:
        return None
    return f"{name} loss fell to {levels[-1]:.4g}, a new best"


def _beside(facts: Facts) -> str:
    return " while training went on falling" if facts.train_losses else ""


def _numbers(sound: Sequence[float], best_level: float) -> dict[str, object]:
    """The loss as people find it in the chart, and the level that a new best must be below."""
    return {"best_loss": min(sound), "last_loss": sound[-1], "best_level": best_level}


def _finding(facts: Facts, reason: str, told: dict[str, object]) -> Finding:
    born = facts.created_at
    has_past = born is None or seconds(facts.first_seen_at, born) > LIVED_S
    is_first_hour = seconds(facts.seen_at, facts.first_seen_at) < PAST_S
    return Finding(facts.seen_at, reason, told, is_news=not (has_past and is_first_hour))
