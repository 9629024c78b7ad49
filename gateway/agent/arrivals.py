"""Arrivals: the port to what becomes of the files that come with a message, and the answer without any keeper."""

from dataclasses import dataclass
from typing import Protocol

from gateway.agent.model import UserText
from gateway.messages import Attachment, InboundMessage, Media

NAMES = {
    Media.PICTURE: "a picture",
    Media.VOICE: "a voice message",
    Media.AUDIO: "a recording",
    Media.VIDEO: "a video",
    Media.FILE: "a file",
}
"""What is said of a file that has no other name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What became of a message's files. A turn records it as a step, so that a replay asks for no file twice."""

    note: str  # for a model: what came, where it is kept, what could not be had
    pictures: tuple[str, ...] = ()  # paths in the workspace that a model is shown
    spoken: str = ""  # what was said in voice messages: it counts as words of the person
    answer: str = ""  # for the person: all that an assistant can say of the files that does not look at them

    def said(self) -> UserText:
        """As it stands in the transcript, behind the message that the files came with."""
        return UserText(self.spoken, self.note, pictures=self.pictures, arrived=self.answer)


class Arrivals(Protocol):
    """Fetches what came with a message."""

    async def arrived(self, message: InboundMessage, seq: int) -> Arrived:
        """Keep the files of the message, which is the row `seq` of the inbox. Asked again, it finds what it kept.

        Never raises for a file that cannot be had: the note says so.
        """


class Unopened:
    """Keeps nothing: the agent is told what came."""

    async def arrived(self, message: InboundMessage, seq: int) -> Arrived:
        shown = ", ".join(sorted({_name(one) for one in message.attachments}))
        return Arrived(note=f"{shown} came with it, which cannot be opened here", answer="I can only read text.")


def _name(one: Attachment) -> str:
    return NAMES[one.kind]
