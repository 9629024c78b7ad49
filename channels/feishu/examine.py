"""What `tocsin check` asks Feishu: the usual mistakes, before they are met."""

from collections.abc import Iterator

from channels.feishu.client import Client, Identity, LineRefusedError
from channels.feishu.refusals import scopes_in
from channels.skew import skew
from gateway.clock import Clock
from gateway.errors import CredentialsRefusedError, DeliveryError, PermanentDeliveryError

NOBODY = "om_0000000000000000000000000000000000"
NOWHERE = "oc_00000000000000000000000000000000"
"""Ids of nothing: what is answered to them tells whether we may ask at all, and nothing happens."""


async def findings(client: Client, clock: Clock, *, websocket: bool) -> list[tuple[str, str]]:
    """(level, sentence) of everything that was looked at; a DeliveryError when Feishu cannot be asked."""
    try:
        me = await client.identify()
    except PermanentDeliveryError as error:
        return [("error", f"the app has no bot: turn on its bot ability and publish a version ({error})")]
    found = [*judge(me), *await _scopes(client), *skew(client.ahead(clock.now()), "Feishu")]
    if websocket:
        found.append(await _line(client))
    return found


def judge(me: Identity) -> Iterator[tuple[str, str]]:
    """What the platform's answer says; pure."""
    yield "ok", f"the app is that of the bot {me.name or me.id}"
    if not me.active:
        yield (
            "error",
            "the bot cannot be used: turn on its bot ability, create a version and publish it "
            "(Version Management & Release), and have an administrator approve it",
        )


async def _scopes(client: Client) -> list[tuple[str, str]]:
    """Which of the scopes are missing that can be told without doing anything."""
    found: list[tuple[str, str]] = []
    for level, what, ask in (
        ("error", "messages cannot be read or sent", lambda: client.message(NOBODY)),
        ("warning", "who manages a group is not known", lambda: client.chat(NOWHERE)),
    ):
        try:
            await ask()
        except DeliveryError as error:
            scopes = scopes_in(str(error)) if "99991672" in str(error) else []
            if scopes:
                found.append(
                    (level, f"{what}: the app lacks a scope, one of {', '.join(scopes)} (then publish it)")
                )
    return found


async def _line(client: Client) -> tuple[str, str]:
    try:
        await client.line()
    except CredentialsRefusedError as error:
        return "error", str(error)
    except LineRefusedError as error:
        return "error", str(error)
    return "ok", "the long connection is open to it"
