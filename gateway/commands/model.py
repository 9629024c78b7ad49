"""/model: which language model answers in a chat."""

from collections.abc import Sequence

from gateway.chats import Chats
from gateway.commands.base import Answer, Ask, Buttons, CommandInfo
from gateway.commands.text import code
from gateway.errors import UserError
from gateway.messages import Button

DEFAULT = "default"
OFFLINE = "the assistant that is built in (no language model)"
LONGEST_LABEL = 60
BUTTONS = 8


class ModelCommand:
    """Shows and chooses the model of a chat, among those that the operator offers."""

    info = CommandInfo(
        name="model",
        summary="Which language model answers here",
        usage="/model\n/model NAME\n/model default",
    )

    def __init__(self, chats: Chats, *, name: str, choices: Sequence[str]) -> None:
        """`name`: the configured model, empty without one; `choices`: others that may be chosen."""
        self._chats = chats
        self._name = name
        self._choices = tuple(dict.fromkeys((name, *choices))) if name else ()

    async def answer(self, ask: Ask) -> Answer:
        if not self._choices:
            return Answer(f"Here answers {OFFLINE}.")
        if not ask.words:
            return Answer(self._shown(self._present(ask)), self._buttons(ask))
        chosen = self._named(ask.words)
        await self._chats.choose_model(ask.message.address, "" if chosen == self._name else chosen)
        return Answer(
            f"From the next message on, {code(chosen)} answers here. Jobs keep the model that they have."
        )

    def _present(self, ask: Ask) -> str:
        chosen = self._chats.model(ask.message.address)
        return chosen if chosen in self._choices else self._name

    def _shown(self, present: str) -> str:
        if len(self._choices) == 1:
            return f"Here answers {code(present)}. No other model is offered ([model] choices)."
        others = [name for name in self._choices if name != present]
        shown = ", ".join(map(code, others))
        return f"Here answers {code(present)}. Others: {shown}. {code(f'/model {others[-1]}')} chooses one."

    def _buttons(self, ask: Ask) -> Buttons:
        """One for each other model whose name fits into a button, as long as they are few."""
        present = self._present(ask)
        others = [name for name in self._choices if name != present]
        rows = [Button(label=name[:LONGEST_LABEL], data=f"/model {name}") for name in others]
        return tuple((button,) for button in rows if len(button.data.encode()) <= 32)[:BUTTONS]

    def _named(self, words: str) -> str:
        wanted = words.strip()
        if wanted.lower() == DEFAULT:
            return self._name
        found = [name for name in self._choices if name.lower() == wanted.lower()]
        if not found:
            offered = ", ".join(self._choices)  # the desk shows every word of an error as it is
            raise UserError(f"The model {wanted[:60]!r} is not offered here; there are {offered}.")
        return found[0]
