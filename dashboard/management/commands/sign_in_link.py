"""A way in without a password."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts.models import SignInLink, User
from dashboard import seed


class Command(BaseCommand):
    help = "Prints a link that signs its user in: once, within 15 minutes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "email", nargs="?", help="the user's address (the first admin's when left out)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        user = find_user(options["email"])
        path = reverse("sign-in-link", args=[SignInLink.create_token(user)])
        self.stdout.write(f"Sign in: {settings.SITE_URL}{path}")


def find_user(email: str | None) -> User:
    users = User.objects.filter(is_active=True).order_by("pk")
    user = users.filter(email=email.lower()).first() if email else seed.first_admin()
    if user is None:
        raise CommandError(
            f"no active user {email}" if email else "no active admin; run `manage.py prepare` first"
        )
    return user
