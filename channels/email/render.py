"""Markdown as a mail: its subject, its words, and the same as HTML; pure."""

import unicodedata
from collections.abc import Sequence

from channels.email.html import is_linkable, page
from channels.layout import lay_out
from channels.markdown import parse
from channels.text import Href, Run, stretches, visible
from gateway.media import sizes
from gateway.messages import Attachment, Json, OutboundMessage, Part

LONGEST_SUBJECT = 120  # characters; programs show some 70 of them
NOTHING = "…"
LARGEST = 18_000_000
"""Bytes of all files of a mail. As base64 they are a third more, and Gmail takes 25 MB
(https://support.google.com/mail/answer/6584); others take as much or less, and then refuse the mail (552)."""


def render(message: OutboundMessage, *, prefix: str = "") -> list[Part]:
    """One part, however long: mails have no limit that a text reaches.

    The subject is the thread's name, so that mail programs keep its mails together; without one, the first line.
    `prefix`: what every subject begins with.
    """
    files, note = _fitting(message.attachments)
    tree = parse("\n\n".join(filter(None, [message.text.strip("\n"), note])))
    runs = lay_out(tree, is_linkable)
    text = _readable(runs).strip("\n") or NOTHING
    first = next((line for line in visible(runs).splitlines() if line.strip()), NOTHING)
    payload: dict[str, Json] = {
        "subject": subject(f"{prefix} {message.address.thread or first}"),
        "text": f"{text}\n",
        "html": page(tree),
    }
    if files:
        payload["files"] = [[one.path, one.name, one.media_type] for one in files]
    return [Part(payload=payload)]


def _fitting(attachments: Sequence[Attachment]) -> tuple[list[Attachment], str]:
    """The files that fit into a mail together, and a sentence about the others: none vanishes silently."""
    room, files, others = LARGEST, list[Attachment](), list[str]()
    for one in attachments:
        if one.size > room:
            others.append(f"{one.name} ({sizes.words(one.size)})")
        else:
            room -= one.size
            files.append(one)
    note = f"Not attached, because a mail holds {sizes.words(LARGEST)}: {', '.join(others)}" if others else ""
    return files, note


def subject(text: str) -> str:
    """One bounded line: no character of it can end a header, or turn the order of what is read."""
    shown = "".join(" " if unicodedata.category(one)[0] in "CZ" and one != " " else one for one in text)
    line = " ".join(shown.split())
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1].rstrip()}…"


def _readable(runs: Sequence[Run]) -> str:
    """The words; the address of a link after its words."""
    text = visible(runs)
    pieces: list[str] = []
    position = 0
    for stretch in stretches(runs):
        if isinstance(stretch.mark, Href):
            address = stretch.mark.url.removeprefix("mailto:")
            if text[stretch.start : stretch.end].strip() not in {address, stretch.mark.url}:
                pieces += [text[position : stretch.end], f" ({address})"]
                position = stretch.end
    return "".join([*pieces, text[position:]])
