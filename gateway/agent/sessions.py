"""A session's transcript: what was said in it, read from the journal's steps, bounded by a budget of tokens."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway import inbox
from gateway.agent import journal
from gateway.agent.model import ModelReply, PromptItem, ToolResult, UserText
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.messages import InboundMessage

CACHED = 256  # sessions
TURNS = 500  # of one session, at most
KEPT = 0.75  # of the budget, after a cut: cutting rarely keeps the beginning equal, for the provider's cache


Words: TypeAlias = Callable[[InboundMessage], UserText]
"""A message as it stands in a transcript."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn as later turns see it. It is seen whole or not at all: a call and its result stay together."""

    seq: int
    items: tuple[PromptItem, ...]
    tokens: int


class Transcript:
    """The exchanges of one session that still fit, oldest first."""

    def __init__(self, budget: int, begins: int = 0) -> None:
        """`begins`: the last row of the inbox that is not part of it."""
        self.items: list[PromptItem] = []
        self.begins = begins
        self.last = begins
        self._budget = budget
        self._sizes: list[tuple[int, int]] = []  # (items, tokens) of each exchange
        self._tokens = 0

    def add(self, exchange: Exchange) -> None:
        self.items.extend(exchange.items)
        self.last = exchange.seq
        self._sizes.append((len(exchange.items), exchange.tokens))
        self._tokens += exchange.tokens
        if self._tokens > self._budget or len(self._sizes) > TURNS:
            self._cut()

    def _cut(self) -> None:
        goal_tokens, goal_turns = self._budget * KEPT, TURNS * KEPT
        dropped = items = 0
        while dropped < len(self._sizes) and (
            self._tokens > goal_tokens or len(self._sizes) - dropped > goal_turns
        ):
            count, tokens = self._sizes[dropped]
            items, dropped = items + count, dropped + 1
            self._tokens -= tokens
        del self._sizes[:dropped], self.items[:items]


class Sessions:
    """Transcripts, the most recently used ones in memory."""

    def __init__(
        self,
        database: Database,
        *,
        budget: int,
        words: Words,
        begins: Callable[[str], int] = lambda _session: 0,
    ) -> None:
        """`budget`: tokens that the past may take in a prompt. `begins`: the row after which a session begins."""
        self._database = database
        self._words = words
        self._budget = budget
        self._begins = begins
        self._cache: OrderedDict[str, Transcript] = OrderedDict()

    async def before(self, session: str, seq: int) -> Sequence[PromptItem]:
        """What was said in the session before the turn `seq`."""
        transcript, begins = self._cache.get(session), self._begins(session)
        if transcript is None or transcript.begins != begins:
            transcript = await self._read(session, seq, begins)
            self._cache[session] = transcript
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        self._cache.move_to_end(session)
        return transcript.items

    async def _read(self, session: str, seq: int, begins: int) -> Transcript:
        transcript, budget, words = Transcript(self._budget, begins), self._budget, self._words
        for exchange in await self._database.read(lambda t: past(t, session, seq, budget, words, after=begins)):
            transcript.add(exchange)
        return transcript

    def add(self, session: str, seq: int, items: Sequence[PromptItem]) -> None:
        """A turn of the session is over; one from before the session's beginning is no part of it."""
        transcript = self._cache.get(session)
        if transcript is not None and seq > transcript.last:
            transcript.add(closed_exchange(seq, items))


def past(
    transaction: Transaction, session: str, seq: int, budget: int, words: Words, *, after: int = 0
) -> list[Exchange]:
    """The newest exchanges of a session between `after` and `seq` that fit into the budget, oldest first."""
    found: list[Exchange] = []
    tokens = 0
    for turn, message, _ in transaction.execute(sql.TURNS_BEFORE, (session, seq, TURNS)).fetchall():
        if turn <= after:
            break
        said = words(inbox.decode(message))
        one = closed_exchange(turn, [said, *journal.items(journal.steps_of(transaction, turn))])
        tokens += one.tokens
        if tokens > budget:
            break
        found.append(one)
    return found[::-1]


def closed_exchange(seq: int, items: Sequence[PromptItem]) -> Exchange:
    """An exchange without loose ends: calls that never got a result get one that says so."""
    closed = _closed(items)
    return Exchange(seq, closed, sum(tokens_of(item) for item in closed))


def _closed(items: Sequence[PromptItem]) -> tuple[PromptItem, ...]:
    results = {item.call_id for item in items if isinstance(item, ToolResult)}
    closed: list[PromptItem] = []
    for item in items:
        if isinstance(item, ModelReply) and not item.text and not item.calls:
            continue  # silence needs no place in a transcript
        closed.append(item)
        if isinstance(item, ModelReply):
            closed.extend(
                ToolResult(call_id=call.id, name=call.name, text="not run: the turn ended before")
                for call in item.calls
                if call.id not in results
            )
    return tuple(closed)


def tokens_of(item: PromptItem) -> int:
    """A rough count, on the safe side: three bytes of UTF-8 a token, and four for the frame."""
    match item:
        case UserText(text):
            size = _bytes(text)
        case ModelReply(text=text, calls=calls):
            size = _bytes(text) + sum(_bytes(call.arguments) + len(call.name) + 20 for call in calls)
        case ToolResult(text=text):
            size = _bytes(text) + 20
    return size // 3 + 4


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
