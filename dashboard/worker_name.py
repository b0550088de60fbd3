"""How a worker is told from others of its kind. Without Django: the health check of a container asks too."""

from socket import gethostname

LOCAL = "local"  # on SQLite there is one machine, and a laptop's name changes with its network
LONGEST = 100


def name_of(nodename: str, part: str, *, is_local: bool) -> str:
    """The machine's name, behind a name of the worker's own where it was given one.

    >>> name_of("poll@b5f0", "poll", is_local=False), name_of("poll2@b5f0", "poll", is_local=False)
    ('b5f0', 'poll2@b5f0')
    >>> name_of("poll@b5f0", "poll", is_local=True)
    'local'
    """
    prefix, _, machine = nodename.rpartition("@")
    machine = LOCAL if is_local else machine
    name = machine if prefix in {"", part, "celery"} else f"{prefix}@{machine}"
    return name[:LONGEST]


def own_name(part: str, *, is_local: bool) -> str:
    """Of the worker of this part that runs on this machine."""
    return name_of(gethostname(), part, is_local=is_local)
