"""What is told of an answer while it comes: its text so far, without the model's thoughts; pure."""

import re

from pydantic_ai.messages import ModelResponseStreamEvent, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

from gateway.agent.model import HEARD, Hear
from gateway.agent.models.hosted.payload import clean

THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
"""Thoughts that came in one piece with the answer; those that came in pieces are sorted out before."""

_OPENING = "<think>"


class Hearing:
    """Follows one answer."""

    def __init__(self, hear: Hear | None) -> None:
        self._hear = hear
        self._text = ""
        self._told = ""

    def piece(self, event: ModelResponseStreamEvent) -> None:
        """One more piece of the answer has come."""
        if self._hear is None or len(self._text) >= HEARD:
            return
        if more := _words(event):
            self._text += more
            shown = visible(self._text)
            if shown and shown != self._told:
                self._told = shown
                self._hear(shown)


def _words(event: ModelResponseStreamEvent) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=words)):
            return words
        case PartDeltaEvent(delta=TextPartDelta(content_delta=words)):
            return words
        case _:
            return ""


def visible(text: str) -> str:
    """The beginning of an answer without thoughts: nothing, as long as it may be one."""
    begun = text.lstrip()
    if begun.startswith(_OPENING):
        rest = THOUGHTS.sub("", text, count=1)
        return "" if rest == text else clean(rest.strip())
    return "" if _OPENING.startswith(begun) else clean(begun.rstrip())
