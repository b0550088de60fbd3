"""Jobs in an address."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.refs import Ref, compare_path, read_refs, spell_refs

IDS = st.text(min_size=1, max_size=40).filter(lambda text: "\x00" not in text)


@given(
    st.lists(st.builds(Ref, st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True), IDS), unique=True)
)
@example([Ref("lab", "ftjob-a,lab/ftjob-b"), Ref("lab", "100%2C"), Ref("lab", "a/b")])
def test_what_is_spelled_is_read_again(refs):
    assert read_refs(spell_refs(refs)) == tuple(refs)


def test_a_job_named_twice_is_one_job_at_its_first_place():
    refs = read_refs("lab/b,lab/a,lab/b")
    assert refs == (Ref("lab", "b"), Ref("lab", "a"))


@pytest.mark.parametrize("text", ["", ",", ",,,"])
def test_nothing_names_no_job(text):
    assert read_refs(text) == ()


@pytest.mark.parametrize(
    "text", ["lab", "lab/", "/a", "lab/a,b", "lab/\x00", "lab/%00", "la\x00b/a"]
)
def test_what_can_be_no_job_makes_the_whole_unreadable(text):
    assert read_refs(text) is None


def test_an_ordinary_id_stays_as_it_is_in_the_address():
    assert compare_path([Ref("prod-eu", "ftjob-a"), Ref("lab", "ftjob-b")]) == (
        "/compare/?jobs=prod-eu/ftjob-a,lab/ftjob-b"
    )


def test_no_id_adds_a_member_to_the_address():
    assert compare_path([Ref("lab", "a&x=1#b c")]) == "/compare/?jobs=lab/a%26x%3D1%23b%20c"
