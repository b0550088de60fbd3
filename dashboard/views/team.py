"""/team/: who may do what. Admins invite, change roles and make tokens; everybody changes their own password."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits
from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.middleware import CHOSEN_TEAM
from accounts.models import ApiToken, Membership, Role, SignInLink, User
from dashboard.forms.signin import PasswordForm
from dashboard.forms.team import InviteForm, RoleForm, TokenForm
from dashboard.queries import team as queries
from dashboard.views import once, welcome
from dashboard.views.connections import FORM_METHODS, too_many

MADE_ALREADY = (
    "This token was made already, and shown that once. Lost it? Revoke it and make another."
)
LAST_ADMIN = "A team keeps at least one admin. Make somebody else admin first."


@require_safe
@team_required()
def members(request: TeamRequest) -> HttpResponse:
    return _members_page(request, InviteForm())


def _members_page(request: TeamRequest, form: InviteForm) -> HttpResponse:
    context = {
        "page": queries.team_page(request.team, request.user),
        "form": form,
        "roles": Role.choices,
    }
    return render(request, "team/members.html", context, status=400 if form.errors else 200)


@require_POST
@team_required(Role.ADMIN)
def invite(request: TeamRequest) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _members_page(request, form)
    if not limits.take(limits.INVITATION, request.team.pk):
        return too_many(request, limits.INVITATION)
    facts, email = form.cleaned_data, form.cleaned_data["email"].lower()
    with transaction.atomic():
        user = User.objects.filter(email=email).first()
        is_new = user is None
        user = user or User.objects.create_user(email, name=facts["name"])
        _membership, is_added = Membership.objects.get_or_create(
            team=request.team, user=user, defaults={"role": facts["role"]}
        )
        note(request, "member invited", email, ["role"])
    if is_new:
        return _link_page(request, user)
    said = (
        f"{email} had an account here already: it is a member now and signs in as usual."
        if is_added
        else f"{email} is a member already."
    )
    messages.success(request, said)
    return redirect("team")


def _link_page(request: TeamRequest, user: User) -> HttpResponse:
    """Shown in this answer and nowhere else; only its digest is stored."""
    path = reverse("sign-in-link", args=[SignInLink.create_token(user)])
    return render(
        request, "team/link_once.html", {"member": user, "link": f"{settings.SITE_URL}{path}"}
    )


@require_POST
@team_required(Role.ADMIN)
def new_link(request: TeamRequest, member: int) -> HttpResponse:
    """For somebody who lost the way in. Refused for members of other teams: it would open those as well."""
    found = queries.find_member(request.team, member)
    if queries.belongs_elsewhere(found.user, request.team):
        messages.error(
            request,
            f"{found.user} belongs to other teams too; who runs this installation can make a link.",
        )
        return redirect("team")
    if not limits.take(limits.INVITATION, request.team.pk):
        return too_many(request, limits.INVITATION)
    note(request, "sign-in link made", found.user.email)
    return _link_page(request, found.user)


@require_POST
@team_required(Role.ADMIN)
def change_role(request: TeamRequest, member: int) -> HttpResponse:
    found, form = queries.find_member(request.team, member), RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such role.")
        return redirect("team")
    role = form.cleaned_data["role"]
    with transaction.atomic():
        if role != Role.ADMIN and not queries.has_other_admin(found):
            messages.error(request, LAST_ADMIN)
            return redirect("team")
        Membership.objects.filter(pk=found.pk).update(role=role)
        note(request, "role changed", found.user.email, [role])
    messages.success(request, f"{found.user} is {Role(role).label.lower()} now.")
    return redirect("team")


@require_POST
@team_required(Role.ADMIN)
def remove_member(request: TeamRequest, member: int) -> HttpResponse:
    found = queries.find_member(request.team, member)
    is_gone = _remove(request, found, "member removed")
    if is_gone:
        messages.success(
            request, f"{found.user} is no longer a member. Tokens made by them are revoked."
        )
    return redirect("team")


@require_POST
@team_required()
def leave(request: TeamRequest) -> HttpResponse:
    if not _remove(request, request.membership, "left the team"):
        return redirect("team")
    said = f"You left {request.team.name}."
    if Membership.objects.filter(user_id=request.user.pk).exists():
        messages.success(request, said)
        return redirect("jobs")
    logout(request)  # without a team every page would refuse
    messages.success(request, f"{said} You are signed out.")
    return redirect("sign-in")


def _remove(request: TeamRequest, found: Membership, action: str) -> bool:
    with transaction.atomic():
        if found.role == Role.ADMIN and not queries.has_other_admin(found):
            messages.error(request, LAST_ADMIN)
            return False
        made = ApiToken.objects.for_team(request.team).filter(creator=found.user, revoked_at=None)
        made.update(revoked_at=timezone.now())
        note(request, action, found.user.email)
        found.delete()
    return True


@require_POST
@team_required()
def choose(request: TeamRequest) -> HttpResponse:
    team = queries.find_own_team(request.user, request.POST.get("team", ""))
    request.session[CHOSEN_TEAM] = team.slug
    return redirect("jobs")


@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
@team_required()
def password(request: TeamRequest) -> HttpResponse:
    """Ends every other session of the user; this one goes on."""
    form = PasswordForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            note(request, "password changed", request.user.email)
        update_session_auth_hash(request, request.user)
        messages.success(request, "Your password is set. Other devices are signed out.")
        return welcome.done(request, "team")
    return render(request, "team/password.html", {"form": form}, status=400 if form.errors else 200)


@require_http_methods(FORM_METHODS)
@team_required(Role.ADMIN)
def tokens(request: TeamRequest) -> HttpResponse:
    if once.is_again(request):
        messages.warning(request, MADE_ALREADY)
        return redirect("tokens")
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _new_token(request, form)
    context = {"rows": queries.tokens(request.team, timezone.now()), "form": form}
    return render(request, "team/tokens.html", context, status=400 if form.errors else 200)


def _new_token(request: TeamRequest, form: TokenForm) -> HttpResponse:
    name, days = form.cleaned_data["name"], form.cleaned_data["days"]
    expires_at = timezone.now() + timedelta(days=days) if days else None
    with transaction.atomic():
        secret = ApiToken.create_token(
            request.team, name, creator=request.user, expires_at=expires_at
        )
        note(request, "token made", name)
    once.note_taken(request)
    context = {"name": name, "secret": secret, "base_url": f"{settings.SITE_URL}/v1"}
    return render(request, "team/token_once.html", context)


@require_POST
@team_required(Role.ADMIN)
def revoke_token(request: TeamRequest, token: int) -> HttpResponse:
    found = queries.find_token(request.team, token)
    with transaction.atomic():
        ApiToken.objects.for_team(request.team).filter(pk=found.pk, revoked_at=None).update(
            revoked_at=timezone.now()
        )
        note(request, "token revoked", found.name)
    messages.success(request, f"{found.name} no longer works.")
    return redirect("tokens")


@require_safe
@team_required(Role.ADMIN)
def log(request: TeamRequest) -> HttpResponse:
    page = queries.log_page(request.team, request.GET.get("after", ""))
    return render(request, "team/log.html", {"page": page})
