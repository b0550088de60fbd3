"""One stylesheet and one script for every page, made of the files people work on."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.template.loader import render_to_string

from dashboard import bundles, preparation

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
LINKED_BY_A_PAGE = set(
    re.findall(
        r"static '((?:css|js)/[^']+)'",
        "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html")),
    )
)


def head() -> str:
    return render_to_string("components/head.html")


@pytest.fixture
def collected(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "dashboard.bundles.BundledStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


@pytest.mark.parametrize("bundle", bundles.BUNDLES, ids=lambda bundle: bundle.name)
def test_every_file_is_in_its_bundle_or_linked_by_the_page_that_needs_it(bundle):
    kind = Path(bundle.name).suffix
    there = {str(path.relative_to(STATIC)) for path in STATIC.glob(f"{kind[1:]}/*{kind}")}
    linked = {name for name in LINKED_BY_A_PAGE if name.endswith(kind)}
    assert sorted([*bundle.parts, *linked]) == sorted(there)


def test_the_layers_are_declared_before_anything_uses_them():
    assert bundles.STYLES.parts[0] == "css/layers.css"
    assert bundles.STYLES.parts[-1] == "css/utilities.css"


@pytest.mark.parametrize("name", bundles.SCRIPTS.parts)
def test_a_bundled_script_stands_alone(name):
    # Inside a block neither word is allowed, and the whole bundle would not run.
    assert not re.search(r"^\s*(import|export)\b", (STATIC / name).read_text(), re.MULTILINE)


def test_collected_stylesheets_are_one_file_in_order(collected):
    parts = [(STATIC / name).read_text() for name in bundles.STYLES.parts]
    assert (collected / staticfiles_storage.stored_name("css/site.css")).read_text() == "\n".join(
        parts
    )


def test_collected_scripts_keep_their_names_to_themselves(collected):
    text = (collected / staticfiles_storage.stored_name("js/site.js")).read_text()
    starts = [
        text.index(f"{{\n{(STATIC / name).read_text()}\n}}") for name in bundles.SCRIPTS.parts
    ]
    assert starts == sorted(starts)


def test_a_collected_page_links_one_hashed_file_of_each_kind(collected):
    ours = re.findall(r'(?:href|src)="/static/((?:css|js)/[^"]+)"', head())
    assert [re.sub(r"\.[0-9a-f]{12}\.", ".*.", name) for name in ours] == [
        "css/site.*.css",
        "js/site.*.js",
    ]


def test_bundles_are_kept_compressed_too(collected):
    name = staticfiles_storage.stored_name("css/site.css")
    assert (collected / f"{name}.br").stat().st_size < (collected / name).stat().st_size / 3
    assert (collected / f"{name}.gz").is_file()


def test_collecting_again_replaces_the_bundle(collected):
    (collected / "css" / "site.css").write_text("/* of an older version */")
    call_command("collectstatic", interactive=False, verbosity=0)
    assert "@layer" in (collected / "css" / "site.css").read_text()
    assert len(list(collected.glob("css/site.*.css"))) == 1


def test_without_collected_files_a_page_links_the_separate_ones():
    names = re.findall(r'(?:href|src)="/static/((?:css|js)/[^"]+)"', head())
    assert tuple(names) == bundles.STYLES.parts + bundles.SCRIPTS.parts


def test_while_debugging_a_page_links_the_separate_ones(collected, settings):
    settings.DEBUG = True
    assert [url.count("site") for url in bundles.STYLES.urls()] == [0] * len(bundles.STYLES.parts)


def test_another_order_of_the_parts_is_collected_anew(monkeypatch):
    before = preparation.fingerprint([STATIC])
    monkeypatch.setattr(preparation, "BUNDLES", bundles.BUNDLES[:1])
    assert preparation.fingerprint([STATIC]) != before
