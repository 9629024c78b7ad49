"""What Slack's server for tests tells the app: deliveries of events and interactions, which can be sent again."""

import asyncio
import re
from copy import deepcopy

from tests.servers.slack_events import event_callback, mention_event, message_event
from tests.servers.slack_records import BOT_USER, Channel, Delivery, Envelope, Json, Message
from tests.servers.slack_writing import Writing

PERSON = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_HISTORY = {"channel": "channels:history", "group": "groups:history", "im": "im:history", "mpim": "mpim:history"}


class Telling(Writing):
    """A world that tells the app what happens; where a delivery goes is decided by the server."""

    def carry(self, delivery: Delivery) -> None:
        """Take a delivery to the app."""
        raise NotImplementedError

    def push(self, event: Json) -> Delivery:
        """Any event at all, in an envelope of its own."""
        payload = event_callback({"event_ts": self.stamp(), **event}, event_id=self.fresh("Ev"), at=self.now())
        return self.deliver("events_api", payload, ts=str(event.get("ts", "")))

    def tell(self, message: Message) -> list[Delivery]:
        """Tell the app of a message, and once more if it mentions the bot, in channels that have the bot."""
        where = self.channels[message.channel]
        shown = self.as_json(message, counted=False)
        told = [self.event(message_event(shown, where), where, ts=message.ts)]
        mentioned = BOT_USER in PERSON.findall(message.text) and where.kind != "im" and message.user != BOT_USER
        if mentioned and where.bot and "app_mentions:read" in self.scopes:
            told.append(self.push(mention_event(shown, where)))
        return [one for one in told if one]

    def event(self, event: Json, where: Channel, *, ts: str = "") -> Delivery | None:
        """An event of a channel, if the bot is there and its scopes let it see it."""
        if not where.bot or _HISTORY[where.kind] not in self.scopes:
            return None
        payload = event_callback(event, event_id=self.fresh("Ev"), at=self.now())
        return self.deliver("events_api", payload, ts=ts)

    def deliver(self, kind: Envelope, payload: Json, *, accepts: bool = False, ts: str = "") -> Delivery:
        """Make a delivery and send it on its way."""
        made = Delivery(id=self.fresh("env-"), kind=kind, payload=payload, accepts=accepts, ts=ts)
        self.deliveries.append(made)
        self.trim(self.deliveries)
        self.delivered += 1
        self.pending += 1
        self.carry(made)
        return made

    def deliveries_of(self, ts: str) -> list[Delivery]:
        """What the app was told about a message, the oldest first."""
        return [one for one in self.deliveries if one.ts == ts]

    def redeliver(self, delivery: Delivery) -> Delivery:
        """Send the same again as a retry would: a new envelope, the same event id."""
        return self.deliver(delivery.kind, deepcopy(delivery.payload), accepts=delivery.accepts, ts=delivery.ts)

    def replay(self, delivery: Delivery) -> Delivery:
        """Send the same event under a new event id."""
        payload = deepcopy(delivery.payload) | {"event_id": self.fresh("Ev")}
        return self.deliver(delivery.kind, payload, accepts=delivery.accepts, ts=delivery.ts)

    async def answered(self, delivery: Delivery, seconds: float = 5.0) -> Json:
        """Wait for the ack of a delivery, and return what it carried."""
        try:
            async with asyncio.timeout(seconds):
                await delivery.done.wait()
        except TimeoutError:
            raise TimeoutError(
                f"not acknowledged within {seconds} s: {delivery.kind} {delivery.payload}"
            ) from None
        return delivery.response

    def trigger(self, user: str) -> str:
        """A trigger id, with which the app may open a modal for somebody within 3 s."""
        made = f"{self.fresh('')}.{self.fresh('')}.{self.fresh('')}"
        self.triggers[made] = (user, self.now())
        return made

    def response_url(self, user: str, channel: str, ts: str = "") -> str:
        """An address at which the app may answer an interaction."""
        ticket = self.fresh("r")
        self.responses[ticket] = (user, channel, ts)
        return f"{self.url}/actions/{ticket}"
