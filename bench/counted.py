"""SQL and bytes of pages, as JSON: `python -m bench.counted COOKIE PATH [NAME=VALUE ...]`, headers last.

Asks in this process, so that statements can be counted; nothing is timed here.
"""

import sys

import django
import orjson

django.setup()

from django.conf import settings  # noqa: E402 - after the setup, as all that follow
from django.db import connection  # noqa: E402 - as above
from django.test import Client  # noqa: E402 - as above
from django.test.utils import CaptureQueriesContext  # noqa: E402 - as above


def main(cookie: str, path: str, *headers: str) -> None:
    client = Client(SERVER_NAME="127.0.0.1")
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie.partition("=")[2]
    told = dict(header.split("=", 1) for header in headers)
    client.get(path, headers=told)  # what is looked up once in a process is not the page's
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get(path, headers=told)
        size = len(answer.getvalue())
    found = {"sql": len(queries), "bytes": size, "status": answer.status_code}
    sys.stdout.write(orjson.dumps(found).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
