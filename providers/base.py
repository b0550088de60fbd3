"""What a provider can be asked, and the registry of dialects."""

import importlib
import itertools
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

import providers
from outbound.secret import Secret
from providers.catalog import BaseModel, ModelLimit
from providers.wire import Checkpoint, Element, Event, File, Invalid, Job, Page

if TYPE_CHECKING:
    from providers.ratelimits import RateLimits
    from providers.traffic import OnReply

RESULT_FILE_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Account:
    """Where and as whom to ask. `api_key` None: a server without authentication."""

    dialect: str
    base_url: str
    api_key: Secret | None
    auth_header: str = "Authorization"
    organization: str | None = None
    project: str | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra_query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the connection test. `capability`: jobs, events, checkpoints, files or models.

    `tried`: the requests that were made for it and what came back, a line each.
    """

    capability: str
    ok: bool
    detail: str
    tried: tuple[str, ...] = ()


_DIALECTS: dict[str, type["Provider"]] = {}


class Provider(ABC):
    """One account at one provider. Methods return values or raise ProviderError.

    `label`, `help` and `default_base_url` are for the form; `is_experimental`: built from a
    specification, never seen with live answers. The flags and `actions` say what the dialect has;
    an instance lowers them when its server lacks something.
    """

    name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    help: ClassVar[str] = ""
    default_base_url: ClassVar[str] = ""
    is_experimental: ClassVar[bool] = False
    has_list: bool = True
    has_events: bool = True
    has_checkpoints: bool = True
    has_files: bool = True
    actions: frozenset[str] = frozenset()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.name:
            _DIALECTS[cls.name] = cls

    def __init__(self, account: Account, on_reply: "OnReply | None" = None) -> None:
        self.account = account
        self.on_reply = on_reply
        self.requests_made = 0
        self.rate_limits: RateLimits | None = None

    @abstractmethod
    def retrieve_job(self, job_id: str) -> Element:
        """The job with exactly this id."""

    @abstractmethod
    def list_jobs(self, after: str | None = None, limit: int = 100) -> Page[Element]:
        """One page of jobs, in the provider's order (newest first as a rule)."""

    @abstractmethod
    def read_job(self, element: Element) -> Job | Invalid:
        """The job inside an element."""

    @abstractmethod
    def list_events(self, job_id: str, after: str | None = None, limit: int = 100) -> Page[Event]:
        """One page of a job's events, in the provider's order."""

    @abstractmethod
    def list_checkpoints(
        self, job_id: str, after: str | None = None, limit: int = 100
    ) -> Page[Checkpoint]:
        """One page of a job's checkpoints; empty where the provider has none."""

    @abstractmethod
    def file(self, file_id: str) -> File:
        """What the provider says about a file."""

    @abstractmethod
    def file_content(self, file_id: str, max_bytes: int = RESULT_FILE_BYTES) -> bytes:
        """The bytes of a file as served."""

    @abstractmethod
    def act(self, job_id: str, action: str) -> Element:
        """The job after one of `actions`: cancel, pause or resume. Never tried twice.

        Raises OutcomeUnknown when it was sent and nobody said whether it was done.
        """

    @abstractmethod
    def limits(self) -> tuple[ModelLimit, ...] | Invalid:
        """How many jobs of which model are allowed; () where the provider does not say."""

    @abstractmethod
    def models(self) -> tuple[BaseModel, ...]:
        """The provider's models, with the day on which they retire where it says so."""

    @abstractmethod
    def check(self) -> list[Check]:
        """What the key can do, one line a capability."""

    @classmethod
    @abstractmethod
    def parse_job(cls, raw: object) -> Job | Invalid:
        """The job in a raw body of this dialect, fresh or stored. Never raises."""


class HasId(Protocol):
    """What a page is made of."""

    @property
    def id(self) -> str:
        """The provider's id."""
        ...


P = TypeVar("P", bound=HasId)


def pages(fetch: Callable[[str | None], Page[P]], *, cap: int | None = 50) -> Iterator[Page[P]]:
    """Page after page of `fetch(after)`, at most `cap` (None: no cap).

    Servers that never end are left: at an empty page, at a cursor that does not move, and at a
    page without a new id (which is not passed on).
    """
    after: str | None = None
    seen: set[str] = set()
    for _ in itertools.count() if cap is None else range(cap):
        page = fetch(after)
        # Page numbers and page tokens are always new: only a page without items is judged by them.
        ids = {item.id for item in page.items} or ({page.last_id} if page.last_id else set())
        if ids and ids <= seen:
            return
        yield page
        if not page.has_more or page.last_id is None or page.last_id == after:
            return
        seen |= ids
        after = page.last_id


@cache
def dialects() -> Mapping[str, type[Provider]]:
    """Every dialect by name; a new one is one new module of this package."""
    for module in pkgutil.iter_modules(providers.__path__):
        importlib.import_module(f"providers.{module.name}")
    return MappingProxyType(dict(sorted(_DIALECTS.items())))


def connect(account: Account, on_reply: "OnReply | None" = None) -> Provider:
    """A provider for this account. Raises ValueError for a dialect that does not exist.

    `on_reply` is called with the Traffic of every request, in the thread that made it.
    """
    return _dialect(account.dialect)(account, on_reply)


def parse_job(raw: object, dialect: str) -> Job | Invalid:
    """The job in a raw body, fresh or stored. Raises ValueError for a dialect that does not exist."""
    return _dialect(dialect).parse_job(raw)


def _dialect(name: str) -> type[Provider]:
    try:
        return dialects()[name]
    except KeyError as error:
        msg = f"No dialect is called {name!r}; there are: {', '.join(dialects())}"
        raise ValueError(msg) from error
