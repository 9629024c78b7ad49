"""Who may talk to the bot, and in which chat. Nobody who is not listed; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.messages import InboundMessage
from gateway.sections import ANYBODY, ChannelSection, Group


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that is not taken, and why; `stranger`: the operator may want to know who it was."""

    reason: str
    stranger: bool = False


SILENT = Refused("not addressed")


class Access:
    """The lists of all channels. A channel that is not configured admits nobody."""

    def __init__(
        self,
        channels: Mapping[str, ChannelSection],
        present: Callable[[str, str], str] = lambda _channel, chat: chat,
    ) -> None:
        """`present`: the id that a chat of a channel has now, if the platform has given it another."""
        self._channels = channels
        self._present = present

    def admit(self, message: InboundMessage) -> InboundMessage | Refused:
        """The message as the agent may hear it, or why it may not."""
        section = self._channels.get(message.address.channel)
        if section is None:
            return Refused("the channel is not configured")
        if not message.group:
            known = _listed(message.sender_id, section.allow, section)
            return message if known else Refused("not in allow", stranger=True)
        rule = self._group(section, message)
        if rule is None:
            return Refused("the group is not in groups", stranger=message.addressed)
        if not _listed(message.sender_id, section.allow if rule.allow is None else rule.allow, section):
            return Refused("not in the allow list of the group", stranger=message.addressed)
        if not message.addressed and rule.mention:
            return SILENT
        return replace(message, addressed=True)

    def _group(self, section: ChannelSection, message: InboundMessage) -> Group | None:
        address = message.address
        for chat, rule in section.groups.items():
            if address.chat in {chat, self._present(address.channel, chat)}:
                return rule
        return None

    def owners(self, channel: str) -> tuple[str, ...]:
        """Who may see everything on the channel."""
        section = self._channels.get(channel)
        return section.owners if section else ()

    def is_owner(self, channel: str, user: str) -> bool:
        """Whether this person may see everything on the channel."""
        return user in self.owners(channel)


def _listed(user: str, allow: tuple[str, ...], section: ChannelSection) -> bool:
    return user in allow or user in section.owners or ANYBODY in allow
