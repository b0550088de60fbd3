"""What the environment may say, and what is answered when it says something else."""

import base64
from pathlib import Path

import pytest

from dashboard import env
from dashboard.env_table import SETTINGS

KEYS = f"a:{base64.b64encode(bytes(32)).decode()}"


def test_an_empty_environment_gives_the_defaults(tmp_path):
    values = env.read({"TUNEBELL_DATA_DIR": str(tmp_path)})
    assert values["PORT"] == 8000
    assert values["POLL_INTERVAL_SECONDS"] == 15
    assert values["DEMO"] is None
    assert values["SITE_URL"] == "http://127.0.0.1:8000"
    assert values["ENV_CONNECTIONS"] == ()


def test_the_site_url_follows_the_port():
    assert env.read({"PORT": "8123"})["SITE_URL"] == "http://127.0.0.1:8123"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("DEBUG", "maybe"),
        ("DEMO", "2"),
        ("POLL_INTERVAL_SECONDS", "0"),
        ("POLL_INTERVAL_SECONDS", "1.5"),
        ("SITE_URL", "http://tunebell.example.com"),
        ("SITE_URL", "https://tunebell.example.com/path"),
        ("SITE_URL", "tunebell.example.com"),
        ("SITE_URL", "https://user:password@tunebell.example.com"),
        ("SITE_URL", "https://tunebell.example.com:port"),
        ("ALLOWED_HOSTS", "https://tunebell.example.com"),
        ("CSRF_TRUSTED_ORIGINS", "tunebell.example.com"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "valkey://127.0.0.1:6379"),
        ("REDIS_URL", "redis://broker.example.com:6379"),
        ("EMAIL_URL", "imap://localhost"),
        ("SECRET_KEY", "short"),
        ("FIELD_ENCRYPTION_KEYS", "no-colon"),
        ("FIELD_ENCRYPTION_KEYS", "a:c2hvcnQ="),
        ("FIELD_ENCRYPTION_KEYS", f"{KEYS},{KEYS}"),
        ("OPENAI_API_KEY", "sk-two words"),
        ("OPENAI_BASE_URL", "ftp://example.com"),
        ("TUNEBELL_ALLOW_PRIVATE", "10.0.0.0/99"),
        ("TUNEBELL_WEBHOOK_SECRET", "whsec_not base64!"),
        ("TUNEBELL_WEBHOOK_URL", "hook.example.com"),
        ("TUNEBELL_HEARTBEAT_URL", "hc-ping.com/0d338dcc"),
        ("TUNEBELL_HEARTBEAT_URL", "https://user:word@hc-ping.com/0d338dcc"),
    ],
)
def test_a_malformed_value_is_refused_by_name(name, value):
    with pytest.raises(env.BadSetting, match=f"^{name} ") as caught:
        env.read({name: value})
    assert "\n" not in str(caught.value)


def test_a_refusal_never_repeats_a_secret():
    with pytest.raises(env.BadSetting) as caught:
        env.read({"OPENAI_API_KEY": "sk-very secret"})
    assert "sk-very" not in str(caught.value)


def test_an_unknown_name_of_ours_is_refused():
    with pytest.raises(env.BadSetting, match="TUNEBELL_ALOW_PRIVATE is not a setting"):
        env.read({"TUNEBELL_ALOW_PRIVATE": "10.0.0.0/8"})


def test_names_of_others_are_nobodys_business():
    assert env.read({"DJANGO_SOMETHING": "1", "PATH": "/bin"})["PORT"] == 8000


def test_a_value_may_stand_in_a_file(tmp_path):
    (tmp_path / "key").write_text("sk-from-a-file\n")
    values = env.read({"OPENAI_API_KEY_FILE": str(tmp_path / "key")})
    assert values["PROVIDER_KEYS"] == {"OPENAI_API_KEY": "sk-from-a-file"}


@pytest.mark.parametrize(
    "setting", [s for s in SETTINGS if "<" not in s.name], ids=lambda s: s.name
)
def test_every_setting_has_a_file_twin(setting, tmp_path):
    with pytest.raises(env.BadSetting, match=f"^{setting.name}_FILE: cannot read"):
        env.read({f"{setting.name}_FILE": str(tmp_path / "missing")})


def test_a_value_and_its_file_together_are_refused(tmp_path):
    (tmp_path / "port").write_text("8001")
    with pytest.raises(env.BadSetting, match="PORT and PORT_FILE are both set"):
        env.read({"PORT": "8000", "PORT_FILE": str(tmp_path / "port")})


def test_each_named_key_makes_a_connection():
    values = env.read(
        {"OPENAI_API_KEY": "sk-1", "OPENAI_API_KEY_PROD_EU": "sk-2", "OPENAI_ORG_ID": "org-9"}
    )
    assert [(c.slug, c.key_env) for c in values["ENV_CONNECTIONS"]] == [
        ("openai", "OPENAI_API_KEY"),
        ("openai-prod-eu", "OPENAI_API_KEY_PROD_EU"),
    ]
    assert {c.organization for c in values["ENV_CONNECTIONS"]} == {"org-9"}


def test_a_named_key_may_stand_in_a_file(tmp_path):
    (tmp_path / "key").write_text("sk-3")
    values = env.read({"OPENAI_API_KEY_LAB_FILE": str(tmp_path / "key")})
    assert values["PROVIDER_KEYS"] == {"OPENAI_API_KEY_LAB": "sk-3"}


def test_a_key_named_like_a_file_is_refused():
    with pytest.raises(env.BadSetting, match="must not end in FILE"):
        env.read({"OPENAI_API_KEY_PROFILE": "sk-4"})


def test_azure_needs_its_endpoint():
    with pytest.raises(env.BadSetting, match="AZURE_OPENAI_ENDPOINT is not"):
        env.read({"AZURE_OPENAI_API_KEY": "k"})


@pytest.mark.parametrize(
    ("version", "url", "query"),
    [
        ("", "https://r.openai.azure.com/openai/v1", ()),
        ("2024-10-21", "https://r.openai.azure.com/openai", (("api-version", "2024-10-21"),)),
    ],
)
def test_azure_speaks_its_v1_or_the_version_asked_for(version, url, query):
    given = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"}
    (azure,) = env.read({**given, "OPENAI_API_VERSION": version})["ENV_CONNECTIONS"]
    assert (azure.slug, azure.base_url, azure.extra_query) == ("azure", url, query)
    assert azure.auth_header == "api-key"


def test_keys_are_refused_when_missing_and_made_once(tmp_path):
    given = {"TUNEBELL_DATA_DIR": str(tmp_path / "var")}
    with pytest.raises(env.BadSetting, match="SECRET_KEY and FIELD_ENCRYPTION_KEYS"):
        env.require_keys(env.read(given))
    env.generate_keys(given)
    first = env.read(given)
    env.require_keys(first)
    env.generate_keys(given)
    assert env.read(given)["SECRET_KEY"] == first["SECRET_KEY"]


def test_generated_keys_are_for_their_owner_only(tmp_path):
    env.generate_keys({"TUNEBELL_DATA_DIR": str(tmp_path)})
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"secret_key": 0o600, "field_encryption_keys": 0o600}


def test_given_keys_are_not_written_to_disk(tmp_path):
    env.generate_keys(
        {"TUNEBELL_DATA_DIR": str(tmp_path), "SECRET_KEY": "x" * 40, "FIELD_ENCRYPTION_KEYS": KEYS}
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(env.BadSetting, match="TUNEBELL_DATA_DIR: cannot write"):
        env.generate_keys({"TUNEBELL_DATA_DIR": str(tmp_path / "file" / "var")})


def test_a_relative_data_folder_is_below_the_project():
    assert env.read({})["TUNEBELL_DATA_DIR"] == Path(env.ROOT) / "var"
