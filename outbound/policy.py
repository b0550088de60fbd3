"""Which URLs and addresses may be reached: the rule of the guard, without any network."""

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from outbound.errors import Blocked

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PUBLIC_PORTS = frozenset({443, 8443})
DEFAULT_PORTS = {"https": 443, "http": 80}
MAX_URL_CHARS = 4096
MAX_PORT = 65535

# Sources: the IANA special-purpose registries; 168.63.129.16 is Azure's host agent. Tunnels and
# translation ranges are refused whole, for the address inside would have to be judged again.
# fmt: off
_DENIED = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
    "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8",
)
# fmt: on
DENIED: tuple[Network, ...] = tuple(ip_network(text) for text in _DENIED)
# Cloud metadata hands out credentials: no allow-list opens these.
METADATA: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::254/128",
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOOPBACK = IPv4Address("127.0.0.1")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\#]")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*\Z")
_ALLOWANCE = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<plain>[^\[\]]+?))(?::(?P<port>\d{1,5}))?\Z")


@dataclass(frozen=True, slots=True)
class Allowance:
    """A network the operator opened, whole (`port` None) or for one port."""

    network: Network
    port: int | None = None

    def covers(self, address: Address, port: int) -> bool:
        """Whether this address and port were opened."""
        return self.port in {None, port} and address in self.network


def parse_allowances(text: str) -> tuple[Allowance, ...]:
    """Read `10.20.0.0/16, 192.168.5.7/32:8000, [fd12::/32]:443`; commas or spaces between.

    Raises ValueError with one sentence that names the part that is wrong.
    """
    return tuple(_parse_allowance(part) for part in re.split(r"[,\s]+", text) if part)


def _parse_allowance(part: str) -> Allowance:
    match = _ALLOWANCE.match(part)
    if match is None or _is_bare_v6(part):
        network, port = part, None
    else:
        network, port = match["v6"] or match["plain"], match["port"]
    try:
        parsed = ip_network(network)
    except ValueError as error:
        msg = f"{part!r} is not a network like 10.20.0.0/16, 192.168.5.7/32:8000 or [fd12::/32]:443"
        raise ValueError(msg) from error
    if port is not None and not 1 <= int(port) <= MAX_PORT:
        msg = f"{part!r} names a port outside 1 to {MAX_PORT}"
        raise ValueError(msg)
    return Allowance(parsed, int(port) if port else None)


def _is_bare_v6(part: str) -> bool:
    return "[" not in part and part.count(":") > 1


@dataclass(frozen=True, slots=True)
class Policy:
    """What this process may reach beyond the public internet, and what it never may.

    `forbidden_ports`: our own web, broker and database; refused on every private address.
    `demo_port`: the simulator on 127.0.0.1, opened while the demo runs.
    """

    allow: tuple[Allowance, ...] = ()
    forbidden_ports: frozenset[int] = frozenset()
    demo_port: int | None = None

    def refusal(self, scheme: str, address: Address, port: int) -> str | None:
        """Why this address may not be reached, or None when it may."""
        inner = inner_address(address)
        if _within(inner, METADATA) or getattr(address, "scope_id", None):
            return f"{address} is always refused"
        if not self._is_opened(inner, port):
            return _public_refusal(scheme, inner, port)
        # Refused even there: whoever may name a URL must not speak to our own broker or database.
        return f"port {port} belongs to TuneBell itself" if port in self.forbidden_ports else None

    def _is_opened(self, inner: Address, port: int) -> bool:
        if self.demo_port is not None and inner == _LOOPBACK and port == self.demo_port:
            return True
        return any(allowance.covers(inner, port) for allowance in self.allow)

    def may_open(self, port: int) -> bool:
        """Whether some private target at this port could be allowed."""
        return port == self.demo_port or any(a.port in {None, port} for a in self.allow)


def _public_refusal(scheme: str, inner: Address, port: int) -> str | None:
    if not is_public(inner):
        return f"{inner} is not a public address (TUNEBELL_ALLOW_PRIVATE opens private networks)"
    if scheme != "https":
        return "plain http reaches only networks opened with TUNEBELL_ALLOW_PRIVATE"
    return None if port in PUBLIC_PORTS else f"port {port} is not open; use 443 or 8443"


def inner_address(address: Address) -> Address:
    """The IPv4 address inside a mapped or NAT64 one, else the address itself."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether an (inner) address is plain public unicast.

    No single flag of `ipaddress` is enough: on Python 3.11 `is_private` misses 100.64.0.1 and
    `is_global` is True for multicast and 6to4.
    """
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not _within(address, DENIED)


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


class _Current:
    policy = Policy()


def configure(policy: Policy) -> None:
    """Set the policy of this process."""
    _Current.policy = policy


def current() -> Policy:
    """The policy of this process."""
    return _Current.policy


def check_url(url: str) -> tuple[str, str, int]:
    """(scheme, host, port) of an allowed URL; host in lower-case ASCII without brackets.

    Raises Blocked. A name is not resolved here: its addresses are judged when it is connected to.
    """
    scheme, host, port = split_url(url)
    policy = current()
    try:
        address = ip_address(host)
    except ValueError:
        _check_name(policy, scheme, port)
        return scheme, host, port
    if reason := policy.refusal(scheme, address, port):
        raise Blocked(f"Not allowed: {reason}.")
    return scheme, host, port


def _check_name(policy: Policy, scheme: str, port: int) -> None:
    if policy.may_open(port):
        return
    if scheme != "https":
        raise Blocked("Not allowed: the URL must start with https://.")
    if port not in PUBLIC_PORTS:
        raise Blocked(f"Not allowed: port {port}; use 443 or 8443.")


def split_url(url: str) -> tuple[str, str, int]:
    """Take a URL apart strictly. Raises Blocked on anything unusual."""
    if len(url) > MAX_URL_CHARS or _UNSAFE.search(url):
        raise Blocked(
            "The URL has a space, backslash, fragment or control character, or is too long."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Blocked("The URL cannot be read.") from error
    if parts.scheme not in DEFAULT_PORTS or not url[len(parts.scheme) :].startswith("://"):
        raise Blocked("The URL must start with https://.")
    if "@" in parts.netloc or "%" in parts.netloc:
        raise Blocked("The URL must not hold a user name, password or escaped host.")
    if port == 0 or parts.netloc.endswith(":"):
        raise Blocked("The URL has an empty or zero port.")
    return (
        parts.scheme,
        _clean_host(parts.hostname or "", parts.netloc),
        port or DEFAULT_PORTS[parts.scheme],
    )


def _clean_host(host: str, netloc: str) -> str:
    if netloc.startswith("["):
        try:
            return str(IPv6Address(host))
        except ValueError as error:
            raise Blocked("The URL has a host that is no address.") from error
    try:
        name = unicodedata.normalize("NFKC", host).encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise Blocked("The URL has a host name that cannot be read.") from error
    name = name.removesuffix(".")
    if not _NAME.match(name):
        raise Blocked("The URL has no proper host name.")
    return name
