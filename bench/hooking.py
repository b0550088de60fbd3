"""Prepares row h3: `python -m bench.hooking BASE_URL RECEIVER_URL SECRET`. Prints the path that takes webhooks."""

import sys

import django

django.setup()

from alerts.endpoint import add_secret, address_of  # noqa: E402 - models come after the setup
from alerts.setup import RuleFacts, create_channel, create_rule  # noqa: E402 - as above
from bench.ours import a_connection  # noqa: E402 - as above
from outbound.secret import Secret  # noqa: E402 - as above

POLLED_EVERY_S = 3600  # so that no poll of its own sees an end


def main(base_url: str, receiver_url: str, secret: str) -> None:
    connection = a_connection("hooked", base_url, poll_interval_s=POLLED_EVERY_S)
    add_secret(connection, Secret(secret))
    channel = create_channel(connection.team, "webhook", "bench", {"url": receiver_url}).channel
    facts = RuleFacts(states=["succeeded", "failed", "cancelled"], channels=[channel])
    create_rule(connection.team, facts)
    print(f"/webhooks/openai/{address_of(connection)}/")


if __name__ == "__main__":
    main(*sys.argv[1:])
