"""What the worst answers cost in memory, measured on a process that reads nothing else."""

import gzip
import subprocess
import sys

import pytest

from tests.outbound.sockets import always, flooding, listening
from tests.servers import ROOT, bare_environment

MB = 1024 * 1024
MOST = 32 * MB
HEAD = b"HTTP/1.1 200 OK\r\n"
READER = """
import sys
from pathlib import Path
from outbound import policy
from providers.base import Account, connect
from providers.errors import ProviderError
from providers.results import read_result_file

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

policy.configure(policy.Policy(allow=policy.parse_allowances("127.0.0.0/8")))
url, question = sys.argv[1:]
connect(Account("openai", "http://127.0.0.1:9/v1", None)).check()  # what is loaded on first use
provider = connect(Account("openai", url, None))
ask = {
    "job": lambda: provider.read_job(provider.retrieve_job("ftjob-1")),
    "jobs": lambda: [provider.read_job(one) for one in provider.list_jobs().items],
    "content": lambda: read_result_file(provider.file_content("file-1")),
}
Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins anew
before = memory("VmRSS")
try:
    ask[question]()
    print("read", memory("VmHWM") - before)
except ProviderError as error:
    print(type(error).__name__, memory("VmHWM") - before)
"""


def plain(body, *headers):
    lines = [f"Content-Length: {len(body)}", *headers, "", ""]
    return always(HEAD + "\r\n".join(lines).encode() + body)


def packed(body):
    return plain(gzip.compress(body), "Content-Encoding: gzip")


def listed(item, size):
    return b'{"data": [' + item * (size // len(item)) + b"1]}"


def names(number):
    return (
        b'{"id": "ftjob-1", "metadata": {'
        + b",".join(b'"%x": 1.5' % n for n in range(number))
        + b"}}"
    )


CSV = b"step,train_loss,valid_loss\n" + b"".join(b"%d,0.5,0.25\n" % n for n in range(370_000))
WORST = {
    "a body of 200 MB": ("job", flooding(HEAD + b"Content-Length: 200000000\r\n\r\n", 200 * MB)),
    "a body without end": ("jobs", flooding(HEAD + b"Connection: close\r\n\r\n", 200 * MB)),
    "a header without end": ("job", flooding(HEAD + b"X: ", 200 * MB)),
    "headers without end": ("job", flooding(HEAD, 200 * MB, b"X-More: and more\r\n")),
    "hints without end": ("job", flooding(b"", 200 * MB, b"HTTP/1.1 103 Early Hints\r\n\r\n")),
    "a bomb": ("jobs", packed(b"\0" * 200 * MB)),
    "a bomb in a bomb": ("content", packed(gzip.compress(b"\0" * 200 * MB))),
    "4 MB of objects": ("jobs", plain(listed(b"{},", 4 * MB - 99))),
    "4 MB of numbers": ("jobs", plain(listed(b"1.5,", 4 * MB - 99))),
    "4 MB of openings": ("jobs", plain(b"[" * (4 * MB - 99))),
    "4 MB of text": ("jobs", plain(b'{"data": [{"id": "ftjob-1", "model": "' + b"x" * (4 * MB - 99) + b'"}]}')),
    "as many names as are read": ("job", plain(names(100_000))),
    "NUL among many names": ("job", plain(names(70_000).replace(b'"1"', b'"\\u0000"'))),
    "as many objects as are read": ("jobs", plain(listed(b'{"a":1.5},', 590_000))),
    "a result file of one line": ("content", plain(b"step," + b"12," * 1_700_000)),
    "a result file of one quoted line": ("content", plain(b'step,a\n1,' + b'"12",' * 1_000_000)),
    "a result file of 5 MB": ("content", plain(CSV[: 5 * MB - 99])),
}  # fmt: skip


@pytest.mark.parametrize(("question", "answer"), WORST.values(), ids=WORST)
def test_no_answer_costs_more_memory_than_is_allowed(question, answer):
    with listening(answer) as peer:
        child = subprocess.run(
            [sys.executable, "-c", READER, peer.url.rstrip("/"), question],
            cwd=ROOT,
            env=bare_environment(PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            check=True,
        )
    outcome, grown = child.stdout.split()
    print(f"{outcome}: {int(grown) / MB:.1f} MiB")
    assert peer.requests
    assert int(grown) <= MOST
