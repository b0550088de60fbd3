"""Every route against every kind of visitor. A route that is missing from the table fails."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Role, SignInLink
from tests import builders
from tests.dashboard.graph import Graph, a_graph

pytestmark = pytest.mark.django_db
WORD = "canary-of-a"
DONE = {200, 302, 400, 404}  # what somebody who may can be answered
GET, POST = ("GET", "HEAD"), ("POST",)
FORM = GET + POST


@dataclass(frozen=True, slots=True)
class Route:
    """`role`: what the visitor must be at least. `needs`: the team's things its address names."""

    role: Role
    methods: tuple[str, ...]
    needs: tuple[str, ...] = ()


JOB, CONNECTION = ("connection", "job_id"), ("connection",)
V, E, A = Role.VIEWER, Role.EDITOR, Role.ADMIN
PAGES = {
    "jobs": Route(V, GET),
    "job": Route(V, GET, JOB),
    "job-events": Route(V, GET, JOB),
    "job-timeline": Route(V, GET, JOB),
    "job-changes": Route(V, GET, JOB),
    "job-raw": Route(V, GET, JOB),
    "job-points": Route(V, GET, JOB),
    "job-markdown": Route(V, GET, JOB),
    "file-download": Route(V, GET, (*JOB, "file_id")),
    "file-preview": Route(V, GET, (*JOB, "file_id")),
    "compare": Route(V, GET),
    **{
        f"job-{name}": Route(E, POST, JOB)
        for name in ("pause", "resume", "archive", "restore", "poll")
    },
    "job-remove": Route(E, FORM, JOB),
    "job-snooze": Route(E, FORM, JOB),
    "job-labels": Route(E, FORM, JOB),
    **{f"job-{name}": Route(E, POST, JOB) for name in ("mute", "unmute")},
    **{f"job-provider-{name}": Route(E, FORM, JOB) for name in ("pause", "resume", "cancel")},
    "insight": Route(V, GET),
    "models": Route(V, GET),
    "jobs-bulk": Route(E, POST),
    "views": Route(V, FORM),
    "view-update": Route(V, POST),
    "view": Route(E, FORM, ("view",)),  # the graph's is the team's; everybody has their own besides
    **{f"view-{name}": Route(E, POST, ("view",)) for name in ("remove", "feed", "feed-off")},
    "connections": Route(V, GET),
    "connection-add": Route(A, FORM),
    "connection": Route(V, GET, CONNECTION),
    "connection-edit": Route(A, FORM, CONNECTION),
    **{
        f"connection-{name}": Route(A, POST, CONNECTION)
        for name in ("test", "pause", "resume", "archive", "restore")
    },
    "connection-webhook-secret": Route(A, POST, CONNECTION),
    "connection-webhook-secret-remove": Route(A, POST, CONNECTION),
    "connection-poll": Route(E, POST, CONNECTION),
    **{
        f"connection-backfill-{name}": Route(E, POST, CONNECTION)
        for name in ("start", "pause", "retry")
    },
    "connection-remove": Route(A, FORM, CONNECTION),
    "connection-add-job": Route(E, POST, CONNECTION),
    "connection-retirement": Route(E, POST, CONNECTION),
    "connection-export": Route(V, POST, CONNECTION),
    "export": Route(V, POST),
    "compare-ticked": Route(V, POST),
    "alerts": Route(V, GET),
    "rule-add": Route(E, FORM),
    "rule-edit": Route(E, FORM, ("rule",)),
    **{f"rule-{name}": Route(E, POST, ("rule",)) for name in ("enable", "disable", "remove")},
    "channel-kinds": Route(A, GET),
    "channel-add": Route(A, FORM, ("kind",)),
    "channel-edit": Route(A, FORM, ("channel",)),
    **{f"channel-{name}": Route(A, POST, ("channel",)) for name in ("test", "enable", "disable")},
    "channel-remove": Route(A, FORM, ("channel",)),
    "news": Route(V, GET),
    "deliveries": Route(V, GET),
    "deliveries-resend": Route(E, POST),
    "deliveries-dismiss": Route(E, POST),
    "delivery-resend": Route(E, POST, ("key",)),
    "costs": Route(V, GET),
    "prices": Route(V, GET),
    "price-add": Route(E, POST),
    "price-remove": Route(E, POST, ("price",)),
    "status": Route(V, GET),
    "welcome": Route(A, GET),
    "welcome-ring": Route(A, POST),
    "team": Route(V, GET),
    "invite": Route(A, POST),
    "team-leave": Route(V, POST),
    "team-choose": Route(V, POST),
    "you": Route(V, FORM),
    "password": Route(V, FORM),
    **{f"member-{name}": Route(A, POST, ("member",)) for name in ("role", "link", "remove")},
    "tokens": Route(A, FORM),
    "token-revoke": Route(A, POST, ("token",)),
    "retention": Route(A, GET),
    "retention-enable": Route(A, POST),
    "retention-disable": Route(A, POST),
    "log": Route(A, GET),
}
MACHINE = {
    "v1-jobs": (),
    "v1-job": ("job_id",),
    "v1-job-events": ("job_id",),
    "v1-job-checkpoints": ("job_id",),
    "v1-file": ("file_id",),
    "v1-file-content": ("file_id",),
    "api-job-history": ("job_id", "history"),
}
UNKNOWN = {"v1-unknown", "api-unknown"}
OPEN = {"livez", "readyz", "metrics", "api-schema", "home", "sign-in", "sign-in-link", "sign-out"}
SIGNED_IN_ONLY = {"theme", "styleguide", "message-guide"}  # nothing of a team in them
SECRET = {"feed"}  # whoever knows the address may read
SIGNED = {"webhook-in"}  # neither cookies nor tokens: a provider's signature
CSRF_EXEMPT = {*MACHINE, *UNKNOWN, *SIGNED}
# Owned by nobody else's team: a made-up name is all a stranger could ask for.
SHARED = {"kind": "webhook", "history": "snapshots"}


def routes(patterns: Iterable[URLPattern | URLResolver]) -> Iterable[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        else:
            yield pattern.name or f"nameless {pattern.pattern}"


def address(name: str, needs: tuple[str, ...], graph: Graph) -> str:
    things = {**graph.ids(), **SHARED}
    renamed = {
        "rule": ("public_id", graph.rule.public_id),
        "channel": ("public_id", graph.channel.public_id),
    }
    renamed["history"] = ("kind", SHARED["history"])
    return reverse(name, kwargs=dict(renamed.get(need, (need, things.get(need))) for need in needs))


def visitor(user=None) -> Client:
    client = Client(raise_request_exception=True)
    if user:
        client.force_login(user)
    return client


def rows_of(graph: Graph) -> dict[str, list]:
    """Every row of the database that belongs to the team, but what merely counts visits.

    A refused member is noted in the log; that is no change of what the team has.
    """
    found = {}
    for model in apps.get_models():
        if hasattr(model, "objects") and hasattr(model.objects.all(), "for_team"):
            rows = model.objects.for_team(graph.team).order_by("pk").values()
            rows = [row for row in rows if row.get("action") != "access.refused"]
            found[model.__name__] = [
                {k: v for k, v in row.items() if k != "last_used_at"} for row in rows
            ]
    return found


def test_every_route_is_in_the_table():
    known = {*PAGES, *MACHINE, *UNKNOWN, *OPEN, *SIGNED_IN_ONLY, *SIGNED, *SECRET}
    assert set(routes(get_resolver().url_patterns)) == known


@pytest.mark.parametrize("name", sorted(PAGES))
def test_strangers_are_sent_to_sign_in(name):
    graph, route = a_graph(WORD), PAGES[name]
    before = rows_of(graph)
    for method in route.methods:
        answer = visitor().generic(method, address(name, route.needs, graph))
        assert (answer.status_code, answer.url.split("?")[0]) == (302, settings.LOGIN_URL)
    assert rows_of(graph) == before


@pytest.mark.parametrize("name", sorted(PAGES))
def test_members_without_the_role_and_without_any_are_refused(name):
    graph, route = a_graph(WORD), PAGES[name]
    weaker = [getattr(graph, role.value) for role in Role if not role.covers(route.role)]
    former = builders.a_user()
    before = rows_of(graph)
    for user in (*weaker, former):
        for method in route.methods:
            assert (
                visitor(user).generic(method, address(name, route.needs, graph)).status_code == 403
            )
    assert rows_of(graph) == before


@pytest.mark.parametrize("name", sorted(PAGES))
def test_an_admin_of_another_team_learns_and_changes_nothing(name):
    graph, other, route = a_graph(WORD), a_graph("team-b"), PAGES[name]
    before = rows_of(graph)
    for method in route.methods:
        answer = visitor(other.admin).generic(method, address(name, route.needs, graph))
        is_named = set(route.needs) - set(SHARED)
        assert answer.status_code == 404 if is_named else answer.status_code in DONE
        assert WORD not in without_own_address(answer)
    assert rows_of(graph) == before


def without_own_address(answer) -> str:
    """Body and headers, less the address that the visitor typed."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return (content.decode(errors="replace") + str(answer.headers)).replace(
        answer.request["PATH_INFO"], ""
    )


@pytest.mark.parametrize("name", sorted(PAGES))
def test_members_with_the_role_are_let_in(name):
    route = PAGES[name]
    for role in [role for role in Role if role.covers(route.role)]:
        graph = a_graph(f"{role.value}-of-c")
        for method in route.methods:
            answer = visitor(getattr(graph, role.value)).generic(
                method, address(name, route.needs, graph)
            )
            assert answer.status_code in DONE - ({404} if method != "POST" else set())


@pytest.mark.parametrize("name", sorted(PAGES))
def test_other_methods_are_refused(name):
    graph, route = a_graph(WORD), PAGES[name]
    before = rows_of(graph)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(route.methods):
        assert (
            visitor(graph.admin).generic(method, address(name, route.needs, graph)).status_code
            == 405
        )
    assert rows_of(graph) == before


@pytest.mark.parametrize(
    "name", sorted({*PAGES, *OPEN, *SIGNED_IN_ONLY} - {"livez", "readyz", "api-schema"})
)
def test_a_form_without_its_token_is_refused(name):
    graph = a_graph(WORD)
    client = Client(enforce_csrf_checks=True)
    client.force_login(graph.admin)
    path = (
        reverse(name, args=["x"])
        if name == "sign-in-link"
        else address(name, getattr(PAGES.get(name), "needs", ()), graph)
    )
    before = rows_of(graph)
    answer = client.post(path, headers={"Referer": "http://testserver/alerts/"})
    page = answer.content.decode()
    assert (answer.status_code, "out of date" in page) == (403, True)
    assert answer.headers["X-Request-ID"] in page
    assert 'href="/alerts/"' in page
    assert "<style" not in page  # the policy has none
    assert rows_of(graph) == before


def test_a_form_from_an_unknown_address_names_the_setting():
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/sign-in/", headers={"Origin": "http://other.example"})
    assert (answer.status_code, "SITE_URL" in answer.content.decode()) == (403, True)


@pytest.mark.parametrize("name", sorted(MACHINE))
def test_the_machine_face_takes_tokens_and_nothing_else(name):
    graph, other = a_graph(WORD), a_graph("team-b")
    path = address(name, MACHINE[name], graph)
    with_cookie = visitor(graph.admin).get(path)
    with_token = visitor().get(path, headers={"Authorization": f"Bearer {graph.secret}"})
    with_foreign = visitor().get(path, headers={"Authorization": f"Bearer {other.secret}"})
    assert [with_cookie.status_code, with_token.status_code] == [401, 200]
    assert with_foreign.status_code == (404 if MACHINE[name] else 200)
    assert WORD not in without_own_address(with_foreign).replace(graph.job.provider_id, "").replace(
        graph.file.provider_id, ""
    )


@pytest.mark.parametrize("name", sorted(MACHINE))
def test_no_token_writes(name):
    graph = a_graph(WORD)
    before, client = rows_of(graph), Client(enforce_csrf_checks=True)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        headers = {"Authorization": f"Bearer {graph.secret}"}
        answer = client.generic(method, address(name, MACHINE[name], graph), headers=headers)
        assert answer.status_code == 405
    assert rows_of(graph) == before


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_without_a_signature_nothing_is_taken_whoever_asks(name):
    graph = a_graph(WORD)
    before, client = rows_of(graph), Client(enforce_csrf_checks=True)
    client.force_login(graph.admin)
    path = reverse(name, args=[graph.connection.public_id])
    headers = {"Authorization": f"Bearer {graph.secret}"}
    answer = client.post(path, b"{}", content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert WORD not in without_own_address(answer)
    assert rows_of(graph) == before


@pytest.mark.parametrize("name", sorted(name for name in PAGES if "GET" in PAGES[name].methods))
def test_every_page_carries_the_policy_and_is_not_stored(name):
    graph, route = a_graph(WORD), PAGES[name]
    answer = visitor(graph.admin).get(address(name, route.needs, graph))
    is_page = answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Content-Security-Policy"] == (
        settings.PAGE_POLICY if is_page else settings.FILE_POLICY
    )
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_pages_for_everybody_name_no_team():
    graph = a_graph(WORD)
    link = reverse("sign-in-link", args=[SignInLink.create_token(builders.a_user())])
    for path in ("/livez", "/readyz", "/metrics", "/api/schema", "/sign-in/", link, "/"):
        assert WORD not in without_own_address(visitor().get(path))
    assert graph.team.name.startswith(WORD)


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/?q=%00",
        "/jobs/lab/a%00b/",
        "/v1/fine_tuning/jobs/a%00b",
        "/api/jobs/x/points?after=%00",
    ],
)
def test_an_address_with_a_nul_is_a_bad_request(path):
    graph = a_graph(WORD)
    answer = visitor(graph.admin).get(path, headers={"Authorization": f"Bearer {graph.secret}"})
    assert answer.status_code == 400
    is_machine = path.startswith(("/v1/", "/api/"))
    assert answer.headers["Content-Type"].startswith(
        "application/json" if is_machine else "text/html"
    )
