"""Wrong answers on demand: which requests get one, and what it looks like.

Faults that only change the answer are here; those that need the socket are in `breakage`.
"""

from __future__ import annotations

import gzip
import re
import threading
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING

import orjson

from simulator.exchange import JSON_TYPE, Answer, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HTML = (
    b"<!doctype html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><h1>502 Bad Gateway</h1><p>The server is taking a nap.</p></body></html>"
)
DEFAULT_STATUS = 500
GARBAGE = bytes(range(256)) * 4


class WrongRule(Exception):
    """A rule that cannot be; the message names the member."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong; the members a kind does not use are ignored. Sizes in bytes, times in seconds."""

    kind: str
    status: int = DEFAULT_STATUS
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    bytes: int = 64 * 1024 * 1024
    seconds: float = 1.0
    location: str = "/elsewhere"
    id: str = "ftjob-SomebodyElsesJob000000001"
    word: str = "defragmenting"


@dataclass(slots=True)
class Rule:
    """Requests whose path fits `match` (a glob over the path with /v1), `times` of them or, with None, all.

    `share` of the fitting requests is hit (1 = every one); `method` and `key` narrow it further.
    """

    fault: Fault
    match: str = "*"
    times: int | None = None
    method: str | None = None
    key: str | None = None
    share: float = 1.0
    number: int = 0
    hits: int = 0

    def fits(self, request: Request) -> bool:
        return (
            (self.times is None or self.hits < self.times)
            and fnmatchcase(request.path, self.match)
            and self.method in (None, request.method)
            and self.key in (None, request.api_key)
        )


@dataclass(slots=True)
class Switchboard:
    """The rules in force, the oldest first; used by many threads."""

    seed: int = 0
    _rules: list[Rule] = field(default_factory=list)
    _added: int = 0
    _luck: Random = field(default_factory=Random)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._luck.seed(self.seed)

    def add(self, rule: Rule) -> int:
        """The rule's number, to remove it by."""
        with self._lock:
            self._added += 1
            rule.number = self._added
            self._rules.append(rule)
            return rule.number

    def remove(self, number: int | None = None) -> int:
        """Removes one rule, or all; how many there were."""
        with self._lock:
            kept = [] if number is None else [rule for rule in self._rules if rule.number != number]
            removed = len(self._rules) - len(kept)
            self._rules = kept
            return removed

    def pick(self, request: Request) -> Fault | None:
        """The fault for this request, counted."""
        with self._lock:
            for rule in self._rules:
                if rule.fits(request) and self._luck.random() < rule.share:
                    rule.hits += 1
                    return rule.fault
        return None

    def rules(self) -> list[Rule]:
        with self._lock:
            return list(self._rules)


def spoil(answer: Answer, fault: Fault) -> Answer:
    """The answer with the fault in it; one that never arrives whole says nothing about any job."""
    if fault.kind in CUT_KINDS:
        return replace(answer, jobs=())
    change = CHANGES.get(fault.kind)
    return answer if change is None else change(answer, fault)


def _status(_answer: Answer, fault: Fault) -> Answer:
    if isinstance(fault.body, str):
        return Answer(fault.status, fault.body.encode(), "text/plain", headers=fault.headers)
    error = {"message": "Injected fault", "type": "server_error", "param": None, "code": None}
    body = {"error": error} if fault.body is None else fault.body
    return Answer(fault.status, orjson.dumps(body), headers=fault.headers)


def _html(_answer: Answer, fault: Fault) -> Answer:
    return Answer(
        fault.status if fault.status != DEFAULT_STATUS else 200,
        HTML,
        "text/html",
        headers=fault.headers,
    )


def _garbage(_answer: Answer, _fault: Fault) -> Answer:
    return Answer(200, GARBAGE)


def _nan(_answer: Answer, _fault: Fault) -> Answer:
    return Answer(
        200, b'{"object":"fine_tuning.job","id":"ftjob-1","status":"running","trained_tokens":NaN}'
    )


def _empty(_answer: Answer, _fault: Fault) -> Answer:
    return Answer(200, b"")


def _not_an_object(_answer: Answer, _fault: Fault) -> Answer:
    return Answer(200, b'["this","is","a","list"]')


def _gzip_bomb(_answer: Answer, fault: Fault) -> Answer:
    return Answer(200, gzip.compress(b" " * fault.bytes, 6), headers={"content-encoding": "gzip"})


def _redirect(_answer: Answer, fault: Fault) -> Answer:
    status = fault.status if fault.status in range(300, 400) else 302
    return Answer(status, b"", headers={"location": fault.location} | dict(fault.headers))


def _wrong_id(answer: Answer, fault: Fault) -> Answer:
    return _rewritten(answer, lambda each: each | {"id": fault.id})


def _unknown_status(answer: Answer, fault: Fault) -> Answer:
    return _rewritten(
        answer, lambda each: each | {"status": fault.word} if "status" in each else each
    )


def _rewritten(answer: Answer, change: Callable[[dict[str, object]], dict[str, object]]) -> Answer:
    """The answer with its object, or each object of its list, changed; anything else stays as it is."""
    if answer.content_type != JSON_TYPE or answer.status != HTTPStatus.OK:
        return answer
    body = orjson.loads(answer.body)
    several = body.get("data")
    if isinstance(several, list):
        body["data"] = several = [change(each) for each in several]
    else:
        body = change(body)
    told = [body] if several is None else several
    jobs = tuple((each.get("id"), each.get("status"), each.get("trained_tokens")) for each in told)
    return replace(answer, body=orjson.dumps(body), jobs=jobs if answer.jobs else ())


CHANGES: dict[str, Callable[[Answer, Fault], Answer]] = {
    "status": _status,
    "html": _html,
    "garbage": _garbage,
    "nan": _nan,
    "empty": _empty,
    "not-an-object": _not_an_object,
    "gzip-bomb": _gzip_bomb,
    "redirect": _redirect,
    "wrong-id": _wrong_id,
    "unknown-status": _unknown_status,
}
CUT_KINDS = ("hang", "truncated", "reset", "huge")
KINDS = (*CHANGES, *CUT_KINDS, "drip", "slow")
FAULT_FIELDS = frozenset(Fault.__dataclass_fields__)
RULE_FIELDS = frozenset({"fault", "match", "times", "method", "key", "share"})


def read_rule(body: Mapping[str, object]) -> Rule:
    """The rule these members describe. Raises WrongRule with a clear text."""
    fault = body.get("fault")
    if not isinstance(fault, dict) or not isinstance(fault.get("kind"), str):
        raise WrongRule("fault must be an object with a kind")
    kind = fault["kind"].replace("_", "-")
    if kind not in KINDS:
        raise WrongRule(f"unknown kind: {kind}; known: {', '.join(KINDS)}")
    unknown = sorted((set(fault) - FAULT_FIELDS) | (set(body) - RULE_FIELDS))
    if unknown:
        raise WrongRule(f"unknown member: {unknown[0]}")
    _check_numbers(body, fault)
    made = Fault(**(fault | {"kind": kind, "headers": _headers(fault.get("headers"))}))
    rest = {name: value for name, value in body.items() if name != "fault"}
    return Rule(made, **rest)  # type: ignore[arg-type]  # the members were checked above


def _check_numbers(body: Mapping[str, object], fault: Mapping[str, object]) -> None:
    for name in ("status", "bytes", "seconds"):
        if name in fault and not _is_number(fault[name]):
            raise WrongRule(f"{name} must be a number >= 0")
    if body.get("times") is not None and not _is_number(body["times"]):
        raise WrongRule("times must be a number >= 0 or null")
    if "share" in body and not _is_number(body["share"]):
        raise WrongRule("share must be a number from 0 to 1")
    if not isinstance(body.get("match", "*"), str):
        raise WrongRule("match must be a string")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _headers(value: object) -> dict[str, str]:
    """Raises WrongRule for anything that could not be a header."""
    pairs = {} if value is None else value
    if not isinstance(pairs, dict):
        raise WrongRule("headers must be an object")
    for name, text in pairs.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not re.fullmatch(r"[\x20-\x7e]*", str(text)):
            raise WrongRule(f"not a header: {name}")
    return {name: str(text) for name, text in pairs.items()}
