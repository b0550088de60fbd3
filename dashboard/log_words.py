"""The log of the team in words. What the code notes of an action never changes; what is shown may."""

from collections.abc import Iterable, Mapping

from jobs.actions import Action, Verdict

ASKED = {
    "asked": "Asked the provider to {}",
    Verdict.ACCEPTED: "The provider accepted to {}",
    Verdict.REFUSED: "The provider refused to {}",
    Verdict.UNKNOWN: "No clear answer when asked to {}",
    Verdict.NOT_SENT: "Could not ask the provider to {}",
}
# What was noted -> what goes before the name of what it was done to.
WORDS: Mapping[str, str] = {
    "signed in": "Signed in",
    "signed in by link": "Signed in by a link",
    "signed out": "Signed out",
    "sign-in refused": "Sign-in refused for",
    "access.refused": "Was refused",
    "password changed": "Set a new password",
    "account changed": "Changed their account",
    "left the team": "Left the team",
    "member invited": "Invited",
    "member removed": "Removed from the team",
    "role changed": "Changed the role of",
    "sign-in link made": "Made a sign-in link for",
    "token made": "Made the token",
    "token revoked": "Revoked the token",
    "retention turned on": "Turned retention on:",
    "retention turned off": "Turned retention off",
    "connection added": "Added the connection",
    "connection changed": "Changed the connection",
    "connection tested": "Tested the connection",
    "connection polled": "Polled the connection",
    "connection paused": "Paused the connection",
    "connection watched again": "Resumed the connection",
    "connection archived": "Put away the connection",
    "connection restored": "Restored the connection",
    "connection removed": "Removed the connection",
    "backfill.start": "Started the archive of",
    "backfill.pause": "Paused the archive of",
    "backfill.retry": "Tried failed jobs again of",
    "webhook secret added": "Added a webhook secret to",
    "webhook secret removed": "Removed a webhook secret from",
    "retirement day set": "Set the retirement day of",
    "retirement day cleared": "Cleared the retirement day of",
    "job added": "Added the job",
    "job polled": "Polled the job",
    "job paused": "Paused the watching of",
    "job watched again": "Resumed the watching of",
    "job archived": "Archived the job",
    "job restored": "Restored the job",
    "job removed": "Removed the job",
    "job labelled": "Labelled the job",
    "job muted": "Muted the job",
    "job unmuted": "Unmuted the job",
    "job snoozed": "Snoozed the job",
    "jobs tagged": "Tagged",
    "jobs untagged": "Untagged",
    "jobs muted": "Muted",
    "jobs unmuted": "Unmuted",
    "jobs archived": "Archived",
    "jobs restored": "Restored",
    "export": "Exported",
    "channel added": "Added the channel",
    "channel changed": "Changed the channel",
    "channel tested": "Sent a test to",
    "channel switched on": "Switched on the channel",
    "channel switched off": "Switched off the channel",
    "channel removed": "Removed the channel",
    "rule added": "Added the rule",
    "rule changed": "Changed the rule",
    "rule switched on": "Switched on the rule",
    "rule switched off": "Switched off the rule",
    "rule removed": "Removed the rule",
    "alert resent": "Sent again the alert",
    "given up alerts resent": "Sent given up alerts again:",
    "given up alerts dismissed": "Dismissed given up alerts:",
    "view saved": "Saved the view",
    "view changed": "Changed the view",
    "view removed": "Removed the view",
    "feed made": "Made a feed of the view",
    "feed switched off": "Switched off the feed of the view",
    "price added": "Set the price",
    "price removed": "Removed the price",
    **{
        f"job {action} {end}": words.format(action)
        for action in Action
        for end, words in ASKED.items()
    },
}
CHANGED = "changed"
# What the names are that were noted with it. Where nothing stands here they tell nobody anything.
LEADS: Mapping[str, str] = {
    "channel changed": CHANGED,
    "connection changed": CHANGED,
    "rule changed": CHANGED,
    "view changed": CHANGED,
    "account changed": CHANGED,
    "job labelled": CHANGED,
    "role changed": "now",
    "view saved": "for",
    "jobs tagged": "tags",
    "jobs untagged": "tags",
}


def said(action: str) -> str:
    """What was done, in words; an action that only an older or newer release knows as it was noted."""
    return WORDS.get(action, action)


def details(action: str, fields: Iterable[str]) -> str:
    """changed: base models, urgent; "" where there is nothing to tell."""
    lead = LEADS.get(action, "")
    names = [_plain(name) if lead == CHANGED else name for name in fields]
    return f"{lead}: {', '.join(names)}" if lead and names else ""


def _plain(field: str) -> str:
    return field.removeprefix("is_").replace("_", " ")
