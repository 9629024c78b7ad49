"""Runs as an interactive card: Markdown in Feishu's dialect, with buttons below; pure.

The dialect and what must be escaped in it:
https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-json-v2-components/content-components/rich-text
The card: https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-json-v2-structure, at most 200
components and elements (…/feishu-cards/card-json-v2-components/component-json-v2-overview); an edited card must be
a shared one (`update_multi`), before and after.
"""

import re
from collections.abc import Iterable, Sequence

from channels.feishu.posts import fence_of, lines
from channels.feishu.seal import Seal, Sealed
from channels.text import Href, Mark, Run, Style, visible
from gateway.messages import Json, OutboundMessage

MOST_BUTTONS = 60  # with its column and its label, each is three of the 200
LONGEST_LABEL = 100  # characters
LONGEST_SUMMARY = 100  # characters: what the list of chats shows of a card

SIGNS: dict[Mark, str] = {Style.BOLD: "**", Style.HEADING: "**", Style.ITALIC: "*", Style.STRIKE: "~~"}

_SPECIAL = re.compile(r"[&<>*_~`\[\]\\#|!]|:(?=\w+:)")
_AT_START = re.compile(r"(\d+)\.(?=\s)|[-+=](?=\s|[-+=]*$)")
_TAGS = re.compile(r"<(?=/?[a-z])", re.IGNORECASE)
_THIN = "\u200a"  # a space that is hardly seen, where emphasis would not be recognised otherwise
_BETWEEN = "\u200b"  # parts what would be taken for something else; nothing is seen of it
_ADDRESS = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", " ": "%20", '"': "%22", "\\": "%5C"})
_BARE = re.compile(r"https?://[^\s<>\"'`\[\]\\()]*[^\s<>\"'`\[\]\\().,;:!?。，；：！？]")


def content(runs: Sequence[Run], rows: Json) -> Json:
    """The card that shows these runs, and rows of buttons as `rows` makes them."""
    text = {"tag": "markdown", "content": markdown(runs)}
    return {
        "schema": "2.0",
        "config": {"update_multi": True, "summary": {"content": _summary(visible(runs))}},
        "body": {"elements": [text, *rows]},
    }


def rows(message: OutboundMessage, seal: Seal) -> Json:
    """The rows of the message's buttons as elements of a card. ValueError when they are too many for one."""
    if sum(map(len, message.buttons)) > MOST_BUTTONS:
        raise ValueError(f"a card takes {MOST_BUTTONS} buttons at most")
    found: list[Json] = []
    for row in message.buttons:
        columns = []
        for button in row:
            sealed = Sealed(
                chat=message.address.chat,
                thread=message.address.thread,
                asker=message.asker,
                data=button.data,
            )
            columns.append(_column(button.label, seal.value(sealed)))
        if columns:
            found.append({"tag": "column_set", "flex_mode": "flow", "columns": columns})
    return found


def _column(label: str, value: Json) -> Json:
    button = {
        "tag": "button",
        "type": "default",
        "text": {"tag": "plain_text", "content": label[:LONGEST_LABEL]},
        "behaviors": [{"type": "callback", "value": value}],
    }
    return {"tag": "column", "width": "auto", "elements": [button]}


def marked(card: Json, sign: str) -> Json:
    """The card with a sign before its words."""
    text, *rest = card["body"]["elements"]
    summary = {"content": sign + card["config"]["summary"]["content"]}
    return {
        **card,
        "config": {**card["config"], "summary": summary},
        "body": {"elements": [{**text, "content": sign + text["content"]}, *rest]},
    }


def _summary(text: str) -> str:
    return " ".join(text.split())[:LONGEST_SUMMARY] or "…"


# -- Markdown ----------------------------------------------------------------------------------------------------


def markdown(runs: Iterable[Run]) -> str:
    """The runs in Feishu's dialect: every character that is not ours to mean something is escaped."""
    return "\n".join(map(_line, lines(runs)))


def _line(line: Sequence[Run]) -> str:
    if line and fence_of(line[0]) is not None:
        return _fence(line[0])
    quoted = bool(line) and Style.QUOTE in line[0].marks
    pieces: list[str] = []
    for place, run in enumerate(line):
        before = line[place - 1].text[-1:] if place else ""
        after = line[place + 1].text[:1] if place + 1 < len(line) else ""
        pieces.append(_run(run, before, after, first=place == 0))
    return ("> " if quoted else "") + "".join(pieces)


def _fence(run: Run) -> str:
    fence = fence_of(run)
    text = run.text.replace("```", f"``{_BETWEEN}`")
    return f"```{fence.language if fence else ''}\n{_TAGS.sub('<' + _BETWEEN, text)}\n```"


def _run(run: Run, before: str, after: str, *, first: bool) -> str:
    text = run.text.strip()
    if not text:
        return _blank(run.text) if first else run.text
    lead = run.text[: len(run.text) - len(run.text.lstrip())]
    tail = run.text[len(run.text.rstrip()) :]
    link = next((mark.url for mark in run.marks if isinstance(mark, Href)), "")
    if Style.CODE in run.marks and not link and not set(text) & {"`", "<"}:
        shown, signs = f"`{text}`", ""
    else:
        shown = _escaped(text, first=first) if not link else _escaped(text, first=False)
        signs = "".join(dict.fromkeys(SIGNS[mark] for mark in run.marks if mark in SIGNS))
    if link:
        shown = f"[{shown}]({link.translate(_ADDRESS)})"
    if signs:
        shown = _emphasised(shown, signs, text, lead or before, tail or after)
    return (_blank(lead) if first else lead) + shown + tail


def _emphasised(shown: str, signs: str, text: str, before: str, after: str) -> str:
    """Between signs, which are only recognised at the edges of words: there is made room where there is none."""
    left = _THIN if before and not before[-1].isspace() and not text[0].isalnum() else ""
    right = _THIN if after and not after[0].isspace() and not text[-1].isalnum() else ""
    return f"{left}{signs}{shown}{_mirrored(signs)}{right}"


def _mirrored(signs: str) -> str:
    pieces = re.findall(r"\*\*|~~|\*", signs)
    return "".join(reversed(pieces))


def _blank(space: str) -> str:
    """White space at the start of a line as what stays: four plain spaces would be a block of code."""
    return space.replace(" ", "\u00a0").replace("\t", "\u00a0" * 4)


def _escaped(text: str, *, first: bool) -> str:
    """`first`: at the start of a line, where more characters mean something."""
    pieces: list[str] = []
    place = 0
    if first and (found := _AT_START.match(text)):
        sign = found[0][-1]
        pieces.append(f"{found[0][:-1]}&#{ord(sign)};")
        place = found.end()
    for address in _BARE.finditer(text, place):
        pieces.append(_SPECIAL.sub(_entity, text[place : address.start()]))
        pieces.append(f"[{_SPECIAL.sub(_entity, address[0])}]({address[0].translate(_ADDRESS)})")
        place = address.end()
    pieces.append(_SPECIAL.sub(_entity, text[place:]))
    return "".join(pieces)


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"
