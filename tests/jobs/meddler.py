"""A provider that does something to our tables while its answer is under way."""

import json
import socket
from collections.abc import Callable
from contextlib import contextmanager
from fnmatch import fnmatchcase

from django.db import connections

from tests.outbound.sockets import Peer, listening
from tests.providers.wire_json import a_job, a_list, an_event

JOBS = "/v1/fine_tuning/jobs"


class Meddler:
    """Serves jobs with an event each. `when` a request fits, `act` runs before it is answered, once."""

    def __init__(self, job_ids: list[str], when: str, act: Callable[[], object]) -> None:
        self.job_ids, self.when, self.act = job_ids, when, act
        self.paths: list[str] = []
        self.has_acted = False

    def __call__(self, conn: socket.socket, _peer: Peer) -> None:
        while request := conn.recv(65536):
            path = request.split()[1].decode().partition("?")[0]
            self.paths.append(path)
            if fnmatchcase(path, self.when) and not self.has_acted:
                self.has_acted = True
                self._act()
            body = json.dumps(self._body(path)).encode()
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def _act(self) -> None:
        try:
            self.act()
        finally:
            connections.close_all()

    def _body(self, path: str) -> object:
        jobs = {job_id: a_job(id=job_id, status="running") for job_id in self.job_ids}
        if path == JOBS:
            return a_list(*jobs.values())
        if path.endswith("/events"):
            return a_list(an_event(id=f"ev-{path.split('/')[4]}"))
        return jobs.get(path.rpartition("/")[2], {"object": "list", "data": []})


@contextmanager
def meddling(job_ids: list[str], when: str, act: Callable[[], object]):
    """The base URL, and the meddler."""
    meddler = Meddler(job_ids, when, act)
    with listening(meddler) as peer:
        yield f"http://127.0.0.1:{peer.port}/v1", meddler
