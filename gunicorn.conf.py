"""How gunicorn serves the site; it reads this file when it is started in this folder."""

import gc

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

# The site is loaded before the first fork, so a broken setting ends gunicorn at once instead of restarting workers.
preload_app = True
worker_class = "gthread"
workers = 2
threads = 8
graceful_timeout = 10
timeout = 60
max_requests = 20_000
max_requests_jitter = 2_000
limit_request_line = 8190  # the address of a hundred compared jobs; 4094 otherwise
control_socket_disable = True  # else gunicorn 27 opens one in the home directory
forwarder_headers = ""  # the site has no path prefix, so no header may set one
loglevel = "warning"


def when_ready(_server: Arbiter) -> None:
    """Collections in the workers leave the loaded site alone, so that its memory stays shared."""
    gc.collect()
    gc.freeze()


def post_fork(_server: Arbiter, worker: Worker) -> None:
    """Errors of gunicorn go the way of all other lines, and so lose their secrets."""
    worker.log.error_log.handlers.clear()
    worker.log.error_log.propagate = True
