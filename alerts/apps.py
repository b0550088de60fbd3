from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from alerts import hints, pollbell  # noqa: PLC0415  # models are not ready when this file is read

        pollbell.connect()
        hints.connect()
