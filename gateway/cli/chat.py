"""tocsin chat: a conversation with the agent, or one turn of it."""

import asyncio
import sys
import threading
from collections import deque
from dataclasses import dataclass, field

import click

from channels.files import listed
from gateway.cli.kept import Kept
from gateway.cli.main import DONE, FAILED, Call
from gateway.cli.terminal import Outcome, Terminal
from gateway.cli.words import clean
from gateway.cli.worker import LOOK_EVERY, check_model, work_until
from gateway.commands.text import as_shown
from gateway.messages import Caller, OutboundMessage

PURPOSE = "tocsin chat"
LONGEST = 100_000  # characters of one message


@click.command("chat")
@click.argument("text", required=False)
@click.option("--session", default="default", show_default=True, metavar="NAME", help="Which conversation.")
@click.pass_obj
def command(call: Call, *, text: str | None, session: str) -> int:
    """Talk to the agent: one turn with TEXT, else a conversation, a turn a line.

    The running gateway answers. Where there is none, this process does, for as long as the turn takes.
    """
    if not session.strip() or len(session) > 80 or not session.isprintable():
        raise click.UsageError("--session: a name of 1 to 80 characters is needed")
    if call.json and text is None:
        raise click.UsageError("--json is for one turn: give TEXT")
    if text is not None and not text.strip():
        raise click.UsageError("TEXT is empty: there is nothing to answer")
    kept = Kept(call.home, call.warn)
    if text is None:
        return asyncio.run(_converse(call, kept, session))
    return asyncio.run(_ask(call, kept, session, text))


def _shown(message: OutboundMessage) -> str:
    text = as_shown(message.text) if message.caller is Caller.COMMAND else message.text
    return clean("\n".join(filter(None, [text, listed(message)])))


# -- one turn ---------------------------------------------------------------------------------------------------


async def _ask(call: Call, kept: Kept, session: str, text: str) -> int:
    heard: list[OutboundMessage] = []

    def show(message: OutboundMessage) -> None:
        heard.append(message)
        call.say(_shown(message))

    before = kept.jobs_stamp()
    with Terminal(kept, session, show) as terminal:
        outcome = await _turn(call, kept, terminal, text)
    _hint(call, kept, before)
    if call.json:
        call.document(_document(session, outcome, heard))
    return _end(call, outcome)


async def _turn(call: Call, kept: Kept, terminal: Terminal, text: str) -> Outcome:
    check_model(call, kept)
    row = terminal.say(text.strip()[:LONGEST])
    await work_until(call, kept, lambda: terminal.finished(row), purpose=PURPOSE)
    return terminal.outcome(row)


def _hint(call: Call, kept: Kept, before: object) -> bool:
    """Say what a newcomer would wonder about, when a job was made or changed and nobody will run it."""
    wanted = kept.gateway() is None and kept.jobs_stamp() != before
    if wanted:
        call.warn("note: no gateway is running; what is scheduled fires while `tocsin run` does")
    return wanted


def _document(session: str, outcome: Outcome, heard: list[OutboundMessage]) -> dict[str, object]:
    own = [message for message in heard if message.turn == outcome.turn]
    final = [message for message in own if message.caller in {Caller.REPLY, Caller.NOTICE}] or own
    return {
        "session": session,
        "turn_id": outcome.turn,
        "reply": final[-1].text if final else None,
        "messages": [{"id": one.delivery_id, "caller": one.caller.value, "text": one.text} for one in heard],
        "usage": {"input_tokens": outcome.input_tokens, "output_tokens": outcome.output_tokens},
        "error": outcome.error or None,
    }


def _end(call: Call, outcome: Outcome) -> int:
    if not outcome.error:
        return DONE
    call.warn(f"tocsin: the turn failed: {clean(outcome.error)}")
    return FAILED


# -- a conversation ---------------------------------------------------------------------------------------------


@dataclass
class _Lines:
    """What is typed, read by a thread of its own that ends with the process: nothing can interrupt it."""

    waiting: deque[str | None] = field(default_factory=deque)  # None: the end

    def start(self) -> None:
        threading.Thread(target=self._read, name="lines", daemon=True).start()

    def _read(self) -> None:
        try:
            for line in iter(sys.stdin.readline, ""):
                self.waiting.append(line)
        except (OSError, ValueError) as error:  # closed, or no text
            click.echo(f"tocsin: standard input cannot be read: {error}", err=True)
        self.waiting.append(None)


async def _converse(call: Call, kept: Kept, session: str) -> int:
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    prompt = "> " if interactive else ""

    def show(message: OutboundMessage) -> None:
        # On a terminal the answer takes the place of the prompt that waits, and a new one follows.
        click.echo(f"\r{_shown(message)}\n{prompt}" if interactive else _shown(message), nl=not interactive)

    if interactive:
        _greet(call)
        click.echo(prompt, nl=False)
    lines, failed, before = _Lines(), False, kept.jobs_stamp()
    lines.start()
    with Terminal(kept, session, show) as terminal:
        while (text := await _next_line(kept, terminal, lines)) is not None:
            if text.strip():
                before = kept.jobs_stamp()
                outcome = await _turn(call, kept, terminal, text)
                failed = bool(_end(call, outcome)) or failed
            if not text.strip() or _hint(call, kept, before):
                click.echo(prompt, nl=False)
    return FAILED if failed else DONE


async def _next_line(kept: Kept, terminal: Terminal, lines: _Lines) -> str | None:
    """The next line; what is said meanwhile, a reminder for instance, is shown."""
    while not lines.waiting:
        terminal.listen()
        await kept.clock.sleep(LOOK_EVERY * 4)
    return lines.waiting.popleft()


def _greet(call: Call) -> None:
    call.warn("Type a message, for example: remind me in 20 seconds to stretch. Ctrl-D ends the conversation.")
