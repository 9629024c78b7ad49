"""One bot's calls of the Web API, as the channel uses them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from channels.slack.api import ANSWER_TIMEOUT, Answer, Api
from channels.slack.refusals import NO_EDIT, RefusedError
from channels.slack.words import table_of, text_of
from gateway.errors import AmbiguousDeliveryError, CredentialsRefusedError
from gateway.messages import ChatAddress, Json

DELIVERY = "tocsin_delivery"
"""The type of the metadata in which a message of ours says which delivery it is."""


class NoEditError(Exception):
    """The message that was to be replaced cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bot is, and what its token may do."""

    team: str  # the workspace's id
    user: str  # U…, what people mention
    bot: str  # B…, under which it writes
    name: str = ""
    workspace: str = ""
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the workspace."""

    name: str
    manages: bool  # an admin or owner of the workspace


class Client:
    """It never retries."""

    def __init__(
        self, bot_token: str, *, app_token: str = "", api_base: str, timeout: timedelta = ANSWER_TIMEOUT
    ) -> None:
        self.api = Api(api_base, timeout=timeout)
        self._token = bot_token
        self._app_token = app_token

    async def close(self) -> None:
        """Close the connections; the next call opens them again."""
        await self.api.close()

    async def call(self, method: str, **arguments: Json) -> Answer:
        """Any method, as the bot."""
        return await self.api.call(method, self._token, **arguments)

    def authorization(self) -> Mapping[str, str]:
        """The header that shows who we are, for files."""
        return {"Authorization": f"Bearer {self._token}"}

    # -- who is who ---------------------------------------------------------------------------------------

    async def identify(self) -> Identity:
        """Who we are; CredentialsRefusedError when the token is wrong."""
        try:
            answer = await self.call("auth.test")
        except CredentialsRefusedError as error:
            raise CredentialsRefusedError(
                f"{error}: copy the Bot User OAuth Token (xoxb-…) again from OAuth & Permissions of the app"
            ) from error
        return Identity(
            team=answer.text("team_id"),
            user=answer.text("user_id"),
            bot=text_of(answer.body, "bot_id"),
            name=text_of(answer.body, "user"),
            workspace=text_of(answer.body, "team"),
            scopes=answer.scopes,
        )

    async def open_socket(self) -> str:
        """The address of a new Socket Mode connection; it is good once, and holds a secret."""
        try:
            answer = await self.api.call("apps.connections.open", self._app_token)
        except CredentialsRefusedError as error:
            raise CredentialsRefusedError(
                f"{error}: copy the App-Level Token (xapp-…, with connections:write) again from "
                "Basic Information of the app"
            ) from error
        return answer.text("url")

    async def person(self, user: str) -> Person:
        found = table_of((await self.call("users.info", user=user)).body, "user")
        profile = table_of(found, "profile")
        names = (
            text_of(profile, "display_name"),
            text_of(profile, "real_name"),
            text_of(found, "real_name"),
            text_of(found, "name"),
        )
        return Person(next(filter(None, names), user), bool(found.get("is_admin") or found.get("is_owner")))

    async def conversation(self, chat: str) -> Mapping[str, Json]:
        """What Slack tells of a channel: `creator`, `is_member`, `name`, …"""
        return table_of((await self.call("conversations.info", channel=chat)).body, "channel")

    async def direct(self, user: str) -> str:
        """The id of the private chat with this user."""
        answer = await self.call("conversations.open", users=user)
        found = text_of(table_of(answer.body, "channel"), "id")
        if not found:
            raise AmbiguousDeliveryError("Slack's answer has no channel")
        return found

    # -- messages -----------------------------------------------------------------------------------------

    async def post(self, address: ChatAddress, payload: Mapping[str, Json], delivery: str) -> str:
        """Send a rendered part; its ts."""
        answer = await self.call(
            "chat.postMessage",
            channel=address.chat,
            thread_ts=address.thread or None,
            text=payload["text"],
            blocks=payload.get("blocks"),
            mrkdwn=False,
            unfurl_links=False,
            unfurl_media=False,
            metadata=_metadata(delivery),
        )
        return answer.text("ts")

    async def update(self, address: ChatAddress, message: str, payload: Mapping[str, Json], delivery: str) -> str:
        """Put a rendered part in the place of a message; NoEditError when that cannot be."""
        try:
            await self.call(
                "chat.update",
                channel=address.chat,
                ts=message,
                text=payload["text"],
                blocks=payload.get("blocks") or [],
                parse="none",  # here the default is to find names and addresses in the text
                metadata=_metadata(delivery),
            )
        except RefusedError as error:
            if error.word in NO_EDIT:
                raise NoEditError(str(error)) from error
            raise
        return message

    async def tell(self, address: ChatAddress, user: str, text: str) -> None:
        """Say something that only this user sees, and only now."""
        await self.call(
            "chat.postEphemeral",
            channel=address.chat,
            thread_ts=address.thread or None,
            user=user,
            text=text,
        )

    async def react(self, chat: str, message: str, name: str) -> None:
        try:
            await self.call("reactions.add", channel=chat, timestamp=message, name=name)
        except RefusedError as error:
            if error.word != "already_reacted":
                raise

    async def show(self, trigger: str, view: Mapping[str, Json]) -> None:
        """Open a dialog, within three seconds of what triggered it."""
        await self.call("views.open", trigger_id=trigger, view=view)


def _metadata(delivery: str) -> Json:
    return {"event_type": DELIVERY, "event_payload": {"id": delivery}}
