"""What every page loads: separate files to work on, one stylesheet and one script to serve.

`collectstatic` joins the files of a bundle in the order written here, so there is no build step. The tags
`{% stylesheets %}` and `{% scripts %}` print the joined file where it exists and the separate ones elsewhere.
A file that only one page needs is not named here; that page links it in its block `head`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

Sources = dict[str, tuple[Storage, str]]  # name in the site -> where it lies


def end_to_end(texts: list[str]) -> str:
    return "\n".join(texts)


def in_blocks(texts: list[str]) -> str:
    """Each script in a block of its own, as each module has names of its own."""
    return "\n".join(f"{{\n{text}\n}}" for text in texts)


@dataclass(frozen=True, slots=True)
class Bundle:
    """`parts`: in the order in which they are linked. `join`: makes one file of their texts."""

    name: str
    parts: tuple[str, ...]
    join: Callable[[list[str]], str]

    def text(self, sources: Sources) -> str:
        return self.join([_read(*sources[part]) for part in self.parts])

    def urls(self) -> list[str]:
        """What a page links: the bundle where files were collected, else its parts."""
        is_joined = self.name in getattr(staticfiles_storage, "hashed_files", {})
        names = [self.name] if is_joined and not settings.DEBUG else self.parts
        return [staticfiles_storage.url(name) for name in names]


STYLES = Bundle(
    name="css/site.css",
    parts=(
        "css/layers.css",  # first: it declares the order of the layers
        "css/tokens.css",
        "css/reset.css",
        "css/base.css",
        "css/layout.css",
        "css/components.css",
        "css/forms.css",
        "css/jobs.css",
        "css/list.css",
        "css/job.css",
        "css/pages.css",
        "css/costs.css",
        "css/views.css",
        "css/status.css",
        "css/charts.css",
        "css/utilities.css",
    ),
    join=end_to_end,
)
SCRIPTS = Bundle(
    name="js/site.js",
    parts=(
        "js/time-ago.js",
        "js/copy-button.js",
        "js/live-region.js",
        "js/theme-switch.js",
        "js/job-keys.js",
        "js/job-bell.js",
    ),
    join=in_blocks,
)
BUNDLES = (STYLES, SCRIPTS)


class BundledStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no types
    """Hashed and compressed names for all collected files, and for the bundles made of them."""

    def post_process(
        self, paths: Sources, *, dry_run: bool = False, **options: object
    ) -> Iterator[tuple[str, str | None, bool | Exception]]:
        if not dry_run:
            paths = {**paths, **{bundle.name: self._joined(bundle, paths) for bundle in BUNDLES}}
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def _joined(self, bundle: Bundle, sources: Sources) -> tuple[Storage, str]:
        self.delete(bundle.name)  # beside an older one, this one would get another name
        self.save(bundle.name, ContentFile(bundle.text(sources).encode()))
        return self, bundle.name


def _read(storage: Storage, name: str) -> str:
    with storage.open(name) as file:
        return bytes(file.read()).decode()
