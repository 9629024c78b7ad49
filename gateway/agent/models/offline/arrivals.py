"""Files for an assistant that cannot look at any: words that came with them are understood without them; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway.agent.model import PromptItem, UserText
from gateway.agent.overheard import is_overheard


def without_files(items: Sequence[PromptItem]) -> Sequence[PromptItem]:
    """The session with the files of each message behind its words, and without what was only overheard.

    What was said in a voice message stands as words. Files without any stay as one item that says what to answer.
    """
    items = [item for item in items if not is_overheard(item)]
    if not any(isinstance(item, UserText) and item.arrived for item in items):
        return items
    return list(_joined(items))


def files_only(item: PromptItem) -> str:
    """What to answer to files that came without a word; empty where there is one."""
    return item.arrived if isinstance(item, UserText) and not item.text.strip() else ""


def _joined(items: Sequence[PromptItem]) -> Iterator[PromptItem]:
    said: list[UserText] = []
    for item in items:
        if isinstance(item, UserText):
            said.append(item)
            continue
        yield from _as_words(said)
        said = []
        yield item
    yield from _as_words(said)


def _as_words(said: Sequence[UserText]) -> Sequence[UserText]:
    """What was said in a row: an album is several messages, and the words may stand in any of them."""
    arrived = [item.arrived for item in said if item.arrived]
    if not arrived:
        return said
    words = [item for item in said if item.text.strip()]
    return words or [replace(said[-1], arrived="\n".join(dict.fromkeys(arrived)))]
