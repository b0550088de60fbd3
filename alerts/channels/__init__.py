"""Ways to tell people: every module of this folder with a `KIND` is one."""

import json
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from alerts import message
from alerts.addressees import config_of
from alerts.channels.base import Kind, Receipt, SendError, Stored
from alerts.models import Channel

__all__ = ["Kind", "Receipt", "SendError", "Stored", "kind_of", "kinds", "send_test", "show"]


@cache
def kinds() -> dict[str, Kind]:
    """Name -> kind, in the order of the labels."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    found = [module.KIND for module in modules if hasattr(module, "KIND")]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.label.casefold())}


def kind_of(channel: Channel) -> Kind:
    """Raises SendError for a kind this version does not have."""
    try:
        return kinds()[channel.kind]
    except KeyError:
        raise SendError(f"This version has no channels of kind {channel.kind!r}.") from None


def secrets_of(channel: Channel) -> dict[str, str]:
    """The channel's secrets in clear. Raises accounts.cipher.CannotOpen."""
    sealed = channel.secrets()
    return json.loads(sealed.reveal()) if sealed else {}


def show(channel: Channel) -> str:
    """Where the channel's messages go, as far as everybody may see it."""
    kind = kinds().get(channel.kind)
    return kind.show(config_of(channel)) if kind else channel.kind


def send_test(channel: Channel) -> Receipt:
    """Sends a sample message the way alerts go. Raises SendError, accounts.cipher.CannotOpen."""
    kind = kind_of(channel)
    sample = message.sample(f"{settings.SITE_URL}/alerts/", timezone.now())
    return kind.send(config_of(channel), secrets_of(channel), sample, str(uuid4()))
