"""Addresses of the jobs list. One without a query opens the default view, where there is one."""

from django.urls import reverse

EVERYTHING = "view=all"  # the query that says "no filter"


def list_url(query: str = "") -> str:
    """The list under a query; all jobs without one."""
    return f"{reverse('jobs')}?{query or EVERYTHING}"
