"""Markdown as Slack's messages: rich text blocks, and the same words as plain text beside them; pure.

Rich text says what is bold and what is a link in data of its own. Slack's other form, mrkdwn, says it by
characters in the text, which are read as such wherever they stand (`2*3*4`, `snake_case_name`), and have to touch
white space. So there is nothing to escape in blocks; the text beside them, for notifications and for clients
without blocks, is sent with `mrkdwn` off and has `&`, `<` and `>` escaped
(docs.slack.dev/messaging/formatting-message-text).

What Slack takes:

- 4,000 characters of text at best, 40,000 at most (docs.slack.dev/reference/methods/chat.postMessage#truncating).
  It is measured as it is sent, escaped, in UTF-16 units, so that no other way of counting finds more.
- 50 blocks, each with its containers counted: about 13,200 characters for all blocks of a message, else
  msg_blocks_too_long (github.com/slackapi/bolt-js/issues/2509 and /2867).
- 25 buttons in a block, 75 characters on one, 2,000 in its value, 255 in an id
  (docs.slack.dev/reference/block-kit/blocks/actions-block and /block-elements/button-element).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from channels.files import file_parts, is_wordless
from channels.layout import lay_out
from channels.markdown import parse
from channels.text import Fence, Href, Mark, MarkRoom, Run, Style, spelled_out, split, trim, visible
from gateway.messages import Button, Json, OutboundMessage, Part

REPEAT = "↻ "
LIMIT = 4_000 - len(REPEAT)
ELEMENT = 90  # characters of JSON for a stretch of text with a style of its own, and for the text after it
CONTAINER = 150  # for a fence or a quote, and the section after it
BLOCKS_SIZE = 7_500  # for all elements; with the text itself they stay below Slack's 12,000
LONGEST_ADDRESS = 2_000
LONGEST_LABEL = 75
LONGEST_VALUE = 2_000
MOST_IN_ROW = 25
NOTHING = "…"
"""What stands for a text in which there is nothing to see: Slack refuses an empty message."""

_STYLES = {
    Style.BOLD: "bold",
    Style.HEADING: "bold",
    Style.ITALIC: "italic",
    Style.STRIKE: "strike",
    Style.CODE: "code",
}
_WEB = re.compile(
    r"(?:https?://(?:[\w-]+\.)*[\w-]+(?::\d{1,5})?(?:[/?#]\S*)?|mailto:[^\s@]+@[^\s@]+)", re.IGNORECASE
)
_BARE = re.compile(r"https?://[^\s<>\"'`]*[^\s<>\"'`.,:;!?)\]}…，。：；！？）】]", re.IGNORECASE)
_ALONE = (Href, Fence)


def render(message: OutboundMessage) -> list[Part]:
    """The message's parts, in order; never none. The last one of words has the buttons, files come behind them.

    ValueError when a button's data is too long for Slack.
    """
    files, buttons = file_parts(message), _buttons(message)
    if is_wordless(message) and not buttons:
        return files
    parts = [part for part in _cut(message.text) if _is_seen(visible(part))] or [[Run(NOTHING)]]
    words = [_part(part, buttons if part is parts[-1] else []) for part in parts]
    return [*words, *files]


def _cut(text: str) -> list[list[Run]]:
    runs = list(_linked(lay_out(parse(text), is_linkable)))
    return [trim(part, LIMIT, size) for part in split(runs, LIMIT, size, marks=ROOM)]


def marked(payload: Mapping[str, Json]) -> dict[str, Json]:
    """The payload with the sign of a repeat before its text; there is room for it."""
    told = {**payload, "text": REPEAT + payload["text"]}
    if "blocks" in payload:
        words, *rest = payload["blocks"]
        told["blocks"] = [_block(_signed(words["elements"])), *rest]
    return told


def _signed(elements: Sequence[Json]) -> list[Json]:
    """The elements of a block with the sign of a repeat before their words."""
    sign = {"type": "text", "text": REPEAT}
    first, *rest = elements
    if first["type"] != "rich_text_section":
        return [{"type": "rich_text_section", "elements": [sign]}, *elements]
    return [{**first, "elements": [sign, *first["elements"]]}, *rest]


def size(text: str) -> int:
    """The length of a text as it is sent."""
    units = len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
    return units + 4 * text.count("&") + 3 * (text.count("<") + text.count(">"))


def is_linkable(url: str) -> bool:
    """Whether it can be a link element: Slack refuses the whole message for an address that it cannot read."""
    return len(url) <= LONGEST_ADDRESS and bool(_WEB.fullmatch(url))


def _load(mark: Mark) -> int:
    if isinstance(mark, Href):
        return ELEMENT + len(mark.url)
    return CONTAINER if isinstance(mark, Fence) or mark is Style.QUOTE else ELEMENT


ROOM = MarkRoom(most=BLOCKS_SIZE, load=_load)


def _linked(runs: Iterable[Run]) -> Iterator[Run]:
    """The runs, with addresses in the text as links: in rich text nothing becomes one by itself."""
    for run in runs:
        if "://" not in run.text or any(isinstance(mark, _ALONE) or mark is Style.CODE for mark in run.marks):
            yield run
            continue
        position = 0
        for found in _BARE.finditer(run.text):
            if is_linkable(found[0]):
                yield Run(run.text[position : found.start()], run.marks)
                yield Run(found[0], (*run.marks, Href(found[0])))
                position = found.end()
        yield Run(run.text[position:], run.marks)


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc")  # letters and symbols that are empty


def _is_seen(text: str) -> bool:
    return any(one not in _BLANK and unicodedata.category(one) not in _INVISIBLE for one in text)


# -- one part -----------------------------------------------------------------------------------------------------


def _part(runs: Sequence[Run], buttons: list[Json]) -> Part:
    plain: dict[str, Json] = {"text": _escaped(_plain(runs))}
    if buttons:
        plain["blocks"] = [_words(visible(runs)), *buttons]
    return Part(payload={"text": _escaped(visible(runs)), "blocks": [_rich(runs), *buttons]}, plain=plain)


def _rich(runs: Sequence[Run]) -> Json:
    """The runs as one block: sections, quotes and fences, one below the other."""
    groups = [(kind, _merged(group)) for kind, group in groupby((run for run in runs if run.text), _kind_of)]
    elements: list[Json] = []
    for number, (kind, group) in enumerate(groups):
        words = _without_breaks(group, first=number == 0, last=number == len(groups) - 1)
        inside = [_element(run, kind) for run in words]
        if inside:
            elements.append({"type": kind, "elements": inside})
    return _block(elements)


def _merged(runs: Iterable[Run]) -> list[Run]:
    """Neighbours with the same marks as one."""
    alike = groupby(runs, lambda run: run.marks)
    return [Run("".join(run.text for run in group), marks) for marks, group in alike]


def _words(text: str) -> Json:
    """Words without formatting, where there have to be blocks because of the buttons."""
    return _block([{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}])


def _block(elements: list[Json]) -> Json:
    return {"type": "rich_text", "elements": elements}


def _kind_of(run: Run) -> str:
    if any(isinstance(mark, Fence) for mark in run.marks):
        return "rich_text_preformatted"
    return "rich_text_quote" if Style.QUOTE in run.marks else "rich_text_section"


def _without_breaks(runs: list[Run], *, first: bool, last: bool) -> list[Run]:
    """Without the line break before and after it, which Slack makes by itself between two elements.

    Of a break between two of them only one is taken: the one that the section brings.
    """
    if _kind_of(runs[0]) != "rich_text_section":
        return runs
    if not first and runs[0].text.startswith("\n"):
        runs = [Run(runs[0].text[1:], runs[0].marks), *runs[1:]]
    if not last and runs and runs[-1].text.endswith("\n"):
        runs = [*runs[:-1], Run(runs[-1].text[:-1], runs[-1].marks)]
    return [run for run in runs if run.text]


def _element(run: Run, kind: str) -> Json:
    address = next((mark.url for mark in run.marks if isinstance(mark, Href)), "")
    element: dict[str, Json] = {"type": "text", "text": run.text}
    if address:
        element = {"type": "link", "url": address, "text": run.text}
    styles = {_STYLES[mark]: True for mark in run.marks if isinstance(mark, Style) and mark in _STYLES}
    if styles and kind != "rich_text_preformatted":
        element["style"] = styles
    return element


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(runs: Sequence[Run]) -> str:
    """The visible text; the addresses of its links after their words, if there is room for all of them."""
    told = spelled_out(runs)
    return told if size(told) <= LIMIT else visible(runs)


# -- buttons ------------------------------------------------------------------------------------------------------


def _buttons(message: OutboundMessage) -> list[Json]:
    rows = [
        row[start : start + MOST_IN_ROW] for row in message.buttons for start in range(0, len(row), MOST_IN_ROW)
    ]
    return [
        {
            "type": "actions",
            "elements": [_button(message.asker, one, f"{number}.{place}") for place, one in enumerate(row)],
        }
        for number, row in enumerate(rows)
    ]


def _button(asker: str, button: Button, name: str) -> Json:
    value = f"{asker}|{button.data}"
    if len(value) > LONGEST_VALUE:
        raise ValueError(
            f"the button {button.label!r} has more data than Slack takes ({LONGEST_VALUE} characters)"
        )
    label = button.label if len(button.label) <= LONGEST_LABEL else f"{button.label[: LONGEST_LABEL - 1]}…"
    return {
        "type": "button",
        "action_id": name,
        "text": {"type": "plain_text", "text": label, "emoji": False},
        "value": value,
    }
