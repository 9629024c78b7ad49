"""A session's transcript: what was said in it, read from the journal's steps, bounded by a budget of tokens."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import orjson

from gateway import inbox
from gateway.agent import journal
from gateway.agent.model import ModelReply, PromptItem, ToolCall, ToolResult, UserText
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.messages import Due, InboundMessage

CACHED = 256  # sessions
TURNS = 500  # of one session, at most
LAST = 2**63 - 1  # beyond every row of the inbox
KEPT = 0.75  # of the budget, after a cut: cutting rarely keeps the beginning equal, for the provider's cache
MESSAGE_TOOL = "message"
RUNS = 5  # of one job: a session that a job works in does not fill with its runs


Words: TypeAlias = Callable[[InboundMessage], UserText]
"""A message as it stands in a transcript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhearing:
    """What of a group's talk that was not meant for the bot stands before its turns."""

    count: Callable[[str], int]  # of messages, at most, in a session
    words: Callable[[Sequence[InboundMessage]], UserText]


NOTHING_OVERHEARD = Overhearing(count=lambda _session: 0, words=lambda _messages: UserText(""))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn as later turns see it. It is seen whole or not at all: a call and its result stay together."""

    seq: int
    items: tuple[PromptItem, ...]
    tokens: int
    by: str = ""  # the job whose run it was; empty: a person's turn


class Transcript:
    """The exchanges of one session that still fit, oldest first; of the runs of one job only the last RUNS."""

    def __init__(self, budget: int, begins: int = 0) -> None:
        """`begins`: the last row of the inbox that is not part of it."""
        self.items: list[PromptItem] = []
        self.begins = begins
        self.last = begins
        self._budget = budget
        self._exchanges: list[Exchange] = []
        self._runs: Counter[str] = Counter()  # of each job
        self._tokens = 0

    def add(self, exchange: Exchange) -> None:
        self.items.extend(exchange.items)
        self.last = exchange.seq
        self._exchanges.append(exchange)
        self._tokens += exchange.tokens
        if exchange.by:
            self._runs[exchange.by] += 1
            if self._runs[exchange.by] > RUNS:
                self._drop_first_of(exchange.by)
        if self._tokens > self._budget or len(self._exchanges) > TURNS:
            self._cut()

    def for_a_run(self) -> list[PromptItem]:
        """What a scheduled turn sees: of the runs of each job only the last, so that no prompt grows with them."""
        last = {exchange.by: exchange.seq for exchange in self._exchanges}
        seen = [one for one in self._exchanges if not one.by or one.seq == last[one.by]]
        return [item for exchange in seen for item in exchange.items]

    def messages(self) -> list[PromptItem]:
        """What people wrote and what they could read, each as one item."""
        return [item for exchange in self._exchanges for item in spoken(exchange)]

    def _drop_first_of(self, job: str) -> None:
        at = next(n for n, exchange in enumerate(self._exchanges) if exchange.by == job)
        begin = sum(len(exchange.items) for exchange in self._exchanges[:at])
        del self.items[begin : begin + len(self._exchanges[at].items)]
        self._forget(self._exchanges.pop(at))

    def _cut(self) -> None:
        goal_tokens, goal_turns = self._budget * KEPT, TURNS * KEPT
        dropped = items = 0
        while dropped < len(self._exchanges) and (
            self._tokens > goal_tokens or len(self._exchanges) - dropped > goal_turns
        ):
            exchange = self._exchanges[dropped]
            items, dropped = items + len(exchange.items), dropped + 1
            self._forget(exchange)
        del self._exchanges[:dropped], self.items[:items]

    def _forget(self, exchange: Exchange) -> None:
        self._tokens -= exchange.tokens
        if exchange.by:
            self._runs[exchange.by] -= 1


class Sessions:
    """Transcripts, the most recently used ones in memory."""

    def __init__(
        self,
        database: Database,
        *,
        budget: int,
        words: Words,
        begins: Callable[[str], int] = lambda _session: 0,
        overhearing: Overhearing = NOTHING_OVERHEARD,
    ) -> None:
        """`budget`: tokens that the past may take in a prompt. `begins`: the row after which a session begins."""
        self._database = database
        self._words = words
        self._budget = budget
        self._begins = begins
        self._overhearing = overhearing
        self._overheard: dict[str, tuple[int, UserText]] = {}  # by session: what stands before its present turn
        self._cache: OrderedDict[str, Transcript] = OrderedDict()
        self._forgotten = 0  # how often something was: what is being read meanwhile may be old already

    async def before(self, session: str, seq: int) -> Sequence[PromptItem]:
        """What was said in the session before the turn `seq`, and last what was overheard since the one before.

        It was overheard for good: it stands there in the prompts of later turns too, so that they begin alike.
        """
        items = (await self._transcript(session, seq)).items
        self._overheard.pop(session, None)
        if not (count := self._overhearing.count(session)):
            return items
        begins = self._begins(session)
        found = await self._database.read(lambda t: overheard(t, session, seq, count, after=begins))
        if not found:
            return items
        said = self._overhearing.words(found)
        self._overheard[session] = seq, said
        return [*items, said]

    async def before_run(self, session: str, seq: int) -> Sequence[PromptItem]:
        """The same for a scheduled turn, which sees only the last run of each job."""
        return (await self._transcript(session, seq)).for_a_run()

    async def last_messages(self, session: str, seq: int, count: int) -> Sequence[PromptItem]:
        """The last `count` messages of the session before the row `seq`, without what tools did in between."""
        return (await self._transcript(session, seq)).messages()[-count:] if count > 0 else []

    async def _transcript(self, session: str, seq: int) -> Transcript:
        transcript, begins, forgotten = self._cache.get(session), self._begins(session), self._forgotten
        if transcript is None or transcript.begins != begins:
            transcript, whole = await self._read(session, seq, begins)
            if not whole or forgotten != self._forgotten:
                return transcript
            self._cache[session] = transcript
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        self._cache.move_to_end(session)
        return transcript

    async def _read(self, session: str, seq: int, begins: int) -> tuple[Transcript, bool]:
        """What was said before the turn, and whether that is all: more may have come while the turn waited."""
        transcript, budget, words = Transcript(self._budget, begins), self._budget, self._words
        overhearing = self._overhearing
        exchanges, newest = await self._database.read(
            lambda t: (
                past(t, session, seq, budget, words, after=begins, overhearing=overhearing),
                _newest(t, session),
            )
        )
        for exchange in exchanges:
            transcript.add(exchange)
        return transcript, newest < seq

    def add(self, session: str, seq: int, items: Sequence[PromptItem], *, by: str = "") -> None:
        """A turn of the session is over; one from before the session's beginning is no part of it."""
        transcript = self._cache.get(session)
        heard_at, heard = self._overheard.pop(session, (0, None))
        if heard is not None and heard_at == seq:
            items = [heard, *items]
        if transcript is not None and seq > transcript.last:
            transcript.add(closed_exchange(seq, items, by=by))

    def forget(self, session: str) -> None:
        """Something was written into the session besides its own turns: it is read again when it is needed."""
        self._forgotten += 1
        self._cache.pop(session, None)


def past(
    transaction: Transaction,
    session: str,
    seq: int,
    budget: int,
    words: Words,
    *,
    after: int = 0,
    overhearing: Overhearing = NOTHING_OVERHEARD,
) -> list[Exchange]:
    """The newest exchanges of a session between `after` and `seq` that fit into the budget, oldest first."""
    count = overhearing.count(session)
    found: list[Exchange] = []
    runs: Counter[str] = Counter()
    tokens = 0
    for turn, body, _ in transaction.execute(sql.TURNS_BEFORE, (session, seq, TURNS)).fetchall():
        if turn <= after:
            break
        message = inbox.decode(body)
        runs[by := job_of(message)] += 1
        if by and runs[by] > RUNS:
            continue
        items = [words(message), *journal.items(journal.steps_of(transaction, turn))]
        if count and not by and (heard := overheard(transaction, session, turn, count, after=after)):
            items.insert(0, overhearing.words(heard))
        one = closed_exchange(turn, items, by=by)
        tokens += one.tokens
        if tokens > budget:
            break
        found.append(one)
    return found[::-1]


def overheard(
    transaction: Transaction, session: str, seq: int, count: int, *, after: int = 0
) -> list[InboundMessage]:
    """What was written between a person's turn `seq` and the one before it and not meant for us, oldest first.

    The first turn of a thread that its own message has opened follows on what stands outside of it.
    """
    turn = transaction.execute(sql.LAST_TURN_OF_PERSON, (session, seq)).fetchone()
    begins = None if turn else transaction.execute(sql.INBOX_MESSAGE, (seq,)).fetchone()
    heard_in = _outside(inbox.decode(begins[0]), session) if begins else session
    since = max(after, turn[0] if turn else 0)
    rows = transaction.execute(sql.OVERHEARD, (heard_in, since, seq, count)).fetchall()
    return [inbox.decode(body) for (body,) in rows[::-1]]


def _outside(message: InboundMessage, session: str) -> str:
    """Where a message stands that may open a thread: not in the thread."""
    return session if message.home == message.address else message.home.session


def _newest(transaction: Transaction, session: str) -> int:
    """The row of the last turn of the session that is over; 0: none is."""
    row = transaction.execute(sql.TURNS_BEFORE, (session, LAST, 1)).fetchone()
    return int(row[0]) if row else 0


def job_of(message: InboundMessage) -> str:
    """The job that a message comes from, "cron:<id>"; empty for a person's."""
    return message.sender_id if isinstance(message.occasion, Due) else ""


def spoken(exchange: Exchange) -> list[PromptItem]:
    """The messages of an exchange, without the calls of tools; a run's prompt and final text are none."""
    found: list[PromptItem] = []
    for item in exchange.items:
        match item:
            case UserText(note=note) if note and not exchange.by:
                found.append(item)
            case ModelReply(text=text, calls=calls):
                texts = [said for call in calls if (said := _said_by(call))]
                if text.strip() and not calls and not exchange.by:
                    texts.append(text)  # the end of a person's turn is sent to them
                found.extend(reply for one in texts if (reply := ModelReply(text=one)) not in found)
    return found


def _said_by(call: ToolCall) -> str:
    """The text of a call of the message tool; empty for another call, and for one that is not in order."""
    if call.name != MESSAGE_TOOL:
        return ""
    try:
        given = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return ""
    text = given.get("text") if isinstance(given, dict) else None
    return text if isinstance(text, str) else ""


def closed_exchange(seq: int, items: Sequence[PromptItem], *, by: str = "") -> Exchange:
    """An exchange without loose ends: calls that never got a result get one that says so."""
    closed = _closed(items)
    return Exchange(seq, closed, sum(tokens_of(item) for item in closed), by)


def _closed(items: Sequence[PromptItem]) -> tuple[PromptItem, ...]:
    results = {item.call_id for item in items if isinstance(item, ToolResult)}
    closed: list[PromptItem] = []
    for item in items:
        if isinstance(item, ModelReply) and not item.text and not item.calls:
            continue  # silence needs no place in a transcript
        # Pictures are seen in their own turn only: one that a model refuses must not spoil all later ones.
        closed.append(replace(item, pictures=()) if isinstance(item, UserText) and item.pictures else item)
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
        case UserText(text=text, note=note):
            size = _bytes(text) + _bytes(note)
        case ModelReply(text=text, calls=calls):
            size = _bytes(text) + sum(_bytes(call.arguments) + len(call.name) + 20 for call in calls)
        case ToolResult(text=text):
            size = _bytes(text) + 20
    return size // 3 + 4


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
