"""Names inside an archive: plain, safe on every file system, and never two the same."""

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MOST = 128  # an id at its longest; a path stays below what file systems take
# Windows opens a device under these names, whatever their ending.
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}


def folder_name(provider_id: str, *, has_twin: bool = False) -> str:
    """The folder of a job. One that cannot be the id itself carries a digest of it after a `~`.

    `has_twin`: another id of the same connection differs by upper and lower case only.

    >>> folder_name("ftjob-Abc1"), folder_name("../x"), folder_name("NUL")
    ('ftjob-Abc1', 'x~d6b96a97', 'NUL~ae6de182')
    """
    plain = _plain(provider_id)
    if plain == provider_id and not has_twin and not _is_device(plain):
        return plain
    stem = plain.replace(".", "_") if _is_device(plain) else plain
    return f"{stem}~{hashlib.sha256(provider_id.encode('utf-8', 'replace')).hexdigest()[:8]}"


def file_name(number: int, said: str, ending: str) -> str:
    r"""The name of a job's n-th file. The number keeps files apart that a provider calls the same.

    >>> file_name(1, "../../step metrics.CSV", ".csv"), file_name(2, "\u6587\u4ef6", ".received")
    ('1-step_metrics.csv', '2-file.received')
    """
    stem = _plain(said)
    if stem.casefold().endswith(".csv"):
        stem = stem[:-4]
    return f"{number}-{stem[:80].strip('._-') or 'file'}{ending}"


def _plain(name: str) -> str:
    return _UNSAFE.sub("_", name)[:_MOST].strip("._") or "_"


def _is_device(name: str) -> bool:
    return name.split(".", 1)[0].casefold() in _DEVICES
