"""Rules about the files of the project itself."""

import re
import subprocess
import tomllib

import pytest

from tests.servers import ROOT

SKIPPED = ("docs/screenshots/", "static/vendor/")
HOSTS = "|".join(
    ["pypi" + r"\.org", "pythonhosted" + r"\.org", "npmjs" + r"\.org", "registry\\." + "npm"]
)
EAGER = "ALWAYS" + "_EAGER"


def files(*suffixes: str) -> list:
    """The project's files, whether committed yet or not."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    wanted = [ROOT / name for name in listed if not name.startswith(SKIPPED)]
    return [path for path in wanted if path.is_file() and (not suffixes or path.suffix in suffixes)]


def mentions(pattern: str, paths: list) -> list[str]:
    found = []
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in re.finditer(pattern, text)]
    return found


def test_there_is_something_to_look_at():
    assert len(files(".py")) > 50


def test_no_file_names_a_package_index():
    assert mentions(HOSTS, files()) == []


@pytest.mark.parametrize("name", ["uv.lock", "package-lock.json", "poetry.lock", "Pipfile.lock"])
def test_no_lock_file_that_lists_hosts(name):
    assert not (ROOT / name).exists()


def test_celery_is_never_eager():
    assert mentions(EAGER, files(".py", ".toml", ".yml")) == []


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_every_locked_package_is_pinned_by_hash(name):
    text = (ROOT / "requirements" / name).read_text()
    packages = re.findall(r"^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==", text, re.MULTILINE)
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) == len(blocks) > 30
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_what_runs_is_part_of_what_is_developed_with():
    runtime, dev = (pins(name) for name in ("runtime.txt", "dev.txt"))
    assert runtime.items() <= dev.items()


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", text, re.MULTILINE))


def test_every_declared_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {
        re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in project["project"]["dependencies"]
    }
    assert names <= {name.lower() for name in pins("runtime.txt")}


def test_no_catch_all_modules():
    names = {path.name for path in files(".py")}
    assert not names & {"utils.py", "services.py", "helpers.py", "misc.py"}


def test_no_exemption_without_a_reason():
    bare = r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[^\]]*\])?)\s*$"
    lines = [hit for path in files(".py") for hit in mentions(f"(?m){bare}", [path])]
    assert lines == []


def test_the_build_server_runs_what_people_run():
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("exec make test")


def test_make_explains_every_target():
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE)) - {"help"}
    assert set(re.findall(r"^make ([a-z-]+)", printed, re.MULTILINE)) == targets
