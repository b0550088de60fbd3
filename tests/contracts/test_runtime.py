"""What runs needs nothing that only developers have: the tests themselves run with both."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{name} is not among the packages of a plain installation")

ABSENT = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Absent())
from dashboard.forked import load_site
load_site()
for name in sys.argv[2:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith(("__main__", "dashboard.healthcheck")):
            importlib.import_module(module.name)
"""
OURS = ("accounts", "alerts", "dashboard", "jobs", "outbound", "providers", "simulator")


def plain_name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def only_for_developers() -> set[str]:
    """Modules of installed packages that requirements/runtime.txt does not name."""
    text = (ROOT / "requirements" / "runtime.txt").read_text()
    named = {
        plain_name(name) for name in re.findall(r"^([\w.-]+)(?:\[.*?\])?==", text, re.MULTILINE)
    }
    return {
        module
        for module, sources in packages_distributions().items()
        if not named & {plain_name(source) for source in sources}
    }


def load_without(modules: set[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, ",".join(modules), *OURS]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_part_starts_with_what_a_plain_installation_has():
    assert {"pytest", "hypothesis", "ruff"} <= only_for_developers()
    ended = load_without(only_for_developers())
    assert ended.returncode == 0, ended.stderr


def test_a_package_that_is_missing_is_noticed():
    assert "packaging is not among" in load_without({"packaging"}).stderr
