"""Pure: the trouble of a channel -> the Message that tells the team's admins through another one."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from alerts.facts import MAX_FACT, MAX_NAME
from alerts.message import MAX_REASON, Message
from alerts.plaintext import clock, iso, safe


class Trouble(Enum):
    """What befell a channel. The value: how the message puts it."""

    GONE = "switched off: its receiver asked for no more messages"
    WORN_OUT = "switched off: nothing but failures for 5 days"
    REFUSED = "its receiver refused 3 messages in a row"
    GIVEN_UP = "an alert was given up"

    @property
    def is_off(self) -> bool:
        return self in {Trouble.GONE, Trouble.WORN_OUT}


_STEPS = {
    True: "Check where the channel sends to, switch it on again and resend what did not arrive.",
    False: "Check where the channel sends to and send a test. Alerts that were given up can be resent.",
}


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """The channel in trouble. `kind`: its label; `answer`: what its receiver said last."""

    public_id: str
    name: str
    kind: str
    answer: str


def notice(channel: ChannelFacts, trouble: Trouble, at: datetime, url: str) -> Message:
    """The message about it. `url`: the page where channels are mended. Never raises on hostile text."""
    state = "off" if trouble.is_off else "failing"
    reason, step = safe(channel.answer, MAX_REASON), _STEPS[trouble.is_off]
    name, kind = safe(channel.name, MAX_NAME), safe(channel.kind, MAX_FACT)
    return Message(
        name=f"channel_{state}",
        type=f"channel.{state}",
        word=f"CHANNEL {state.upper()}",
        subject=name,
        result=trouble.value,
        where="",
        reason=reason,
        next_step=step,
        facts=(("When", clock(at)), ("Where", kind)),
        url=url,
        thread=f"channel-{channel.public_id}",
        at=iso(at) or "",
        data={
            "channel": {"id": channel.public_id, "name": name, "kind": kind},
            "state": state,
            "trouble": trouble.name.lower(),
            "reason": reason or None,
            "next_step": step,
            "links": {"open": url},
        },
        incident=f"channel:{channel.public_id}",
        is_urgent=True,
    )
