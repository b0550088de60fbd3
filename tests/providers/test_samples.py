"""Every published answer in the samples folder is read by the reader it belongs to."""

from pathlib import Path

import pytest

from providers.results import read_result_file
from providers.states import State
from providers.wire import (
    Invalid,
    decode,
    is_id,
    read_checkpoint,
    read_event,
    read_job,
    read_page,
)

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
READERS = {"events": read_event, "checkpoints": read_checkpoint}


def read_list(name, value):
    kind = next((read for word, read in READERS.items() if word in name), read_job)
    page = read_page(value, kind)
    assert page.skipped == 0
    assert len(page.items) == len(value["data"]) > 0
    assert page.has_more is value["has_more"]
    return page.items


def read_one(path):
    if path.suffix == ".csv":
        return [read_csv(path)]
    if path.suffix == ".http":
        value = decode(path.read_bytes().partition(b"\n\n")[2])
        assert value["type"]
        return [value]
    value = decode(path.read_bytes())
    assert not isinstance(value, Invalid)
    return read_list(path.name, value) if "data" in value else [read_sample_job(value)]


def read_csv(path):
    found = read_result_file(path.read_bytes())
    assert (found.kind, found.reason, found.skipped_rows) == ("csv", "", 0)
    assert found.encoding == ("base64" if "BASE64" in path.name else "plain")
    assert found.row_count >= 41
    assert len(found.points) >= 2 * found.row_count
    return found


def read_sample_job(value):
    job = read_job(value)
    assert job.state is not State.UNKNOWN
    assert job.unreadable == ()
    assert bool(job.error) == (value["status"] == "failed")
    assert is_id(job.id)
    return job


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the folder with the published answers is not here"
)
def test_every_published_answer_is_read(capsys):
    paths = [
        path for path in sorted(SAMPLES.iterdir()) if path.suffix in {".json", ".csv", ".http"}
    ]
    values = {path.name: read_one(path) for path in paths}
    others = {path.name for path in SAMPLES.iterdir()} - set(values)
    with capsys.disabled():
        print(
            f"\nread {len(values)} sample files, {sum(map(len, values.values()))} values"
        )  # the count is the proof that something was read
    assert values
    assert others <= {"README.md"}


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the folder with the published answers is not here"
)
def test_one_job_at_three_moments_tells_its_story():
    parts = ["1-validating", "2-running", "3-succeeded"]
    files = [SAMPLES / f"job-openai-sequence-{part}.sdkdump.json" for part in parts]
    jobs = [read_job(decode(path.read_bytes())) for path in files]
    assert [job.state.value for job in jobs] == ["validating", "running", "succeeded"]
    assert [job.hyperparameters["n_epochs"] for job in jobs] == ["auto", 10, 10]
    assert [job.trained_tokens for job in jobs] == [None, None, 4480]
    assert len({job.id for job in jobs}) == 1
