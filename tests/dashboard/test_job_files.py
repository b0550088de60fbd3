"""The files of a job: what is kept of them, as a preview and as a download."""

import base64
import json
import re
import zlib

import pytest

from dashboard.downloads import disposition
from jobs.models import File, Job
from tests.builders import NOON, a_job
from tests.dashboard.job_pages import a_result_file, page_of, part_of

pytestmark = pytest.mark.django_db


def test_a_result_file_is_previewed_decoded(viewer, lab) -> None:
    html = page_of(viewer, a_result_file(lab))
    assert "train_loss</th>" in html
    assert "and 18 more rows" in html
    assert File.objects.get().sha256 in html


def test_a_file_is_a_download_and_never_a_page(viewer, lab) -> None:
    job = a_result_file(lab)
    address = f"/jobs/lab/{job.provider_id}/files/file-r/"
    received, decoded = viewer.get(address), viewer.get(address, {"as": "csv"})
    assert base64.b64decode(received.content).strip() == decoded.content.strip()
    assert decoded.content.startswith(b"step,train_loss\n1,0.5")
    assert received.headers["Content-Type"] == "application/octet-stream"
    assert received.headers["Content-Disposition"].startswith(
        'attachment; filename="step_metrics.csv"'
    )
    assert "sandbox" in received.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name", ['a"b', "a\r\nSet-Cookie: x", "../../x", "\x00", "ü.csv", "", "x" * 999]
)
def test_a_file_name_cannot_leave_its_header(name) -> None:
    header = disposition(name)
    plain = re.match(
        r'attachment; filename="([A-Za-z0-9._-]+)"; filename\*=UTF-8\'\'[A-Za-z0-9._~%-]*$', header
    )
    assert plain
    assert not plain[1].startswith(".")


@pytest.mark.parametrize(
    ("settled_at", "word"), [(None, "To be fetched"), (NOON, "Could not be read")]
)
def test_a_file_is_to_be_fetched_until_its_job_is_settled(viewer, lab, settled_at, word) -> None:
    job = a_job(lab, state="succeeded", settled_at=settled_at, result_files=["file-w"])
    File.objects.create(
        connection=lab, provider_id="file-w", fetch="wanted", fetch_reason="Error 500"
    )
    for page in (page_of(viewer, job), page_of(viewer, job, "files/file-w/preview/")):
        assert f"{word}: <bdi>Error 500</bdi>" in page


@pytest.mark.parametrize("file_id", ["file-other", "file-gone", "file-r2"])
def test_only_files_of_the_job_that_are_kept_can_be_downloaded(viewer, lab, file_id) -> None:
    job = a_result_file(lab)
    File.objects.create(connection=lab, provider_id="file-other", content=zlib.compress(b"x"))
    File.objects.create(connection=lab, provider_id="file-r2")
    Job.objects.filter(pk=job.pk).update(result_files=["file-r", "file-r2", "file-gone"])
    assert viewer.get(f"/jobs/lab/{job.provider_id}/files/{file_id}/").status_code == 404


def test_the_preview_says_how_much_there_is_and_which_download_is_which(viewer, lab) -> None:
    html = page_of(viewer, a_result_file(lab), "files/file-r/preview/")
    assert "30 rows, 2 columns" in html
    assert "Download as received (base64)" in html
    File.objects.update(
        content=zlib.compress(b"step,loss\n1,0.5\n"), encoding="plain", row_count=90
    )
    html = page_of(viewer, Job.objects.get(), "files/file-r/preview/")
    assert "90 rows, 2 columns, the first 1 shown" in html
    assert "Download as received" not in html


def test_the_preview_page_has_more_rows_than_the_job(viewer, lab) -> None:
    part = part_of(viewer, a_result_file(lab), "files/file-r/preview/")
    assert part.preview.table.columns == ("step", "train_loss")
    assert len(part.preview.table.rows) == 30
    assert part.preview.hidden == 0


@pytest.mark.parametrize("wrap", [json.dumps, lambda text: text])
def test_a_plain_result_file_is_shown_however_it_is_wrapped(viewer, lab, wrap) -> None:
    packed = zlib.compress(wrap("step,train_loss\n1,0.25\n").encode())
    job = a_result_file(lab, content=packed, encoding="plain", row_count=1)
    part = part_of(viewer, job, "files/file-r/preview/")
    assert part.preview.table.rows == (("1", "0.25"),)


def kept_training_file(lab, lines: int) -> Job:
    body = "".join(json.dumps({"n": number}) + "\n" for number in range(1, lines + 1)).encode()
    packed = zlib.compress(body)
    facts = {"fetch": "stored", "content": packed, "encoding": "plain", "kind": "unknown"}
    File.objects.create(connection=lab, provider_id="file-t", filename="t.jsonl", **facts)
    broken = {"error_code": "invalid_training_file", "error_message": "Line 6174 is no JSON"}
    return a_job(lab, state="failed", training_file="file-t", **broken)


def test_a_failure_links_to_the_line_that_the_provider_names(viewer, lab) -> None:
    job = kept_training_file(lab, 7000)
    address = f"/jobs/lab/{job.provider_id}/files/file-t/preview/?line=6174#line-6174"
    assert f'href="{address}"' in page_of(viewer, job)
    html = page_of(viewer, job, "files/file-t/preview/?line=6174")
    assert re.search(r'id="line-6174" class="is-asked".*?{&quot;n&quot;: 6174}', html)
    assert "line-6168" not in html


def test_a_file_that_is_not_kept_gives_no_line_and_says_so(viewer, lab) -> None:
    job = kept_training_file(lab, 10)
    File.objects.update(content=None, fetch="metadata")
    assert "/preview/" not in page_of(viewer, job)
    html = page_of(viewer, job, "files/file-t/preview/?line=6174")
    assert "What is trained on is private" in html


@pytest.mark.parametrize("line", ["6174", "0", "-1", "x", "9" * 40])
def test_a_line_that_is_not_there_shows_the_start(viewer, lab, line) -> None:
    html = page_of(viewer, kept_training_file(lab, 10), f"files/file-t/preview/?line={line}")
    assert 'id="line-1"' in html
    assert ("cannot be shown" in html) == (line == "6174")


def test_what_is_no_text_is_said_to_be_none(viewer, lab) -> None:
    job = a_result_file(lab, content=zlib.compress(b"\x89PNG\x00" * 50), kind="unknown")
    assert "nothing to show" in page_of(viewer, job, "files/file-r/preview/")


@pytest.mark.parametrize("file_id", ["file-other", "%00", "x" * 300])
def test_only_files_that_the_job_names_have_a_preview(viewer, lab, file_id) -> None:
    job = a_result_file(lab)
    File.objects.create(connection=lab, provider_id="file-other", content=zlib.compress(b"x"))
    answer = viewer.get(f"/jobs/lab/{job.provider_id}/files/{file_id}/preview/")
    assert answer.status_code in {400, 404}
