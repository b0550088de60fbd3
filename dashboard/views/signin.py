"""The way in and out: password, one-time link, sign-out."""

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import limits
from accounts.audit import note
from accounts.middleware import find_membership
from accounts.models import Membership, SignInLink, User
from dashboard.forms.signin import SignInForm

WRONG = "E-mail and password do not belong together."
TOO_MANY = "Too many tries. Wait five minutes, or use a sign-in link."
BACKEND = "accounts.backends.MemberBackend"


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(next_page(request))
    form = SignInForm(request.POST or None)
    status = HTTPStatus.OK
    if request.method == "POST" and form.is_valid():
        status = _try_password(request, form)
        if status == HTTPStatus.OK:
            return redirect(next_page(request))
    answer = render(
        request,
        "signin/sign_in.html",
        {"form": form, "next": request.GET.get("next", "")},
        status=status,
    )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        answer.headers["Retry-After"] = str(limits.SIGN_IN_TO_ACCOUNT.window_s)
    return answer


@sensitive_variables("password")
def _try_password(request: HttpRequest, form: SignInForm) -> HTTPStatus:
    """The count is taken before the password is looked at, so that parallel guesses count as well."""
    ip, email = str(request.META.get("REMOTE_ADDR", "")), form.cleaned_data["email"].lower()
    counted = [(limits.SIGN_IN_FROM_IP, ip), (limits.SIGN_IN_TO_ACCOUNT, email)]
    if not all(limits.take(limit, subject) for limit, subject in counted):
        form.add_error(None, TOO_MANY)
        return HTTPStatus.TOO_MANY_REQUESTS
    user = authenticate(request, username=email, password=form.cleaned_data["password"])
    if not isinstance(user, User):
        note_refused(request, email)
        form.add_error(None, WRONG)
        return HTTPStatus.FORBIDDEN
    for limit, subject in counted:
        limits.give_back(limit, subject)
    enter(request, user, "signed in")
    return HTTPStatus.OK


@never_cache
@require_GET
def redeem_link(request: HttpRequest, token: str) -> HttpResponse:
    """One click from the terminal or a message, so GET has to do it; a second click finds it used."""
    user = SignInLink.redeem(token)
    if user is None:
        answer = render(request, "signin/link_used.html", status=HTTPStatus.GONE)
    else:
        enter(request, user, "signed in by link")
        answer = redirect(settings.LOGIN_REDIRECT_URL)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        note(request, "signed out", request.user)
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


def enter(request: HttpRequest, user: User, action: str) -> None:
    """Start a fresh session for `user`: its id and the CSRF secret are new."""
    login(request, user, backend=BACKEND)
    membership = find_membership(request)
    vars(request).update(membership=membership, team=membership.team if membership else None)
    note(request, action, user)


def note_refused(request: HttpRequest, email: str) -> None:
    """Only known accounts are named: people type passwords into the wrong field."""
    membership = (
        Membership.objects.filter(user__email=email).select_related("team").order_by("pk").first()
    )
    vars(request)["team"] = membership.team if membership else None
    note(request, "sign-in refused", email if membership else "unknown account")


def next_page(request: HttpRequest) -> str:
    """The page of this site that was asked for before signing in, else the jobs."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    has_control = any(ord(mark) <= 32 for mark in wanted)  # noqa: PLR2004 - ASCII control characters and space
    if not has_control and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)
