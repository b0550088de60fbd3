"""/team/: members, own password, tokens, log."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, AuditEntry, Membership, Role, User, digest_of
from tests.builders import a_member, a_team

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough phrase"


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def boss(team):
    return a_member(team, email="boss@example.com")


@pytest.fixture
def admin(boss, client):
    client.force_login(boss)
    return client


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def link_in(answer) -> str:
    return re.search(r"/sign-in/link/[\w-]+/", text(answer))[0]


def test_an_invitation_makes_a_member_and_a_link_that_works_once(admin, team):
    answer = admin.post(
        "/team/invite/", {"email": "New@Example.com", "name": "New", "role": "editor"}
    )
    invited, visitor = User.objects.get(email="new@example.com"), Client()
    assert membership(invited).role == Role.EDITOR
    assert visitor.get(link_in(answer)).status_code == 302
    assert visitor.get("/team/").status_code == 200
    assert Client().get(link_in(answer)).status_code == 410


def test_an_account_of_another_team_joins_without_a_link_to_it(admin):
    other = a_member(a_team(), email="other@example.com")
    answer = admin.post(
        "/team/invite/", {"email": "other@example.com", "role": "viewer"}, follow=True
    )
    assert "/sign-in/link/" not in text(answer)
    assert Membership.objects.filter(user=other).count() == 2


def test_no_admin_gets_a_link_into_somebodys_other_teams(admin, team):
    shared = a_member(team, Role.VIEWER)
    Membership.objects.create(team=a_team(), user=shared)
    member = Membership.objects.get(user=shared, team=team)
    answer = admin.post(reverse("member-link", args=[member.pk]), follow=True)
    assert "/sign-in/link/" not in text(answer)


def test_a_lost_member_gets_a_new_link(admin, team):
    lost = a_member(team, Role.VIEWER)
    answer = admin.post(reverse("member-link", args=[membership(lost).pk]))
    assert Client().get(link_in(answer)).status_code == 302


def test_the_last_admin_stays(admin, boss, team):
    a_member(team, Role.EDITOR)
    path = reverse("member-role", args=[membership(boss).pk])
    for answer in (
        admin.post(path, {"role": "viewer"}, follow=True),
        admin.post(reverse("member-remove", args=[membership(boss).pk]), follow=True),
        admin.post("/team/leave/", follow=True),
    ):
        assert "keeps at least one admin" in text(answer)
    assert membership(boss).role == Role.ADMIN


def test_the_last_admin_gets_a_reason_instead_of_a_button(admin, team):
    page = text(admin.get("/team/"))
    assert "You are the only admin." in page
    assert "Leave the team" not in page
    a_member(team, Role.ADMIN)
    assert "Leave the team" in text(admin.get("/team/"))


def test_with_two_admins_one_may_go(admin, boss, team):
    a_member(team, Role.ADMIN)
    answer = admin.post("/team/leave/", follow=True)
    assert not Membership.objects.filter(user=boss).exists()
    assert answer.request["PATH_INFO"] == "/sign-in/"
    assert f"You left {team.name}. You are signed out." in text(answer)


def test_who_leaves_one_of_two_teams_goes_on_in_the_other(admin, boss, team):
    a_member(team, Role.ADMIN)
    Membership.objects.create(team=a_team(name="Second team"), user=boss)
    answer = admin.post("/team/leave/", follow=True)
    assert answer.request["PATH_INFO"] == "/jobs/"
    assert "Team Second team" in text(answer)


def test_a_role_that_does_not_exist_is_refused(admin, team):
    other = a_member(team, Role.VIEWER)
    admin.post(reverse("member-role", args=[membership(other).pk]), {"role": "owner"})
    assert membership(other).role == Role.VIEWER


def test_a_removed_member_and_their_tokens_are_out_at_once(admin, team):
    leaver = a_member(team, Role.ADMIN)
    theirs, page = ApiToken.create_token(team, "theirs", creator=leaver), Client()
    page.force_login(leaver)
    admin.post(reverse("member-remove", args=[membership(leaver).pk]))
    refused = page.get("/jobs/")
    assert refused.status_code == 403
    assert "<h1>You are in no team</h1>" in text(refused)
    assert 'action="/sign-out/"' in text(refused).split("<main")[1]
    assert (
        Client()
        .get("/v1/fine_tuning/jobs", headers={"Authorization": f"Bearer {theirs}"})
        .status_code
        == 401
    )


def test_who_came_by_link_sets_a_first_password(admin, boss):
    assert 'name="current"' not in text(admin.get("/team/password/"))
    admin.post("/team/password/", {"new": PASSWORD})
    boss.refresh_from_db()
    assert boss.check_password(PASSWORD)
    assert admin.get("/team/").status_code == 200


def test_a_new_password_ends_the_other_sessions(team):
    user = a_member(team, password="the old long phrase")
    here, there = Client(), Client()
    for browser in (here, there):
        browser.force_login(user)
    here.post("/team/password/", {"current": "the old long phrase", "new": PASSWORD})
    assert (here.get("/jobs/").status_code, there.get("/jobs/").status_code) == (200, 302)


@pytest.mark.parametrize(
    "facts",
    [
        {"new": "short"},
        {"new": "password1234"},
        {"current": "wrong", "new": PASSWORD},
        {"current": "", "new": PASSWORD},
    ],
)
def test_a_weak_password_or_a_wrong_current_one_is_refused(team, client, facts):
    user = a_member(team, password="the old long phrase")
    client.force_login(user)
    assert (
        client.post("/team/password/", {"current": "the old long phrase", **facts}).status_code
        == 400
    )
    user.refresh_from_db()
    assert user.check_password("the old long phrase")


def test_a_token_is_shown_once_and_stored_as_a_digest(admin, team):
    answer = admin.post("/team/tokens/", {"name": "grafana", "days": "7"})
    secret = re.search(r"tb_r_[\w-]+", text(answer))[0]
    row = ApiToken.objects.get(team=team)
    assert (row.digest, row.last4, row.scope) == (digest_of(secret), secret[-4:], "read")
    assert row.expires_at is not None
    assert secret not in text(admin.get("/team/tokens/"))


def test_a_form_sent_again_by_a_reload_makes_no_second_token(admin, team):
    page = {"name": "grafana", "days": "", "csrfmiddlewaretoken": "of-this-page"}
    admin.post("/team/tokens/", page)
    again = admin.post("/team/tokens/", page, follow=True)
    assert "This token was made already" in text(again)
    assert "Token grafana" not in text(again)
    admin.post("/team/tokens/", {**page, "name": "export"})
    assert ApiToken.objects.for_team(team).count() == 2


def test_a_token_without_an_end_says_so(admin):
    admin.post("/team/tokens/", {"name": "grafana", "days": ""})
    assert '<td class="wide">never</td>' in text(admin.get("/team/tokens/"))


def test_a_revoked_token_stays_listed_and_stops_working(admin, team, boss):
    secret = ApiToken.create_token(team, "grafana", creator=boss)
    admin.post(reverse("token-revoke", args=[ApiToken.objects.get().pk]))
    assert "Revoked" in text(admin.get("/team/tokens/"))
    assert (
        Client()
        .get("/v1/fine_tuning/jobs", headers={"Authorization": f"Bearer {secret}"})
        .status_code
        == 401
    )


def test_a_user_of_two_teams_chooses(admin, boss):
    second = a_team(name="Second team")
    Membership.objects.create(team=second, user=boss, role=Role.VIEWER)
    assert "Go to Second team" in text(admin.get("/team/"))
    admin.post("/team/choose/", {"team": second.slug})
    assert "<h1>Second team</h1>" in text(admin.get("/team/"))
    assert admin.post("/team/choose/", {"team": a_team().slug}).status_code == 404


def test_the_log_names_who_did_what_and_never_a_line_break(admin, team, boss):
    AuditEntry.objects.create(team=team, actor=boss, action="tested", subject="<script>")
    page = text(admin.get("/team/log/"))
    assert "tested <strong>&lt;script&gt;</strong>" in page
    assert "boss@example.com" in page


def test_the_log_leaves_out_whom_it_was_done_to_where_that_is_who_did_it(admin, team, boss):
    AuditEntry.objects.create(team=team, actor=boss, action="signed in", subject=str(boss))
    assert "Signed in</td>" in text(admin.get("/team/log/"))


def test_every_change_writes_exactly_one_entry(admin, team):
    other = a_member(team, Role.VIEWER)
    member = membership(other).pk
    admin.post("/team/invite/", {"email": "new@example.com", "role": "viewer"})
    admin.post(reverse("member-role", args=[member]), {"role": "editor"})
    admin.post(reverse("member-link", args=[member]))
    admin.post(reverse("member-remove", args=[member]))
    admin.post("/team/tokens/", {"name": "t"})
    actions = list(
        AuditEntry.objects.filter(team=team).order_by("pk").values_list("action", flat=True)
    )
    assert actions == [
        "member invited",
        "role changed",
        "sign-in link made",
        "member removed",
        "token made",
    ]
