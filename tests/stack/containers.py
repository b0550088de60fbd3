"""docker-compose.yml without an engine: its own commands and environment, on servers of this machine.

Addresses are replaced, nothing else. What an engine would do around a command is done as far as this
machine allows: only the files that .dockerignore lets into the image, not writable; no capabilities, no
new privileges, no HOME; where mounting is allowed, a read-only root and the image's own user id.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.servers import ROOT, Server

VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:-|:\?)([^}]*))?\})")
READ_ONLY_ROOT = "mount --bind /tmp /tmp && mount -o remount,ro,bind / && exec "
UNPRIVILEGED = "setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "
IMAGE_USER = "unshare --user --map-user=10001 --map-group=10001 "
TETHERED = 'setpriv --pdeathsig=TERM "$@"'


def compose(variables: dict[str, str]) -> dict[str, Any]:
    """The file as an engine would understand it. A variable that must be set and is not raises KeyError."""
    return _substituted(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), {**variables})


def _substituted(value: Any, variables: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _substituted(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [_substituted(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value

    def text_of(found: re.Match[str]) -> str:
        dollar, name, how, more = found.groups()
        if dollar:
            return dollar
        if how == ":?" and not variables.get(name):
            raise KeyError(f"{name}: {more}")
        return variables.get(name) or (more if how == ":-" else "")

    return VARIABLE.sub(text_of, value)


def dockerfile() -> list[tuple[str, str]]:
    """Instruction and argument, of the last stage and those before it."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def last_stage() -> list[tuple[str, str]]:
    steps = dockerfile()
    start = max(number for number, step in enumerate(steps) if step[0] == "FROM")
    return steps[start:]


def allowed_into_the_image() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line[1:] for line in lines if line.startswith("!")]


class Image:
    """The files of the image in a folder, built by the last stage's own commands."""

    def __init__(self, folder: Path) -> None:
        self.app, self.data = folder / "app", folder / "data"
        self.data.mkdir(parents=True)
        _copy_context(self.app)
        self.env = self._environment()
        self._collect_static()
        for path in (self.app, self.data):
            subprocess.run(["chmod", "-R", "a-w,a+rX", str(path)], check=True)

    def _environment(self) -> dict[str, str]:
        given = dict(
            part.split("=", 1)
            for name, text in last_stage()
            if name == "ENV"
            for part in shlex.split(text)
        )
        given["PATH"] = (
            f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        )
        return {**given, "TUNEBELL_DATA_DIR": str(self.data)}

    def _collect_static(self) -> None:
        (command,) = [text for name, text in last_stage() if name == "RUN" and "manage.py" in text]
        subprocess.run(["sh", "-c", command], cwd=self.app, env=self.env, check=True)

    @property
    def command(self) -> list[str]:
        """What runs where a service names no command."""
        (text,) = [text for name, text in last_stage() if name == "CMD"]
        return json.loads(text)

    def files(self) -> set[str]:
        return {str(path) for folder in (self.app, self.data) for path in folder.rglob("*")}


def _copy_context(target: Path) -> None:
    target.mkdir()
    for name in allowed_into_the_image():
        source = ROOT / name
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)


@cache
def confinement() -> list[str]:
    """The words before a command that confine it. An engine's job: as much of it as this machine allows."""
    own = UNPRIVILEGED if os.getuid() == 0 else "setpriv --no-new-privs "
    mounts = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    for script in (
        [*mounts, f"{READ_ONLY_ROOT}{IMAGE_USER}setpriv --no-new-privs {TETHERED}", "sh"],
        [*mounts, f"{READ_ONLY_ROOT}{UNPRIVILEGED}{TETHERED}", "sh"],
    ):
        if subprocess.run([*script, "true"], capture_output=True, check=False).returncode == 0:
            return script
    return ["sh", "-c", f"exec {own}{TETHERED}", "sh"]


class Project:
    """`docker compose` for one project: `run` waits for a command, `up` starts a service."""

    def __init__(self, image: Image, variables: dict[str, str], addresses: dict[str, str]) -> None:
        self.image, self.addresses = image, addresses
        self.services = compose(variables)["services"]
        self.running: list[Server] = []

    def environment(self, service: str) -> dict[str, str]:
        given = self.services[service]["environment"]
        env = {**self.image.env, **{name: self._here(str(text)) for name, text in given.items()}}
        return {**env, "PORT": self.addresses["0.0.0.0:8000"].rpartition(":")[2]}

    def command(self, service: str) -> list[str]:
        return [
            self._here(word) for word in self.services[service].get("command", self.image.command)
        ]

    def healthcheck(self, service: str) -> list[str]:
        kind, *command = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        return command

    def _here(self, text: str) -> str:
        for there, here in self.addresses.items():
            text = text.replace(there, here)
        return text

    def run(self, service: str, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*confinement(), *command],
            cwd=self.image.app,
            env=self.environment(service),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def up(self, service: str) -> Server:
        inside = ["env", "-C", str(self.image.app), *self.command(service)]
        server = Server([*confinement(), *inside], env=self.environment(service))
        self.running.append(server.start())
        return server

    def down(self) -> None:
        for server in reversed(self.running):
            server.stop()
