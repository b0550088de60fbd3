"""The settings as data: name, kind, default, help. docs/settings.md shows the same; a test compares them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboard import env_kinds as kinds

DEFAULT_OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: `read` turns its text into the value, `default` is that text when it is not set."""

    name: str
    kind: str
    default: str
    help: str
    read: Callable[[str], Any]


# One line each, so that it reads as a table.
# fmt: off
SETTINGS: tuple[Setting, ...] = (
    Setting("SECRET_KEY", "text", "", "Signs cookies and links. `up` makes one; every other start needs it.", kinds.secret_key),
    Setting("FIELD_ENCRYPTION_KEYS", "id:base64, ...", "", "Encrypt provider keys and channel secrets. The first encrypts, all decrypt. `up` makes one.", kinds.encryption_keys),
    Setting("DATABASE_URL", "URL", "", "`postgres://user:password@host:5432/name`. Empty: SQLite in the data folder.", kinds.database_url),
    Setting("REDIS_URL", "URL", "", "Redis or Valkey as `redis://`. Empty: `up` starts a private Valkey.", kinds.broker_url),
    Setting("ALLOWED_HOSTS", "host, ...", "", "Host names the site answers to. Empty: the host of SITE_URL and this machine.", kinds.hosts),
    Setting("CSRF_TRUSTED_ORIGINS", "origin, ...", "", "Origins that may send forms. Empty: SITE_URL when it is https.", kinds.origins),
    Setting("SITE_URL", "URL", "", "Where people reach the site; used in messages. Empty: `http://127.0.0.1:PORT`.", kinds.site_url),
    Setting("PORT", "number", "8000", "Port of the web server, on 127.0.0.1.", kinds.whole_number(1, 65535)),
    Setting("DEBUG", "0 or 1", "0", "Shows error details. Never in the open.", kinds.flag),
    Setting("EMAIL_URL", "URL", "consolemail://", "`smtp+tls://user:password@host:587`. Empty: mails are printed.", kinds.email_url),
    Setting("DEFAULT_FROM_EMAIL", "address", "TuneBell <tunebell@localhost>", "Sender of mails.", kinds.text),
    Setting("OPENAI_API_KEY", "key", "", "Makes the connection `openai`.", kinds.secret_text),
    Setting("OPENAI_API_KEY_<NAME>", "key", "", "Makes the connection `openai-<name>`, one for each variable.", kinds.secret_text),
    Setting("OPENAI_BASE_URL", "URL", DEFAULT_OPENAI_URL, "Base URL of the connections above.", kinds.web_url),
    Setting("OPENAI_ORG_ID", "text", "", "Sent as OpenAI-Organization by the connections above.", kinds.secret_text),
    Setting("OPENAI_PROJECT_ID", "text", "", "Sent as OpenAI-Project by the connections above.", kinds.secret_text),
    Setting("OPENAI_WEBHOOK_SECRET", "whsec_...", "", "Secret of `/webhooks/openai/openai/`.", kinds.webhook_secret),
    Setting("AZURE_OPENAI_API_KEY", "key", "", "Makes the connection `azure`; needs the endpoint.", kinds.secret_text),
    Setting("AZURE_OPENAI_ENDPOINT", "URL", "", "`https://<resource>.openai.azure.com`.", kinds.web_url),
    Setting("OPENAI_API_VERSION", "text", "", "The api-version Azure is asked for. Empty: its v1 API.", kinds.secret_text),
    Setting("POLL_INTERVAL_SECONDS", "seconds", "15", "Time between two looks at a running job.", kinds.whole_number(1, 86400)),
    Setting("DEMO", "0 or 1", "", "The demo connection with the simulator. Empty: only while there is no real connection.", kinds.maybe_flag),
    Setting("TUNEBELL_DATA_DIR", "folder", "var", "Holds database, keys, broker files.", kinds.folder),
    Setting("TUNEBELL_ALLOW_PRIVATE", "CIDR[:port], ...", "", "Private networks that connections and channels may reach, loopback included.", kinds.allowances),
    Setting("TUNEBELL_API_TOKEN", "text", "", "A read token with this value exists from the start.", kinds.secret_text),
    Setting("TUNEBELL_HEARTBEAT_URL", "URL", "", "Asked every minute while the audit finds nothing: the URL of a dead man's switch.", kinds.whole_url),
    Setting("TUNEBELL_WEBHOOK_URL", "URL", "", "A webhook channel to this URL exists from the start, and changes with it only.", kinds.web_url),
    Setting("TUNEBELL_WEBHOOK_SECRET", "whsec_...", "", "Signs what goes to TUNEBELL_WEBHOOK_URL.", kinds.webhook_secret),
)
# fmt: on
