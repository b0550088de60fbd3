"""Django's settings, all decided by the environment. `dashboard.env` names and checks each variable."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ as django_environ

from dashboard import env, logs

BASE_DIR = env.ROOT

try:
    if sys.argv[1:2] == ["up"]:
        env.generate_keys(os.environ)
    _given = env.read(os.environ)
    env.require_keys(_given)
except env.BadSetting as error:
    sys.stderr.write(f"tunebell: {error}\n")
    raise SystemExit(os.EX_CONFIG) from None

SECRET_KEY: str = _given["SECRET_KEY"]
FIELD_ENCRYPTION_KEYS: tuple[tuple[str, bytes], ...] = _given["FIELD_ENCRYPTION_KEYS"]
DEBUG: bool = _given["DEBUG"]
SITE_URL: str = _given["SITE_URL"]
PORT: int = _given["PORT"]
DATA_DIR: Path = _given["TUNEBELL_DATA_DIR"]
DEMO: bool | None = _given["DEMO"]
DEMO_PORT: int | None = env.embedded_port(DATA_DIR, "simulator")
POLL_INTERVAL_SECONDS: int = _given["POLL_INTERVAL_SECONDS"]
ENV_CONNECTIONS: tuple[env.EnvConnection, ...] = _given["ENV_CONNECTIONS"]
PROVIDER_KEYS: dict[str, str] = _given["PROVIDER_KEYS"]
OPENAI_WEBHOOK_SECRET: str = _given["OPENAI_WEBHOOK_SECRET"]
TUNEBELL_ALLOW_PRIVATE: str = _given["TUNEBELL_ALLOW_PRIVATE"]
API_TOKEN: str = _given["TUNEBELL_API_TOKEN"]
HEARTBEAT_URL: str = _given["TUNEBELL_HEARTBEAT_URL"]
WEBHOOK_URL: str = _given["TUNEBELL_WEBHOOK_URL"]
WEBHOOK_SECRET: str = _given["TUNEBELL_WEBHOOK_SECRET"]

_site = urlsplit(SITE_URL)
_is_https = _site.scheme == "https"
ALLOWED_HOSTS = list(
    _given["ALLOWED_HOSTS"]
    or dict.fromkeys([_site.hostname or "localhost", "127.0.0.1", "localhost", "[::1]"])
)
CSRF_TRUSTED_ORIGINS = list(_given["CSRF_TRUSTED_ORIGINS"] or ([SITE_URL] if _is_https else []))

INSTALLED_APPS = [
    "accounts",
    "jobs",
    "alerts",
    "dashboard",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
]
MIDDLEWARE = [
    "dashboard.logs.RequestContext",
    "dashboard.headers.ContentPolicy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.nulls.RefuseNulls",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.TeamMiddleware",
    "dashboard.refusals.ExplainNotAllowed",
]
ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.site",
            ],
        },
    }
]

# Deferred transactions under WAL fail with "database is locked" as soon as two processes write; IMMEDIATE ones wait
# their turn (4 writers: 0 errors in 1,571 transactions, against 2,035 in 2,846).
_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA journal_size_limit=67108864;"
        "PRAGMA cache_size=-20000;PRAGMA mmap_size=134217728;"
    ),
}
# Rows held by a process that was stopped, not killed, come free by the server's own limits.
_POSTGRESQL_OPTIONS = {
    "options": "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=30s",
}


def _database(url: str) -> dict[str, Any]:
    config: dict[str, Any] = dict(
        django_environ.Env.db_url_config(url or f"sqlite:///{DATA_DIR / 'tunebell.sqlite3'}")
    )
    is_sqlite = config["ENGINE"].endswith("sqlite3")
    config["OPTIONS"] = {
        **(_SQLITE_OPTIONS if is_sqlite else _POSTGRESQL_OPTIONS),
        **config.get("OPTIONS", {}),
    }
    config["CONN_MAX_AGE"], config["CONN_HEALTH_CHECKS"] = 60, not is_sqlite
    return config


DATABASES = {"default": _database(_given["DATABASE_URL"])}

AUTH_USER_MODEL = "accounts.User"
# The first reads whose session it is; sessions of an older release name the second, which knows passwords.
AUTHENTICATION_BACKENDS = [
    "accounts.backends.MemberBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/jobs/"
LOGOUT_REDIRECT_URL = "/sign-in/"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    # The order of the help below the field: what one can act on first.
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
]

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "__Host-tunebell" if _is_https else "tunebell"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_NAME = "__Host-csrf" if _is_https else "csrf"
CSRF_FAILURE_VIEW = "dashboard.views.errors.refused_form"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _is_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_HSTS_PRELOAD = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other names of the operator's domain are not ours to decide on
    "security.W008",  # the proxy that ends TLS redirects; the web server itself listens on loopback
    "security.W021",  # preloading binds the whole domain, for years
]
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.bundles.BundledStorage"},
}
WHITENOISE_MANIFEST_STRICT = False

for _name, _value in django_environ.Env.email_url_config(_given["EMAIL_URL"]).items():
    globals()[_name] = _value
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL: str = _given["DEFAULT_FROM_EMAIL"]
SERVER_EMAIL = DEFAULT_FROM_EMAIL

_broker_port = env.embedded_port(DATA_DIR, "broker")
REDIS_URL: str = _given["REDIS_URL"] or (
    f"redis://127.0.0.1:{_broker_port}/0" if _broker_port else ""
)
TICK_SECONDS = 5
PRUNE_SECONDS = 60  # between two short turns of retention
REPRICE_SECONDS = 30  # between two short turns of estimates that a request left undone
AUDIT_SECONDS = 60
WATCH_SECONDS = 30  # between two looks for jobs that are stuck or go wrong
CELERY_BROKER_URL = REDIS_URL or "redis://127.0.0.1:6379/0"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 25,
}
CELERY_VISIBILITY_TIMEOUT = 600
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = 75
CELERY_TASK_TIME_LIMIT = 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 200_000
CELERY_WORKER_ETA_TASK_LIMIT = 100
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "poll"
CELERY_TASK_ROUTES = {
    "jobs.*": {"queue": "poll"},
    "alerts.*": {"queue": "alerts"},
    "dashboard.*": {"queue": "alerts"},
}
CELERY_BEAT_SCHEDULE = {
    name: {
        "task": name,
        "schedule": every_s,
        "options": {"queue": queue, "expires": every_s},
    }
    for name, queue, every_s in (
        ("jobs.poll_due", "poll", TICK_SECONDS),
        ("jobs.prune_due", "poll", PRUNE_SECONDS),
        ("jobs.reprice_due", "poll", REPRICE_SECONDS),
        ("alerts.watch_due", "alerts", WATCH_SECONDS),
        ("alerts.announce_due", "alerts", TICK_SECONDS),
        ("alerts.deliver_due", "alerts", TICK_SECONDS),
        ("dashboard.audit_due", "alerts", AUDIT_SECONDS),
    )
}

LOGGING_CONFIG = None
logs.configure(json_lines=not sys.stderr.isatty() and "_TUNEBELL_SUPERVISED" not in os.environ)
