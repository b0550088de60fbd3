"""Pure: what a job costs, from what is known of it and a list of dated prices. Always an estimate.

A price is per million trained tokens or per hour of training. OpenAI bills supervised and preference
training by tokens and reinforcement by the time spent training, queues not counted (its billing
guide, https://help.openai.com/en/articles/11323177); a price of the team may say it otherwise.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

from providers.states import State

TOKENS, HOUR = "tokens", "hour"  # units of a price
MILLION, HOUR_S, MINUTE_S = 1_000_000, 3600, 60
THIN_SPACE = "\u2009"
ANY = "*"
CENT = 0.01
LEAST_PROGRESS = 0.01  # a projection from less is a guess
REINFORCEMENT = "reinforcement"
ACTIVE_TRAINING = frozenset({State.RUNNING, State.PAUSED})
# What a dated version has behind the model's name: -2024-07-18, -0125, @20240718.
_VERSION = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{4}|\d{6}|\d{8})")


@dataclass(frozen=True, slots=True)
class PriceRow:
    """From `valid_from` on. `dialect`, `method`: "" is any. `usd`: per unit, >= 0.

    `base_model`: a name, which stands for its dated versions too, or the begin of names and a star.
    `key`: the row of a team's own price, None for one that TuneBell comes with.
    """

    dialect: str
    base_model: str
    method: str
    unit: str
    usd: Decimal
    valid_from: date
    source: str
    url: str = ""
    key: int | None = None

    @property
    def words(self) -> str:
        """$3.00 per 1 M tokens."""
        return f"{exact_dollars(self.usd)} per {'hour' if self.unit == HOUR else '1 M tokens'}"


@dataclass(frozen=True, slots=True)
class Facts:
    """A job. `trained_s`: seconds in the state running so far, None where we did not see all of it.

    `progress`: above 0 and at most 1, None where no steps are reported.
    """

    dialect: str
    base_model: str
    method: str | None
    state: State
    created_at: datetime | None = None
    ended_at: datetime | None = None
    trained_tokens: int | None = None
    trained_s: float | None = None
    progress: float | None = None


class Stage(Enum):
    """What an estimate is of: the whole job, what it used until now, or what it will have used."""

    FINAL = "in all"
    SO_FAR = "so far"
    PROJECTED = "projected"


@dataclass(frozen=True, slots=True)
class Estimate:
    """`usd`: >= 0. `basis`: the sum in words. `caveat`: what the invoice may do otherwise."""

    usd: float
    basis: str
    price: PriceRow
    stage: Stage
    caveat: str = ""

    @property
    def is_projection(self) -> bool:
        return self.stage is Stage.PROJECTED


class Why(Enum):
    """Why there is no estimate."""

    NO_MODEL = "the provider names no base model"
    NO_DAY = "the provider tells neither its end nor its creation"
    NO_PRICE = "no price is known for its model"
    NO_TOKENS = "the provider reported no trained tokens"
    NO_TIME = "billed by training time, which was not fully seen"
    NOT_YET = "it has not begun to train"
    AT_END = "trained tokens are reported at the end"


@dataclass(frozen=True, slots=True)
class Unknown:
    why: Why

    @property
    def words(self) -> str:
        return self.why.value


@dataclass(slots=True)
class PriceList:
    """A team's prices and those behind them. Asking it again for the same kind of job is cheap."""

    rows: Sequence[PriceRow]
    _ranked: dict[tuple[str, str, str], list[PriceRow]] = field(default_factory=dict)

    def find(
        self, dialect: str, base_model: str, method: str | None, day: date | None
    ) -> PriceRow | None:
        """The price of that day: own before shipped, then the most specific, then the newest.

        `day` None: of any day.
        """
        key = (dialect, base_model, method or "")
        if key not in self._ranked:
            self._ranked[key] = self._rank(*key)
        return next(
            (row for row in self._ranked[key] if day is None or row.valid_from <= day), None
        )

    def _rank(self, dialect: str, base_model: str, method: str) -> list[PriceRow]:
        found = [row for row in self.rows if fits(row, dialect, base_model, method)]
        return sorted(found, key=lambda row: _rank_of(row, method), reverse=True)


def _rank_of(row: PriceRow, method: str) -> tuple[object, ...]:
    is_exact = not row.base_model.endswith(ANY)
    is_usual = row.unit == (HOUR if method == REINFORCEMENT else TOKENS)
    return (
        *(row.key is not None, is_exact, len(row.base_model), bool(row.dialect), bool(row.method)),
        *(row.valid_from, is_usual, row.key or 0),
    )


def fits(row: PriceRow, dialect: str, base_model: str, method: str) -> bool:
    """Whether the price, of whatever day, is one of such jobs.

    One by tokens for any method is none of reinforcement, which nobody is known to bill so.
    """
    if row.dialect and row.dialect != dialect:
        return False
    if row.method and row.method != (method or "supervised"):
        return False
    is_other = method == REINFORCEMENT and row.unit == TOKENS and not row.method
    return not is_other and is_model(row.base_model, base_model)


def is_model(pattern: str, name: str) -> bool:
    """Whether a price of `pattern` is one of the model.

    >>> is_model("gpt-4o", "gpt-4o-2024-08-06"), is_model("gpt-4o", "gpt-4o-mini-2024-07-18")
    (True, False)
    >>> is_model("meta-llama/*", "meta-llama/Llama-3.1-8B"), is_model("*", "anything")
    (True, True)
    """
    wanted, asked = pattern.casefold(), plain_model(name).casefold()
    if wanted.endswith(ANY):
        return asked.startswith(wanted.removesuffix(ANY))
    if asked == wanted:
        return True
    return asked.startswith(wanted) and bool(_VERSION.fullmatch(asked[len(wanted) :]))


def plain_model(name: str) -> str:
    """The model below a fine-tuned one that is trained further, by the names of OpenAI and Azure.

    >>> plain_model("ft:gpt-4o-mini-2024-07-18:acme::9xYz"), plain_model("gpt-4o.ft-0a1b")
    ('gpt-4o-mini-2024-07-18', 'gpt-4o')
    """
    if name.startswith("ft:"):
        return name.split(":")[1]
    return name.partition(".ft-")[0] or name


def day_of(facts: Facts, now: datetime) -> date | None:
    """The day whose prices count, UTC: of its end, else of its creation; today while it is active."""
    if not facts.state.is_over:
        return now.astimezone(UTC).date()
    at = facts.ended_at or facts.created_at
    return at.astimezone(UTC).date() if at else None


def estimate(facts: Facts, prices: PriceList, now: datetime) -> Estimate | Unknown:
    """What the job has cost, or will have while it is active; or why nobody knows."""
    if not facts.base_model:
        return Unknown(Why.NO_MODEL)
    day = day_of(facts, now)
    if day is None:
        return Unknown(Why.NO_DAY)
    price = prices.find(facts.dialect, facts.base_model, facts.method, day)
    if price is None:
        return Unknown(Why.NO_PRICE)
    if price.usd == 0:  # whatever it uses
        stage = Stage.FINAL if facts.state.is_over else Stage.PROJECTED
        return Estimate(0.0, f"at {price.words}", price, stage)
    used = _used(facts, price.unit)
    if used is None:
        return Unknown(why_unused(facts, price.unit))
    return _priced(facts, price, used)


def _used(facts: Facts, unit: str) -> float | None:
    """Units of the price. Nothing is "not said": some providers write 0 until the end."""
    is_tokens = unit == TOKENS
    amount, size = (facts.trained_tokens, MILLION) if is_tokens else (facts.trained_s, HOUR_S)
    return amount / size if amount and amount > 0 else None


def why_unused(facts: Facts, unit: str) -> Why:
    """Why nobody knows how much was used."""
    if facts.state.is_over:
        return Why.NO_TOKENS if unit == TOKENS else Why.NO_TIME
    if facts.state not in ACTIVE_TRAINING:
        return Why.NOT_YET
    return Why.AT_END if unit == TOKENS else Why.NO_TIME


def _priced(facts: Facts, price: PriceRow, used: float) -> Estimate:
    stage, whole, begin = Stage.FINAL, used, ""
    if not facts.state.is_over:
        stage, begin = Stage.SO_FAR, "so far "
        if facts.progress and facts.progress >= LEAST_PROGRESS:
            stage, begin = Stage.PROJECTED, f"projected from {round(facts.progress * 100)} %: "
            whole = used / facts.progress
    basis = f"{begin}{_amount(whole, price.unit)} × {price.words}"
    return Estimate(whole * float(price.usd), basis, price, stage, _caveat(facts))


def _caveat(facts: Facts) -> str:
    parts = []
    if facts.state in {State.FAILED, State.CANCELLED}:
        parts.append("what it used until then may be billed")
    if facts.method == REINFORCEMENT:
        parts.append("graders that are models are billed besides")
    return "; ".join(parts)


def _amount(used: float, unit: str) -> str:
    """1 204 331 tokens; 2 h 05 min of training."""
    if unit == TOKENS:
        number = round(used * MILLION)
        noun = "token" if number == 1 else "tokens"
        return f"{number:,} {noun}".replace(",", THIN_SPACE)
    minutes = round(used * MINUTE_S)
    hours, rest = divmod(minutes, MINUTE_S)
    spent = f"{hours} h {rest:02} min" if hours else f"{minutes} min" if minutes else "under 1 min"
    return f"{spent} of training"


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state as it was recorded. `stayed_s`: in `from_state`, if we saw all of it."""

    from_state: str
    to_state: str
    at: datetime
    stayed_s: float | None = None


def trained_s(moves: Iterable[Move], end: datetime | None) -> float | None:
    """Seconds in the state running: as measured, else between the two moves as we recorded them.

    `moves`: in order. `end`: where the last stay ends, if no move ended it. None where the job never
    ran, or was running already when it was first seen and nothing was measured.
    """
    total, began, is_running, has_run = 0.0, None, False, False
    for move in moves:
        if move.from_state == State.RUNNING.value:
            stayed_s = move.stayed_s if move.stayed_s is not None else _span_s(began, move.at)
            if stayed_s is None:
                return None
            total, is_running, has_run = total + stayed_s, False, True
        if move.to_state == State.RUNNING.value:
            began, is_running = (move.at if move.from_state else None), True
    if not is_running:
        return total if has_run else None
    last_s = _span_s(began, end)
    return None if last_s is None else total + last_s


def _span_s(began: datetime | None, ended: datetime | None) -> float | None:
    return max((ended - began).total_seconds(), 0.0) if began and ended else None


def dollars(usd: float | Decimal) -> str:
    """An amount of money: $3.61; less than a cent is said so, and nothing is $0.00.

    >>> dollars(3.614), dollars(0.004), dollars(0), dollars(1204.5)
    ('$3.61', '<$0.01', '$0.00', '$1\u2009204.50')
    """
    if 0 < usd < CENT:
        return "<$0.01"
    return f"${usd:,.2f}".replace(",", THIN_SPACE)


def exact_dollars(usd: Decimal) -> str:
    """A price with all of its digits, at least the cents.

    >>> exact_dollars(Decimal("0.4")), exact_dollars(Decimal("0.0005"))
    ('$0.40', '$0.0005')
    """
    whole = f"{usd.normalize():,f}".replace(",", THIN_SPACE)
    _, dot, cents = whole.partition(".")
    return f"${whole}{'' if dot else '.'}{'0' * max(2 - len(cents), 0)}"
