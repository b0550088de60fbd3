"""Secrets at rest are bound to their row."""

from dataclasses import replace

import pytest

from accounts.cipher import CannotOpen, Place, key_id_of, seal, unseal
from outbound.secret import Secret

PLACE = Place("jobs_connection|sealed_key", "team-a", "row-1")
KEY = Secret("sk-CANARY-4711")


def test_a_secret_comes_back_from_its_own_row():
    assert unseal(seal(KEY, PLACE), PLACE).reveal() == KEY.reveal()


def test_the_stored_form_does_not_contain_it():
    assert "CANARY" not in seal(KEY, PLACE)


@pytest.mark.parametrize("member", ["column", "team", "row"])
def test_a_ciphertext_copied_elsewhere_does_not_open(member):
    with pytest.raises(CannotOpen):
        unseal(seal(KEY, PLACE), replace(PLACE, **{member: "other"}))


@pytest.mark.parametrize(
    "stored", ["", "v1", "v1.a.b.c", "nonsense.with.three.dots", "v1.test.AA.AA"]
)
def test_damaged_text_is_refused(stored):
    with pytest.raises(CannotOpen):
        unseal(stored, PLACE)


def test_two_seals_of_one_secret_differ():
    assert seal(KEY, PLACE) != seal(KEY, PLACE)


def test_an_old_key_still_opens_after_rotation(settings):
    stored = seal(KEY, PLACE)
    settings.FIELD_ENCRYPTION_KEYS = (("new", b"n" * 32), *settings.FIELD_ENCRYPTION_KEYS)
    assert unseal(stored, PLACE).reveal() == KEY.reveal()
    assert key_id_of(seal(KEY, PLACE)) == "new"


def test_a_key_that_is_no_longer_configured_is_named(settings):
    stored = seal(KEY, PLACE)
    settings.FIELD_ENCRYPTION_KEYS = (("new", b"n" * 32),)
    with pytest.raises(CannotOpen, match="test"):
        unseal(stored, PLACE)
