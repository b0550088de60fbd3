"""Reads the environment by the table of `env_table`.

`read(environ)` returns the checked values or raises `BadSetting` with one line for people.
"""

import base64
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dashboard import env_kinds as kinds
from dashboard.env_table import SETTINGS, Setting

ROOT = kinds.ROOT
BY_NAME = {setting.name: setting for setting in SETTINGS}
GENERATED = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")  # what `up` makes when it is not given
NAMED_KEY = re.compile(r"^OPENAI_API_KEY_([A-Z0-9_]{1,64})$")
T = TypeVar("T")


class BadSetting(ValueError):
    """A variable of the environment cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class EnvConnection:
    """A connection the environment asks for. `key_env` names the variable that holds its key."""

    slug: str
    name: str
    dialect: str
    base_url: str
    key_env: str
    organization: str | None = None
    project: str | None = None
    auth_header: str = "Authorization"
    extra_query: tuple[tuple[str, str], ...] = ()


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """Every setting by its name, checked. Raises BadSetting for the first one that cannot be used."""
    source = _Source.of(environ)
    source.refuse_unknown_names()
    values = {
        setting.name: source.value(setting) for setting in SETTINGS if "<" not in setting.name
    }
    values["SITE_URL"] = values["SITE_URL"] or f"http://127.0.0.1:{values['PORT']}"
    keys = {
        name: source.value(BY_NAME[name]) for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY")
    }
    keys |= {name: source.named_key(name) for name in source.named_keys()}
    values["PROVIDER_KEYS"] = {name: key for name, key in keys.items() if key}
    values["ENV_CONNECTIONS"] = tuple(env_connections(values))
    return values


def env_connections(values: Mapping[str, Any]) -> Iterable[EnvConnection]:
    for name in sorted(values["PROVIDER_KEYS"]):
        if name == "AZURE_OPENAI_API_KEY":
            yield _azure(values)
            continue
        label = name.removeprefix("OPENAI_API_KEY").strip("_").replace("_", "-").lower()
        yield EnvConnection(
            slug=f"openai-{label}" if label else "openai",
            name=f"OpenAI ({label})" if label else "OpenAI",
            dialect="openai",
            base_url=values["OPENAI_BASE_URL"],
            key_env=name,
            organization=values["OPENAI_ORG_ID"] or None,
            project=values["OPENAI_PROJECT_ID"] or None,
        )


def _azure(values: Mapping[str, Any]) -> EnvConnection:
    endpoint, version = values["AZURE_OPENAI_ENDPOINT"], values["OPENAI_API_VERSION"]
    if not endpoint:
        raise BadSetting("AZURE_OPENAI_API_KEY is set, AZURE_OPENAI_ENDPOINT is not")
    return EnvConnection(
        slug="azure",
        name="Azure OpenAI",
        dialect="azure",
        base_url=f"{endpoint}/openai" if version else f"{endpoint}/openai/v1",
        key_env="AZURE_OPENAI_API_KEY",
        auth_header="api-key",
        extra_query=(("api-version", version),) if version else (),
    )


@dataclass(frozen=True, slots=True)
class _Source:
    environ: Mapping[str, str]
    data_dir: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "_Source":
        setting = BY_NAME["TUNEBELL_DATA_DIR"]
        return cls(environ, setting.read(environ.get(setting.name) or setting.default))

    def value(self, setting: Setting) -> object:
        return _checked(setting.name, setting.read, self.text(setting.name) or setting.default)

    def named_key(self, name: str) -> str:
        return _checked(name, kinds.secret_text, self.text(name))

    def text(self, name: str) -> str:
        """The variable's text, or that of the file its NAME_FILE twin names, or what `up` once generated."""
        given, twin = self.environ.get(name, ""), self.environ.get(f"{name}_FILE", "")
        if given and twin:
            raise BadSetting(f"{name} and {name}_FILE are both set; keep one")
        if twin:
            return _file_text(f"{name}_FILE", Path(twin))
        generated = self.data_dir / name.lower()
        if not given and name in GENERATED and generated.is_file():
            return _file_text(name, generated)
        return given.strip()

    def named_keys(self) -> Iterable[str]:
        for name in sorted(self.environ):
            base = name.removesuffix("_FILE")
            found = NAMED_KEY.match(base)
            if not found or not self.environ[name]:
                continue
            if found[1].endswith("FILE"):
                raise BadSetting(f"{name}: the name after OPENAI_API_KEY_ must not end in FILE")
            yield base

    def refuse_unknown_names(self) -> None:
        known = {name for name in BY_NAME if name.startswith("TUNEBELL_")}
        for name in sorted(self.environ):
            if name.startswith("TUNEBELL_") and name.removesuffix("_FILE") not in known:
                raise BadSetting(
                    f"{name} is not a setting of TuneBell (known: {', '.join(sorted(known))})"
                )


def _checked(name: str, reader: Callable[[str], T], value: str) -> T:
    try:
        return reader(value)
    except ValueError as error:
        raise BadSetting(f"{name} {error}") from None


def _file_text(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise BadSetting(f"{name}: cannot read {path} ({reason})") from None


def require_keys(values: Mapping[str, Any]) -> None:
    missing = [name for name in GENERATED if not values[name]]
    if missing:
        raise BadSetting(
            f"{' and '.join(missing)} not set; set them, or run `make run` once, which makes them"
        )


def embedded_port(data_dir: Path, name: str) -> int | None:
    """The port on which `up` runs that part of its own, None when it does not."""
    try:
        return int((data_dir / "run" / f"{name}.port").read_text())
    except (OSError, ValueError):
        return None


def generate_keys(environ: Mapping[str, str]) -> None:
    """Write the two keys into the data folder (mode 0600) unless they are given or there already."""
    source = _Source.of(environ)
    fresh = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    }
    for name in GENERATED:
        if not source.text(name):
            _write_private(source.data_dir / name.lower(), fresh[name])


def _write_private(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_suffix(".new")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600, exist_ok=False)
        partial.write_text(content + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise BadSetting(f"TUNEBELL_DATA_DIR: cannot write {path} ({error.strerror})") from None
