"""The site as it is served: one gunicorn worker of eight threads, on a stocked database."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from bench.asking import Line
from bench.surroundings import Place
from dashboard.supervisor_plan import web_command
from tests import servers

HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one request: statements, and bytes before any compression."""

    sql: int
    bytes: int
    status: int


@dataclass(slots=True)
class Site:
    place: Place
    origin: str
    jobs: dict[str, Any] = field(default_factory=dict)  # as `bench.stock` tells
    count: int = 0

    def hold(self, count: int) -> None:
        """Adds jobs until it holds so many."""
        if count > self.count:
            self.jobs, self.count = (
                orjson.loads(self.place.run("-m", "bench.stock", str(count))),
                count,
            )

    @property
    def line(self) -> Line:
        return Line(self.origin, {"Cookie": self.jobs["cookie"], "Accept": HTML})

    def counted(self, path: str, **headers: str) -> Counted:
        told = [f"{name}={value}" for name, value in headers.items()]
        said = self.place.run("-m", "bench.counted", self.jobs["cookie"], path, *told)
        return Counted(**orjson.loads(said))


@contextlib.contextmanager
def a_site(place: Place, count: int) -> Iterator[Site]:
    port = servers.free_port()
    site = Site(place, f"http://127.0.0.1:{port}")
    site.hold(count)
    place.run("manage.py", "prepare", "--static-only")
    environment = place.environment(PORT=str(port), SITE_URL=site.origin)
    command = [*web_command(f"127.0.0.1:{port}"), "--workers", "1"]
    server = servers.Server(command, env=environment).start()
    try:
        servers.eventually(
            lambda: servers.status_of(f"{site.origin}/livez") == HTTPStatus.OK,
            what="the start of the site",
        )
        yield site
    finally:
        server.stop()
