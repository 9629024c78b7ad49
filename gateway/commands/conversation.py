"""/new and /stop: the conversation of a chat and thread, and the turn that is being worked on in it."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.chats import Chats
from gateway.commands.base import Answer, Ask, CommandInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """What is being worked on, by session."""

    running_in: Callable[[str], str]  # the id of the turn that is; empty if there is none
    waiting_in: Callable[[str], int]  # how many messages wait for their turn
    cancel: Callable[[str], bool]  # end this turn; False if it is ending already


class NewCommand:
    """Begins a conversation anew."""

    info = CommandInfo(name="new", summary="Begin a new conversation: what was said before is forgotten")

    def __init__(self, chats: Chats, turns: Turns) -> None:
        self._chats = chats
        self._turns = turns

    async def answer(self, ask: Ask) -> Answer:
        await self._chats.begin_anew(ask.session, ask.seq)
        lines = ["A new conversation begins here. What was said before is forgotten; jobs and reminders stay."]
        if self._turns.running_in(ask.session):
            lines.append("What I am working on is still answered, and is not part of it; /stop ends it.")
        return Answer("\n".join(lines))


class StopCommand:
    """Ends the turn of this chat and thread."""

    info = CommandInfo(name="stop", summary="Stop what I am working on here")

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def answer(self, ask: Ask) -> Answer:
        turn = self._turns.running_in(ask.session)
        if not turn:
            said = "I am not working on anything here."
        elif self._turns.cancel(turn):
            said = "Stopped. What was done already stays done."
        else:
            said = "It is ending just now."
        waiting = self._turns.waiting_in(ask.session)
        if not waiting:
            return Answer(said)
        others = "1 message that waits is" if waiting == 1 else f"{waiting} messages that wait are"
        return Answer(f"{said}\n{others} answered next; /stop stops each in its turn.")
