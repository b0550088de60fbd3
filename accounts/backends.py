"""Whose session it is. Every poll of a page asks for user, membership and team: here they are one statement."""

from django.contrib.auth.backends import BaseBackend

from accounts.models import Membership, User


class MemberBackend(BaseBackend):
    """Reads the user of a session together with the teams. Passwords are left to Django's own backend."""

    def get_user(self, user_id: int) -> User | None:
        held = tuple(
            Membership.objects.filter(user=user_id).select_related("user", "team").order_by("pk")
        )
        user = held[0].user if held else User.objects.filter(pk=user_id).first()
        if user is None or not user.is_active:
            return None
        user.held_memberships = held
        return user
