"""The journal of a turn: its steps, so that it goes on after a crash where it was."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import orjson

from gateway import inbox
from gateway.agent.model import ModelReply, ToolCall, ToolResult, Usage, UserText
from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction, Work
from gateway.errors import ErrorClass
from gateway.messages import InboundMessage


class TurnState(StrEnum):
    """Where a turn stands; all but the first are over."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"  # it ended the process too often


@dataclass(frozen=True, slots=True)
class Response:
    """The model answered: words, tool calls or both, and what it cost."""

    reply: ModelReply
    usage: Usage


@dataclass(frozen=True, slots=True)
class Started:
    """A tool that must not run twice is about to run."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Result:
    """A tool call is over."""

    result: ToolResult


@dataclass(frozen=True, slots=True)
class Steer:
    """What is put before the model inside the turn: a note of ours, or what a person said meanwhile."""

    text: str
    note: str = ""
    quoted: str = ""
    pictures: tuple[str, ...] = ()
    arrived: str = ""
    row: int = 0  # of the inbox, if somebody has said it; the rest is as in `UserText`

    @staticmethod
    def of(said: UserText, row: int) -> "Steer":
        """The words of this row, or the files that came with them."""
        return Steer(said.text, said.note, said.quoted, said.pictures, said.arrived, row)

    @property
    def said(self) -> UserText:
        """As the model sees it."""
        return UserText(self.text, self.note, quoted=self.quoted, pictures=self.pictures, arrived=self.arrived)


Step: TypeAlias = Response | Started | Result | Steer


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on one turn, and what is known of it already."""

    seq: int
    turn: str
    message: InboundMessage
    claims: int = 1  # without a new step between: the crash budget
    steps: tuple[Step, ...] = ()
    again: bool = False  # somebody has begun with it before, and did not come to its end


def begin(transaction: Transaction, seq: int, turn: str, session: str, *, at: str) -> None:
    """A turn starts for a row of the inbox."""
    transaction.execute(sql.BEGIN_TURN, (seq, turn, session, at))


def claim(transaction: Transaction, seq: int, turn: str, *, at: str) -> Claim | None:
    """Take the row's turn, begun as `turn` unless it had begun before; None if nothing is to be done for it."""
    message = inbox.read(transaction, seq)
    row = transaction.execute(sql.TURN_AT, (seq,)).fetchone()
    if row is None:
        if not transaction.execute(sql.TAKE_INBOX, (seq,)).rowcount:
            return None  # it has become part of another turn
        begin(transaction, seq, turn, message.session_key, at=at)
        return Claim(seq=seq, turn=turn, message=message)
    known, claims, steps_at_claim, state = row
    if state != TurnState.RUNNING:
        return None
    steps = steps_of(transaction, seq)
    claims = 1 if len(steps) > steps_at_claim else claims + 1
    epoch = transaction.execute(sql.EPOCH).fetchone()[0]
    transaction.execute(sql.RECLAIM_TURN, (epoch, claims, len(steps), seq))
    return Claim(seq=seq, turn=known, message=message, claims=claims, steps=tuple(steps), again=True)


def give_back(transaction: Transaction, seq: int) -> None:
    """An orderly stop: this claim does not count."""
    transaction.execute(sql.GIVE_BACK_TURN, (seq,))


class Journal:
    """The steps of one turn. They are kept in memory until the next commit takes them along."""

    def __init__(self, claim: Claim) -> None:
        self.steps: list[Step] = list(claim.steps)
        self.usage = sum((s.usage for s in claim.steps if isinstance(s, Response)), Usage())
        self._seq = claim.seq
        self._written = len(self.steps)

    @property
    def unwritten(self) -> bool:
        return self._written < len(self.steps)

    def add(self, step: Step) -> None:
        self.steps.append(step)
        if isinstance(step, Response):
            self.usage += step.usage

    def writing(self) -> Work[None]:
        """The steps that are not written yet; call `written` after the commit."""
        rows = [(self._seq, n, *encode(self.steps[n])) for n in range(self._written, len(self.steps))]

        def write(transaction: Transaction) -> None:
            for row in rows:
                transaction.execute(sql.ADD_STEP, row)

        return write

    def written(self) -> None:
        self._written = len(self.steps)

    def joining(self, said: Sequence[Steer]) -> Work[None]:
        """What people said meanwhile becomes steps of this turn, behind all others: their rows are done.

        Add the steps, and call `written`, after the commit.
        """
        steps, begin = self.writing(), len(self.steps)
        rows = [(self._seq, begin + n, *encode(step)) for n, step in enumerate(said)]
        done = {step.row for step in said} - {self._seq}

        def write(transaction: Transaction) -> None:
            steps(transaction)
            for row in rows:
                transaction.execute(sql.ADD_STEP, row)
            for seq in sorted(done):
                transaction.execute(sql.SET_INBOX, ("done", seq))

        return write

    def finishing(
        self, state: TurnState, *, now: datetime, error: str = "", error_class: ErrorClass | None = None
    ) -> Work[None]:
        """The turn is over, and its row of the inbox is done."""
        steps = self.writing()
        usage, seq = self.usage, self._seq
        row = (state.value, error, error_class, usage.input_tokens, usage.output_tokens, to_text(now), seq)

        def write(transaction: Transaction) -> None:
            steps(transaction)
            transaction.execute(sql.FINISH_TURN, row)
            transaction.execute(sql.SET_INBOX, ("done", seq))

        return write


def steps_of(transaction: Transaction, seq: int) -> list[Step]:
    return [decode(kind, body) for _, kind, body in transaction.execute(sql.STEPS_OF, (seq,)).fetchall()]


def encode(step: Step) -> tuple[str, str]:
    """The step's kind and body as they are stored."""
    match step:
        case Response(reply, usage):
            calls = [[call.id, call.name, call.arguments] for call in reply.calls]
            body: object = {
                "text": reply.text,
                "calls": calls,
                "tokens": [usage.input_tokens, usage.output_tokens],
            }
            return "response", orjson.dumps(body).decode()
        case Started(call_id):
            return "call", orjson.dumps(call_id).decode()
        case Result(result):
            return "result", orjson.dumps([result.call_id, result.name, result.text]).decode()
        case Steer(text) if step == Steer(text):
            return "steer", orjson.dumps(text).decode()
        case Steer():
            return "steer", orjson.dumps(_filled(step)).decode()


def _filled(step: Steer) -> dict[str, object]:
    """What of it is not as ever."""
    every = {field.name: getattr(step, field.name) for field in fields(step)}
    return {name: value for name, value in every.items() if value}


def decode(kind: str, body: str) -> Step:
    """The inverse of `encode`."""
    value = orjson.loads(body)
    match kind:
        case "response":
            calls = tuple(ToolCall(id=i, name=name, arguments=arguments) for i, name, arguments in value["calls"])
            tokens_in, tokens_out = value["tokens"]
            return Response(
                ModelReply(text=value["text"], calls=calls),
                Usage(input_tokens=tokens_in, output_tokens=tokens_out),
            )
        case "call":
            return Started(value)
        case "result":
            return Result(ToolResult(call_id=value[0], name=value[1], text=value[2]))
        case _ if isinstance(value, str):
            return Steer(value)
        case _:
            return Steer(**{"text": "", **value, "pictures": tuple(value.get("pictures", ()))})


def items(steps: "list[Step] | tuple[Step, ...]") -> list[UserText | ModelReply | ToolResult]:
    """The steps as the model sees them."""
    seen: list[UserText | ModelReply | ToolResult] = []
    for step in steps:
        match step:
            case Response(reply, _):
                seen.append(reply)
            case Result(result):
                seen.append(result)
            case Steer():
                seen.append(step.said)
            case Started():
                continue
    return seen
