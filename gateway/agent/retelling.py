"""What a run has said in a chat becomes part of that chat's own session, so that its people can speak of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import orjson

from gateway import inbox
from gateway.agent import journal
from gateway.agent.journal import Response, Result, Step
from gateway.agent.model import ModelReply, ToolCall, ToolResult, Usage
from gateway.agent.toolbox import MESSAGE_TOOL
from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction, Work
from gateway.messages import InboundMessage, Json, OutboundMessage


def retelling(due: InboundMessage, turn: str, said: Sequence[OutboundMessage], *, now: datetime) -> Work[None]:
    """Write an exchange into the session of each chat that the run has spoken in and does not work in itself.

    It is a turn that is over, like any other of that session: /new, the moves of chats and the limits of what is
    kept hold for it, and it outlives the transcript of the run.
    """
    sessions = told(due, said)

    def write(transaction: Transaction) -> None:
        for n, session in enumerate(sessions):
            words = [message for message in said if message.address.session == session]
            _write(transaction, due, f"{turn}.told.{n}", words, at=to_text(now))

    return write


def told(due: InboundMessage, said: Sequence[OutboundMessage]) -> list[str]:
    """The sessions that hear of it."""
    return sorted({message.address.session for message in said} - {due.session_key})


def _write(
    transaction: Transaction, due: InboundMessage, turn: str, said: Sequence[OutboundMessage], *, at: str
) -> None:
    if transaction.execute(sql.IS_TURN, (turn,)).fetchone() is not None:
        return  # written before: an end whose answer was lost is written again
    text = f"A scheduled run ({due.sender_id}) has sent to this chat what follows."
    heard = replace(due, dedupe_keys=(), address=said[0].address, session="", text=text)
    row = inbox.accept(transaction, heard, state="done")
    if row is None:
        return
    journal.begin(transaction, row.seq, turn, row.session, at=at)
    for n, step in enumerate(_steps(turn, said)):
        transaction.execute(sql.ADD_STEP, (row.seq, n, *journal.encode(step)))
    transaction.execute(sql.FINISH_TURN, (journal.TurnState.DONE.value, "", None, 0, 0, at, row.seq))


def _steps(turn: str, said: Sequence[OutboundMessage]) -> list[Step]:
    """As if the run had spoken here: a call of the message tool for each message."""
    calls = tuple(
        ToolCall(id=f"{turn}.{n}", name=MESSAGE_TOOL, arguments=orjson.dumps(_arguments(one)).decode())
        for n, one in enumerate(said)
    )
    results = [Result(ToolResult(call_id=call.id, name=call.name, text="queued for delivery")) for call in calls]
    return [Response(ModelReply(calls=calls), Usage()), *results]


def _arguments(one: OutboundMessage) -> Json:
    files = [file.path for file in one.attachments]
    return {"text": one.text, "files": files} if files else {"text": one.text}
