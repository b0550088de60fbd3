"""Places where a fault test may stop a process. Inert unless the environment names one.

`FAILPOINT=deliver.accepted:kill` kills the process there, `:raise` raises what no `except
Exception` swallows.
"""

import os
import signal


class FailpointReached(BaseException):
    """The process was asked to break here."""


def failpoint(name: str) -> None:
    wanted, _, action = os.environ.get("FAILPOINT", "").partition(":")
    if wanted != name:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise FailpointReached(name)
