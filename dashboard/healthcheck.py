"""Whether one part does its work: `python -m dashboard.healthcheck web|poll|alerts|beat`.

One line, and exit code 0 or 1. Containers run it all day, so it does without Django (a sixth of the
CPU time). The web server is asked for an answer. The others leave signs of life in the database, which
they write only while they work or no task waits: a process that is up and takes none is found out. Only signs
from this machine count, so a worker is not well because another of its kind is.
"""

import argparse
import http.client
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

from dashboard import env, patience
from dashboard.worker_name import own_name

TIMEOUT_S = 5
PARTS = ("web", "poll", "alerts", "beat")
POSTGRESQL = """SELECT extract(epoch FROM clock_timestamp() - at), is_busy
                FROM dashboard_heartbeat WHERE part = %s AND worker = %s"""
SQLITE = """SELECT (julianday('now') - julianday(at)) * 86400, is_busy
            FROM dashboard_heartbeat WHERE part = ? AND worker = ?"""


class Unwell(Exception):
    """The part does not do its work; the text says how that shows."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboard.healthcheck")
    parser.add_argument("part", choices=PARTS)
    part = parser.parse_args(arguments).part
    try:
        line, code = check(part, env.read(os.environ)), os.EX_OK
    except (Unwell, env.BadSetting) as error:
        line, code = str(error), 1
    sys.stdout.write(f"{part}: {' '.join(line.split())}\n")
    return code


def check(part: str, settings: Mapping[str, Any]) -> str:
    """How the part shows that it is well. Raises Unwell."""
    if part == "web":
        return ask_web(settings)
    try:
        age_s, is_busy = last_sign(part, settings)
    except (psycopg.Error, sqlite3.Error) as error:
        raise Unwell(f"the database does not answer: {error}") from None
    if age_s > (patience.BUSY_S if is_busy else patience.IDLE_S):
        raise Unwell(f"last seen at work {age_s:.0f} s ago")
    return f"seen at work {max(age_s, 0):.0f} s ago"


def ask_web(settings: Mapping[str, Any]) -> str:
    """Asks under a host name that the site answers to, whatever the operator allows."""
    host = (settings["ALLOWED_HOSTS"] or [urlsplit(settings["SITE_URL"]).netloc])[0].lstrip(".")
    asked = http.client.HTTPConnection("127.0.0.1", settings["PORT"], timeout=TIMEOUT_S)
    with closing(asked):
        try:
            asked.request("GET", "/livez", headers={"Host": host})
            status = asked.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise Unwell(f"no answer: {error}") from None
    if status != http.client.OK:
        raise Unwell(f"/livez answered {status}")
    return "answers"


def last_sign(part: str, settings: Mapping[str, Any]) -> tuple[float, bool]:
    """Seconds since the part was last seen at work on this machine, by the database's clock, and whether in a task."""
    url = settings["DATABASE_URL"]
    if url and not url.startswith("sqlite"):
        limits = f"-c statement_timeout={TIMEOUT_S}s"
        with psycopg.connect(url, connect_timeout=TIMEOUT_S, options=limits) as server:
            found = server.execute(POSTGRESQL, [part, own_name(part, is_local=False)]).fetchone()
    else:
        path = url.split("///", 1)[-1] or str(settings["TUNEBELL_DATA_DIR"] / "tunebell.sqlite3")
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as file:
            found = file.execute(SQLITE, [part, own_name(part, is_local=True)]).fetchone()
    if found is None:
        raise Unwell("never seen at work")
    return float(found[0]), bool(found[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
