"""Places where a fault test may stop a process. Inert unless the environment names one.

`FAILPOINT=deliver.accepted:kill` kills the process there, `:sleep=2` lets it stand still for two
seconds, `:raise` raises what no `except Exception` swallows.
"""

import os
import signal
import time

LONGEST_SLEEP_S = 60.0


class FailpointReached(BaseException):
    """The process was asked to break here."""


def failpoint(name: str) -> None:
    wanted, _, action = os.environ.get("FAILPOINT", "").partition(":")
    if wanted != name:
        return
    verb, _, value = action.partition("=")
    if verb == "sleep":
        time.sleep(min(float(value or 1), LONGEST_SLEEP_S))
        return
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise FailpointReached(name)
