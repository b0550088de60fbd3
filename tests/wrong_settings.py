"""Servers for each way to enter a connection wrongly, and what has to be said about it."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from pytest_httpserver import HTTPServer

from tests.outbound.sockets import OK, Peer, always, listening
from tests.providers.wire_json import a_job, a_list
from tests.servers import free_port

KEY = "sk-CANARY-wrong-settings-0001"
JOBS = "/v1/fine_tuning/jobs"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
MODELS = {"object": "list", "data": []}


@dataclass
class Scene:
    """What a wrong setting is tried against: `server` speaks HTTP, `stack` closes what else is started."""

    server: HTTPServer
    certificates: object  # of trustme: an authority this process does not know
    stack: ExitStack = field(default_factory=ExitStack)

    def url(self, path: str = "/v1") -> str:
        return self.server.url_for(path)

    def api(self, prefix: str = "/v1", **headers: str) -> None:
        """A whole API below this path."""
        answers = {
            "fine_tuning/jobs": a_list(a_job()),
            "fine_tuning/jobs/ftjob-Tn7/events": a_list(),
            "files/file-train": {"id": "file-train"},
            "models": MODELS,
        }
        for path, body in answers.items():
            self.says(f"{prefix}/{path}", body, **headers)

    def says(self, path: str, body: object, status: int = 200, **headers: str) -> None:
        wanted = self.server.expect_request(path, headers=headers or None)
        wanted.respond_with_json(body, status)

    def page(self, path: str, text: str, status: int = 200, **headers: str) -> None:
        answer = self.server.expect_request(path)
        answer.respond_with_data(text, status, headers=headers, content_type="text/html")

    def socket(self, answer: Callable[..., None], **options: object) -> int:
        return self.stack.enter_context(listening(answer, **options)).port


def plain_http(conn: socket.socket, peer: Peer) -> None:
    """Answers a request, and what is none with an error at once, as most servers do."""
    while request := conn.recv(65536):
        peer.requests.append(request)
        conn.sendall(OK if request.startswith(b"GET ") else REFUSED)


def an_ssh_server(conn: socket.socket, peer: Peer) -> None:
    conn.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    peer.requests.append(conn.recv(65536))


def hanging_up(conn: socket.socket, peer: Peer) -> None:
    peer.requests.append(conn.recv(65536))


def only_at(path: bytes) -> Callable[[socket.socket, Peer], None]:
    """A list of jobs at this very path, and a 404 everywhere else."""

    def answer(conn: socket.socket, peer: Peer) -> None:
        while request := conn.recv(65536):
            peer.requests.append(request)
            body = b'{"data": []}' if request.split()[1].startswith(path) else b"{}"
            status = b"200 OK" if len(body) > len(b"{}") else b"404 Not Found"
            conn.sendall(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))

    return answer


@dataclass(frozen=True)
class Case:
    """`arrange` gives the base URL that is entered; `says` are words of the line about jobs."""

    arrange: Callable[[Scene], str]
    says: tuple[str, ...]
    tried: tuple[str, ...] = ()
    dialect: str = "openai"
    has_key: bool = True
    jobs_are_fine: bool = False


def an_error(message: str) -> dict[str, object]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def nothing_listens(_scene: Scene) -> str:
    return f"http://127.0.0.1:{free_port()}/v1"


def no_such_name(_scene: Scene) -> str:
    return f"http://no-such-host.invalid:{free_port()}/v1"


def not_a_web_server(scene: Scene) -> str:
    return f"http://127.0.0.1:{scene.socket(an_ssh_server)}/v1"


def a_server_that_hangs_up(scene: Scene) -> str:
    return f"http://127.0.0.1:{scene.socket(hanging_up)}/v1"


def tls_to_a_plain_port(scene: Scene) -> str:
    return f"https://127.0.0.1:{scene.socket(plain_http)}/v1"


def plain_to_a_tls_port(scene: Scene) -> str:
    return f"http://127.0.0.1:{scene.socket(always(OK), tls=scene.certificates)}/v1"


def an_unknown_authority(scene: Scene) -> str:
    return f"https://127.0.0.1:{scene.socket(always(OK), tls=scene.certificates)}/v1"


def a_wrong_key(scene: Scene) -> str:
    scene.says(JOBS, an_error(f"Incorrect API key provided: {KEY}."), 401)
    return scene.url()


def a_key_in_another_header(scene: Scene) -> str:
    scene.api(**{"api-key": KEY})
    scene.says(JOBS, an_error("Access denied due to invalid subscription key."), 401)
    return scene.url()


def jobs_only(scene: Scene) -> str:
    scene.says("/v1/files/file-train", an_error("Missing scopes: api.files.read"), 403)
    scene.api()
    return scene.url()


def files_only(scene: Scene) -> str:
    scene.says(JOBS, an_error("Missing scopes: api.fine_tuning.jobs.read"), 403)
    scene.api()
    return scene.url()


def without_v1(scene: Scene) -> str:
    scene.api()
    return scene.url("/").rstrip("/")


def doubled_v1(scene: Scene) -> str:
    scene.api()
    return scene.url("/v1/v1")


def v1_where_there_is_none(scene: Scene) -> str:
    scene.api("/openai")
    return scene.url("/openai/v1")


def an_endpoint(scene: Scene) -> str:
    scene.api()
    return scene.url("/v1/fine_tuning/jobs")


def a_job_of_an_endpoint(scene: Scene) -> str:
    scene.api()
    return scene.url("/v1/fine_tuning/jobs/ftjob-Tn7/events")


def chat_completions(scene: Scene) -> str:
    scene.api()
    return scene.url("/v1/chat/completions")


def two_slashes(scene: Scene) -> str:
    return f"http://127.0.0.1:{scene.socket(only_at(b'/v1/fine_tuning/jobs'))}//v1"


def together(scene: Scene) -> str:
    scene.says("/v1/fine-tunes", {"data": []})
    return scene.url()


def mistral(scene: Scene) -> str:
    scene.says(
        JOBS, {"object": "list", "data": [{"id": "a-1", "object": "job", "status": "SUCCESS"}]}
    )
    return scene.url()


def openai_as_mistral(scene: Scene) -> str:
    scene.api()
    return scene.url()


def a_website(scene: Scene) -> str:
    scene.page("/v1/fine_tuning/jobs", "<!doctype html><title>Welcome</title>")
    return scene.url()


def another_api(scene: Scene) -> str:
    scene.says(JOBS, {"hello": "world"})
    return scene.url()


def a_login_redirect(scene: Scene) -> str:
    scene.page(JOBS, "", 302, Location="https://login.example.com/start?next=secret")
    return scene.url()


def a_proxy_page(scene: Scene) -> str:
    scene.page(JOBS, "<html><h1>502 Bad Gateway</h1><p>squid</p></html>", 502)
    return scene.url()


def a_proxy_that_wants_a_name(scene: Scene) -> str:
    scene.page(JOBS, "<html><h1>Proxy Authentication Required</h1></html>", 407)
    return scene.url()


USE = "use that as the base URL"
NOT_FOUND = "404 Not Found"
CASES = {
    "nothing listens": Case(nothing_listens, ("refused the connection", "Check host and port"), ("no answer",)),
    "no such name": Case(no_such_name, ("could not be resolved", "how the host name is written"), ("no answer",)),
    "not a web server": Case(not_a_web_server, ("broke the connection off", "Check host and port")),
    "hangs up": Case(a_server_that_hangs_up, ("broke the connection off", "Check host and port")),
    "tls to a plain port": Case(tls_to_a_plain_port, ("does not speak TLS", "This port speaks plain http")),
    "plain to a tls port": Case(plain_to_a_tls_port, ("This port speaks TLS", "https://")),
    "unknown authority": Case(an_unknown_authority, ("certificate", "not valid", "made for")),
    "wrong key": Case(a_wrong_key, ("does not accept this key", "status 401"), ("401 Unauthorized",)),
    "no key": Case(a_wrong_key, ("No key was given",), has_key=False),
    "key in another header": Case(a_key_in_another_header, ("in the header api-key", "Azure OpenAI")),
    "jobs only": Case(jobs_only, ("Jobs can be read",), ("200 OK",), jobs_are_fine=True),
    "files only": Case(files_only, ("The key may not read this", "fine_tuning.jobs.read"), ("403 Forbidden",)),
    "without /v1": Case(without_v1, ("lacks /v1", "/v1: " + USE), (NOT_FOUND, "/v1/fine_tuning/jobs: 200 OK")),
    "doubled /v1": Case(doubled_v1, ("/v1 twice", "/v1: " + USE), (f"/v1/v1/fine_tuning/jobs: {NOT_FOUND}",)),
    "/v1 too many": Case(v1_where_there_is_none, ("a /v1 too many", "/openai: " + USE)),
    "endpoint": Case(an_endpoint, ("single endpoint", "/v1: " + USE)),
    "endpoint of a job": Case(a_job_of_an_endpoint, ("single endpoint", "/v1: " + USE)),
    "chat completions": Case(chat_completions, ("single endpoint", "/v1: " + USE)),
    "two slashes": Case(two_slashes, ("double slash", "/v1: " + USE)),
    "together as openai": Case(together, ("another dialect", "Together"), ("/fine-tunes: 200 OK",)),
    "mistral as openai": Case(mistral, ("as Mistral writes them", "choose Mistral")),
    "openai as mistral": Case(openai_as_mistral, ("as OpenAI writes them",), dialect="mistral"),
    "website": Case(a_website, ("Something else than an API", "HTML page", "usually ends in /v1")),
    "another api": Case(another_api, ("Something else than an API", "not a list", "usually ends in /v1")),
    "login redirect": Case(a_login_redirect, ("redirects to login.example.com", "is not followed"), ("no answer",)),
    "proxy page": Case(a_proxy_page, ("proxy before it", "502 Bad Gateway"), ("502 Bad Gateway",)),
    "proxy sign-in": Case(a_proxy_that_wants_a_name, ("Proxy Authentication Required", "status 407")),
}  # fmt: skip
