"""Run a command that must not outlive its parent: `python tether.py PARENT_PID COMMAND...`.

The kernel sends SIGTERM when the parent dies, even by SIGKILL. A small program of its own, because a `preexec_fn` is
not safe beside threads. macOS has no such signal; there the command simply runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # linux/prctl.h


def main(parent: int, command: list[str]) -> None:
    tie(parent)
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted, and the command is our own


def tie(parent: int, title: str = "") -> None:
    """This process to its parent. `title`: what `top` is to show for it, at most 15 characters."""
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the line above
            raise SystemExit(1)
        if title:
            prctl(PR_SET_NAME, title.encode())


def tethered(command: list[str]) -> list[str]:
    """The same command, tied to the calling process. Start it from the main thread: the tie is to the thread."""
    return [sys.executable, "-S", "-E", __file__, str(os.getpid()), *command]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
