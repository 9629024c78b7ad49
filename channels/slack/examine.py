"""What `tocsin check` asks Slack: the usual mistakes, before they are met."""

from collections.abc import AsyncIterator, Iterator, Mapping

from channels.skew import skew
from channels.slack.client import Client, Identity
from channels.slack.refusals import RefusedError
from gateway.clock import Clock
from gateway.errors import CredentialsRefusedError
from gateway.messages import Json
from gateway.sections import ChannelSection

NEEDED = {
    "chat:write": "to answer",
    "im:history": "to be written to in private",
}
FOR_GROUPS = {
    "app_mentions:read": "to hear when it is mentioned",
    "channels:history": "to hear what is said in public channels",
}
USEFUL = {
    "channels:read": "to know whether it is in a channel",
    "commands": "for /tocsin",
    "files:read": "for files that people send",
    "files:write": "for files that it sends",
    "groups:history": "to hear what is said in private channels",
    "groups:read": "to know who made a private channel",
    "im:write": "for shortcuts, which are answered in private",
    "mpim:history": "to hear what is said in group messages",
    "mpim:read": "to know who made a group message",
    "reactions:write": "to show that a message was seen",
    "users:read": "to know people's names, and who manages the workspace",
}
"""What each scope is for: https://docs.slack.dev/reference/scopes"""

Findings = list[tuple[str, str]]


async def findings(client: Client, section: ChannelSection, clock: Clock, *, socket: bool) -> Findings:
    """(level, sentence) of everything that was looked at; a DeliveryError when Slack cannot be asked."""
    me = await client.identify()
    found = [
        *judge(me, section),
        *skew(client.api.ahead(clock.now()), "Slack", also=", and signed calls are refused"),
    ]
    if socket:
        found.append(await _connection(client))
    return [*found, *[one async for one in _groups(client, section)]]


def judge(me: Identity, section: ChannelSection) -> Iterator[tuple[str, str]]:
    """What Slack says about the bot's token; pure."""
    yield "ok", f"the token is that of @{me.name} in {me.workspace}"
    if not me.scopes:
        return  # it was not said what it may do
    needed = NEEDED | (FOR_GROUPS if section.groups else {})
    for level, scopes in (("error", needed), ("warning", {k: v for k, v in USEFUL.items() if k not in needed})):
        missing = [f"{scope} ({use})" for scope, use in scopes.items() if scope not in me.scopes]
        if missing:
            yield (
                level,
                f"the app lacks {'a scope' if len(missing) == 1 else 'scopes'}: {', '.join(missing)}. Add them "
                "under OAuth & Permissions (deploy/slack/manifest.yaml has all), and install the app again",
            )


async def _connection(client: Client) -> tuple[str, str]:
    """Whether the app token opens a connection. The one that is opened is not used, and ends by itself."""
    try:
        await client.open_socket()
    except CredentialsRefusedError as error:
        return "error", str(error)
    except RefusedError as error:
        return "error", f"Socket Mode cannot be used: {error}"
    return "ok", "the app token opens a connection"


async def _groups(client: Client, section: ChannelSection) -> AsyncIterator[tuple[str, str]]:
    for chat in section.groups:
        try:
            found: Mapping[str, Json] = await client.conversation(chat)
        except RefusedError as error:
            yield "warning", f"{chat}: {error}"
            continue
        name = f"#{found['name']}" if found.get("name") else chat
        if found.get("is_archived"):
            yield "warning", f"{chat}: {name} is archived"
        elif found.get("is_member") is False:
            yield "warning", f"{chat}: the bot is not in {name}: write /invite and its name there"
