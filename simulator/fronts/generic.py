"""A server with the least that can be watched: one job at its address, and a way to cancel it."""

from __future__ import annotations

import re

from simulator import api

_JOB = "/fine_tuning/jobs/[^/]+"
ROUTES: api.Routes = (
    ("GET", re.compile(_JOB), api.retrieve_job),
    ("POST", re.compile(_JOB + "/cancel"), api.act_on_job),
)
