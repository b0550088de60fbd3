"""The wrong designs of `make faults ROW=F34` still fit the code they spoil, and say what they do to it."""

import subprocess

import pytest

from tests.mutants.__main__ import PATCHES, says
from tests.servers import ROOT

FOUND = sorted(PATCHES.glob("*.patch"))


def test_there_is_a_mutant_for_each_design_that_is_promised():
    promised = {"mark_then_send", "no_fence", "no_unique", "no_skip_locked", "no_renewal"}
    assert promised <= {patch.stem for patch in FOUND}


@pytest.mark.parametrize("patch", FOUND, ids=lambda patch: patch.stem)
def test_a_mutant_still_fits_the_code(patch):
    asked = ["git", "apply", "--check", str(patch)]
    ended = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr == ""


@pytest.mark.parametrize("patch", FOUND, ids=lambda patch: patch.stem)
def test_a_mutant_says_in_a_sentence_what_it_does(patch):
    what = says(patch)
    assert what[0].isupper()
    assert what.endswith(".")
    assert "|" not in what  # it stands in a table
