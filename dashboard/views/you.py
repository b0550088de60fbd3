"""/team/you/: everybody's own name, address and time zone. The password has a page of its own."""

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import TeamRequest, team_required
from accounts.audit import note
from accounts.models import Role
from alerts.addressees import takes_mail
from alerts.quiet_hours import zone_names
from dashboard.forms.you import CANNOT_BE_YOURS, YouForm
from dashboard.views.connections import FORM_METHODS


@require_http_methods(FORM_METHODS)
@team_required()
def show(request: TeamRequest) -> HttpResponse:
    is_admin = request.membership.may(Role.ADMIN)
    form = YouForm(request.user, request.POST or None, may_move=is_admin)
    if request.method == "POST" and form.is_valid() and _saved(request, form):
        messages.success(request, "Saved." if form.changes() else "Nothing was changed.")
        return redirect("you")
    context = {
        "form": form,
        "zones": zone_names(),
        "is_unreachable_admin": is_admin and not takes_mail(request.user.email),
    }
    return render(request, "team/you.html", context, status=400 if form.errors else 200)


def _saved(request: TeamRequest, form: YouForm) -> bool:
    """False where somebody else took the address at the same moment."""
    changed = form.changes()
    if not changed:
        return True
    before, now = request.user.email, form.cleaned_data["email"]
    try:
        with transaction.atomic():
            form.save()
            note(
                request,
                "account changed",
                now if now == before else f"{before}, now {now}",
                changed,
            )
    except IntegrityError:
        form.add_error("email", CANNOT_BE_YOURS)
        return False
    return True
