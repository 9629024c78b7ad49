"""Messages in Slack's server for tests: how they are written, kept and shown."""

from typing import Any

from tests.servers.slack_events import file_json, message_json
from tests.servers.slack_records import BOT_ID, Channel, Json, Message, Sent
from tests.servers.slack_text import buttons_of, plain_blocks, plain_mrkdwn
from tests.servers.slack_world import World


class Writing(World):
    """A world in which messages are written."""

    def texts(self, channel: str, thread: str | None = None) -> list[str]:
        """What the bot's messages say now as a person reads it, in their order; `thread=""` is the top level."""
        return [self.plain(one) for one in self.messages(channel, thread) if one.bot_id == BOT_ID]

    def last(self, channel: str) -> str:
        """The ts of the newest message in a channel, whoever wrote it."""
        return next(reversed(self.channels[channel].messages))

    def plain(self, message: Message) -> str:
        """A message as a person reads it: its blocks, else its text."""
        if message.blocks:
            return plain_blocks(message.blocks, self.name)
        return plain_mrkdwn(message.text, self.name)

    def write(self, channel: Channel, **content: Any) -> Message:
        """Put a message into a channel."""
        message = Message(channel=channel.id, ts=self.stamp(), **content)
        message.blocks = self.named(message.blocks)
        channel.messages[message.ts] = message
        if self.keep and len(channel.messages) > self.keep:
            channel.messages.pop(next(iter(channel.messages)))
        for file in message.files:
            file.shares.append((channel.id, message.ts))
        return message

    def named(self, blocks: list[Json] | None) -> list[Json] | None:
        """Blocks with the ids that Slack gives to those without one."""
        if not blocks:
            return None
        made = []
        for block in blocks:
            named = {"block_id": self.fresh("b"), **block}
            if "elements" in block and block["type"] == "actions":
                named["elements"] = [{"action_id": self.fresh("a"), **one} for one in block["elements"]]
            made.append(named)
        return made

    def record(self, method: str, message: Message, *, before: str | None = None) -> None:
        """Keep what the bot said."""
        self.sent_count += 1
        said = Sent(
            number=self.sent_count,
            method=method,
            channel=message.channel,
            thread=message.thread,
            ts=message.ts,
            text=self.plain(message),
            raw=message.text,
            blocks=message.blocks,
            metadata=message.metadata,
            buttons=buttons_of(message.blocks),
            at=self.now(),
            edited_from=before,
        )
        self.sent.append(said)
        self.trim(self.sent)
        self.change()

    # How it looks

    def as_json(self, message: Message, *, metadata: bool = False, counted: bool = True) -> Json:
        """A message as Slack shows it; its metadata only if it is asked for."""
        channel = self.channels[message.channel]
        parent = channel.messages.get(message.thread)
        replies = self.messages(channel.id, message.ts) if counted and not message.thread else []
        shown = message_json(
            message, [file_json(one, self.url) for one in message.files], parent=parent, replies=replies
        )
        if metadata and message.metadata:
            shown["metadata"] = message.metadata
        return shown
