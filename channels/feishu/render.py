"""Markdown as Feishu's messages: which form a message takes, its parts, and the plain text beside each; pure.

What Feishu takes (https://open.feishu.cn/document/server-docs/im-v1/message/create):

- 30 KB in the request of a card or a post, 150 KB in that of a text. A part here stays below 28,000 bytes, as the
  request has them: its content is JSON in JSON, so that a quotation mark takes four.
- A card can be edited without end for 14 days, a post 20 times, and neither can become the other
  (…/message-card/patch and …/message/update): what grows, replaces something or has buttons is a card.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from channels.feishu import cards, posts
from channels.feishu.seal import Seal
from channels.files import file_parts, is_wordless
from channels.layout import lay_out
from channels.markdown import parse
from channels.text import Href, MarkRoom, Run, spelled_out, split, trim, visible
from gateway.messages import Caller, Json, OutboundMessage, Part

TEXT, POST, CARD = "text", "post", "interactive"

REPEAT = "↻ "
LARGEST = 28_000  # bytes of a content, escaped once more
LIMIT = 20_000  # what a part is cut to at first, by the estimate below
SMALLEST = 200
MARKS = 12_000  # and the share of its marks
NOTHING = "…"
"""What stands for a text in which there is nothing to see: Feishu refuses an empty message."""

LINE = 40  # about what a line costs
ESCAPED = 5  # and a character that is escaped, besides itself
_ESCAPES = b'"\\*_~`[]<>&#|!'


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the runs of a part become the content of a message."""

    kind: str  # of the message, as Feishu calls it
    content: Callable[[Sequence[Run], Json], Json]  # of the runs and the rows of buttons
    room: MarkRoom


def _room(size: int) -> MarkRoom:
    """`size`: about what a mark costs, in bytes."""
    return MarkRoom(most=MARKS, load=lambda mark: size + (len(mark.url.encode()) if isinstance(mark, Href) else 0))


_CARD = Form(kind=CARD, content=cards.content, room=_room(10))
_POST = Form(kind=POST, content=posts.content, room=_room(80))


def render(message: OutboundMessage, seal: Seal) -> list[Part]:
    """The message's parts, in order; never none. The last one with words has the buttons, files come behind.

    ValueError when there are more buttons than a card takes.
    """
    files = [_addressed(part, message) for part in file_parts(message)]
    if is_wordless(message) and files:
        return files
    form = _CARD if _is_card(message) else _POST
    rows = cards.rows(message, seal)
    parts = _cut(lay_out(parse(message.text), is_linkable), form, len(orjson.dumps(rows))) or [[Run(NOTHING)]]
    return [_part(part, form, message, rows if part is parts[-1] else []) for part in parts] + files


def _is_card(message: OutboundMessage) -> bool:
    grows = message.passing or message.caller is Caller.REPLY
    return bool(grows or message.buttons or message.edits or message.replaces)


def is_linkable(url: str) -> bool:
    """Whether it is a link of the web; any other is shown."""
    return url.lower().startswith(("http://", "https://")) and len(url) <= 2_000 and not any(map(str.isspace, url))


def measure(text: str) -> int:
    """About how many bytes of a request a text takes; the sum of its pieces."""
    data = text.encode("utf-8", "surrogatepass")
    escaped = len(data) - len(data.translate(None, _ESCAPES))
    return len(data) + ESCAPED * escaped + LINE * data.count(b"\n")


# -- parts -------------------------------------------------------------------------------------------------------


def _cut(runs: Sequence[Run], form: Form, buttons: int, limit: int = LIMIT) -> list[list[Run]]:
    """Parts whose content is not too large; what the estimate was wrong about is cut again, smaller."""
    found: list[list[Run]] = []
    for part in split(runs, limit, measure, marks=form.room):
        cut = trim(part, limit, measure)
        if limit > SMALLEST and _size(form, cut) + 2 * buttons > LARGEST:
            found += _cut(part, form, buttons, limit // 2)
        elif is_seen(visible(cut)):
            found.append(cut)
    return found


def _size(form: Form, runs: Sequence[Run]) -> int:
    return len(orjson.dumps(written(form.content(runs, []))))


def _part(runs: Sequence[Run], form: Form, message: OutboundMessage, rows: Json) -> Part:
    words = spelled_out(runs)
    if rows and message.hint:
        words = f"{words}\n\n{message.hint}"
    formatted = {"type": form.kind, "content": written(form.content(runs, rows))}
    plain = {"type": TEXT, "content": written({"text": harmless(words)})}
    return _addressed(Part(payload=formatted, plain=plain), message)


def _addressed(part: Part, message: OutboundMessage) -> Part:
    """In a thread, a message stands under the one that it answers; elsewhere it opens no thread."""
    if not (message.address.thread and message.reply_to):
        return part
    rest = {"reply_to": message.reply_to}
    return Part(payload={**part.payload, **rest}, plain=None if part.plain is None else {**part.plain, **rest})


def written(content: Json) -> str:
    """A content as Feishu wants it: JSON in a text."""
    return orjson.dumps(content).decode()


# -- what is changed on the way ----------------------------------------------------------------------------------


def marked(payload: Mapping[str, Json]) -> dict[str, Json]:
    """The payload with the sign of a repeat before its words."""
    content = orjson.loads(payload["content"])
    match payload["type"]:
        case "text":
            content["text"] = REPEAT + content["text"]
        case "post":
            content = posts.marked(content, REPEAT)
        case _:
            content = cards.marked(content, REPEAT)
    return {**payload, "content": written(content)}


def as_card(payload: Mapping[str, Json]) -> str:
    """The content of a plain text as that of a card: for a card that it takes the place of."""
    text = orjson.loads(payload["content"])["text"]
    return written(cards.content([Run(text)], []))


def words_of(payload: Mapping[str, Json]) -> str:
    """What a payload says, for who answers it: without its formatting."""
    content = orjson.loads(payload["content"])
    match payload["type"]:
        case "text":
            return str(content["text"])
        case "post":
            return posts.words(content)
        case _:
            return str(content["config"]["summary"]["content"])


def harmless(text: str) -> str:
    """Words of a plain text in which nothing is taken for a tag: `<at user_id="all">` calls everybody."""
    return _TAG.sub("<\u200b", text)


def is_seen(text: str) -> bool:
    """Whether there is anything to see in it."""
    return any(one not in _BLANK and unicodedata.category(one) not in _INVISIBLE for one in text)


_TAG = re.compile(r"<(?=/?[a-z])", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc")  # letters and symbols that are empty
