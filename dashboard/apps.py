from importlib import import_module
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings

from dashboard import celery
from outbound import policy
from outbound.redact import remember


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "Dashboard"
    celery_app = celery.app  # the web process needs it too, so that a hint finds the broker

    def ready(self) -> None:
        for listener in ("checks", "heartbeats"):  # they need models, which are ready only now
            import_module(f"dashboard.{listener}")

        guard_the_network()
        remember_secrets()


def guard_the_network() -> None:
    """Tell the one door to the outside what the operator opened, and which ports are ours."""
    database = settings.DATABASES["default"]
    database_port = None if database["ENGINE"].endswith("sqlite3") else database["PORT"] or 5432
    ours = {settings.PORT, urlsplit(settings.CELERY_BROKER_URL).port or 6379, database_port}
    policy.configure(
        policy.Policy(
            allow=policy.parse_allowances(settings.TUNEBELL_ALLOW_PRIVATE),
            forbidden_ports=frozenset(int(port) for port in ours if port),
            demo_port=settings.DEMO_PORT,
        )
    )


def remember_secrets() -> None:
    """So that no line of a log can carry them, whoever writes it."""
    held = [
        settings.SECRET_KEY,
        settings.API_TOKEN,
        settings.WEBHOOK_SECRET,
        settings.OPENAI_WEBHOOK_SECRET,
        settings.EMAIL_HOST_PASSWORD,
        settings.DATABASES["default"].get("PASSWORD"),
        urlsplit(settings.CELERY_BROKER_URL).password,
        *settings.PROVIDER_KEYS.values(),
        settings.HEARTBEAT_URL,
        urlsplit(settings.HEARTBEAT_URL).path.strip("/"),
    ]
    for secret in filter(None, held):
        remember(secret)
