"""Who may talk to the bot, and in which chat. Nobody who is not listed or let in by an owner; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.messages import ChatAddress, InboundMessage, Person
from gateway.sections import ANYBODY, ChannelSection, Group


class Role(StrEnum):
    """What somebody is to a channel who may talk there."""

    OWNER = "owner"  # approves, and sees everything of the channel
    USER = "user"


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that is not taken, and why; `stranger`: the operator may want to know who it was."""

    reason: str
    stranger: bool = False
    knocks: bool = False  # they may be told how an owner lets them in


SILENT = Refused("not addressed")


class Access:
    """The lists of all channels. A channel that is not configured admits nobody."""

    def __init__(
        self,
        channels: Mapping[str, ChannelSection],
        present: Callable[[str, str], str] = lambda _channel, chat: chat,
        paired: Callable[[str, str], str] = lambda _channel, _user: "",
    ) -> None:
        """`present`: the id that a chat of a channel has now, if the platform has given it another.

        `paired`: the private chat of this user of the channel, if an owner has let them in, and only there.
        """
        self._channels = channels
        self._present = present
        self._paired = paired

    def admit(self, message: InboundMessage) -> InboundMessage | Refused:
        """The message as the agent may hear it, or why it may not. One that is not addressed is only kept."""
        section = self._channels.get(message.address.channel)
        if section is None:
            return Refused("the channel is not configured")
        if not message.group:
            return self._in_private(section, message)
        rule = self._group(section, message.address)
        if rule is None:
            return Refused("the group is not in groups", stranger=message.addressed)
        if not _listed(message.sender_id, _of_group(rule, section), section):
            return Refused("not in the allow list of the group", stranger=message.addressed)
        if message.addressed or not rule.mention:
            return replace(message, addressed=True)
        # Not for us. Where it stands does not open a thread: there is nobody to answer in one.
        return replace(message, address=message.home) if rule.context else SILENT

    def _in_private(self, section: ChannelSection, message: InboundMessage) -> InboundMessage | Refused:
        channel, user = message.address.channel, message.sender_id
        if _listed(user, section.allow, section) or (self._paired(channel, user) != "" and not message.bot):
            return message
        knocks = section.pairing and not message.bot and isinstance(message.occasion, Person)
        return Refused("not in allow", stranger=True, knocks=knocks)

    def still_admits(self, address: ChatAddress, user: str) -> bool:
        """Whether somebody who has once written in this chat may still; for what they have left there."""
        section = self._channels.get(address.channel)
        if section is None:
            return False
        rule = self._group(section, address)
        if rule is not None:
            return _listed(user, _of_group(rule, section), section)
        # A chat of which the configuration says nothing may be a group that was taken out of it.
        return _listed(user, section.allow, section) or self._paired(address.channel, user) == address.chat

    def context_of(self, session: str) -> int:
        """How many messages that were not meant for the bot it sees at its next turn in this conversation."""
        for channel, section in self._channels.items():
            for chat, rule in section.groups.items():
                owner = ChatAddress(channel=channel, chat=self._present(channel, chat)).owner
                if rule.context and (session == owner or session.startswith(f"{owner}:")):
                    return rule.context
        return 0

    def _group(self, section: ChannelSection, address: ChatAddress) -> Group | None:
        for chat, rule in section.groups.items():
            if address.chat in {chat, self._present(address.channel, chat)}:
                return rule
        return None

    def lists(self, channel: str, user: str) -> list[str]:
        """The keys of the configuration that name this user, for who wants to take them out."""
        section = self._channels.get(channel)
        return listed_in(channel, section, user) if section else []

    def owners(self, channel: str) -> tuple[str, ...]:
        """Who may see everything on the channel."""
        section = self._channels.get(channel)
        return section.owners if section else ()

    def is_owner(self, channel: str, user: str) -> bool:
        """Whether this person may see everything on the channel."""
        return self.role(channel, user) is Role.OWNER

    def role(self, channel: str, user: str) -> Role:
        """What somebody is who was admitted."""
        return Role.OWNER if user in self.owners(channel) else Role.USER


def listed_in(channel: str, section: ChannelSection, user: str) -> list[str]:
    """The keys of a channel's section that name this user."""
    lists = {f"channels.{channel}.allow": section.allow, f"channels.{channel}.owners": section.owners}
    for chat, rule in section.groups.items():
        lists[f"channels.{channel}.groups.{chat}.allow"] = rule.allow or ()
    return [key for key, users in lists.items() if user in users]


def _of_group(rule: Group, section: ChannelSection) -> tuple[str, ...]:
    return section.allow if rule.allow is None else rule.allow


def _listed(user: str, allow: tuple[str, ...], section: ChannelSection) -> bool:
    return user in allow or user in section.owners or ANYBODY in allow
