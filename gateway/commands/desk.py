"""Desk: works commands off, beside the turns of their chats; no model is asked, and nothing waits for one."""

import difflib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from structlog.contextvars import bound_contextvars

from gateway.agent.journal import Claim, Journal, TurnState
from gateway.agent.outcome import CRASH_BUDGET
from gateway.clock import Clock
from gateway.commands import routing, text
from gateway.commands.base import Answer, Ask, Command, CommandInfo
from gateway.errors import ErrorClass, StoreClosedError, UserError
from gateway.messages import Caller, ChatAddress, OutboundMessage, Press
from gateway.tools.message import Say

logger = structlog.get_logger()

LIMIT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What a command came to."""

    answer: Answer
    state: TurnState = TurnState.DONE
    error: str = ""
    error_class: ErrorClass | None = None


class Desk:
    """Where commands are answered, each once."""

    def __init__(
        self,
        commands: Sequence[Command],
        *,
        clock: Clock,
        say: Say,
        until_written: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]],
        zone_of: Callable[[ChatAddress], str],
        is_owner: Callable[[ChatAddress, str], bool],
    ) -> None:
        """`until_written`: tries again while the database refuses. `is_owner`: whether a user is the operator."""
        self._commands = {command.info.name: command for command in commands}
        self._clock = clock
        self._say = say
        self._until_written = until_written
        self._zone_of = zone_of
        self._is_owner = is_owner

    @property
    def infos(self) -> tuple[CommandInfo, ...]:
        """What there is, in the order in which it is listed."""
        return tuple(command.info for command in self._commands.values())

    async def work(self, claim: Claim) -> None:
        """Work the command through to its recorded answer."""
        began = self._clock.monotonic()
        with bound_contextvars(turn=claim.turn, trace_id=claim.message.trace_id):
            name, words = routing.split(claim.message.text) or ("", "")
            end = await self._end_of(claim, name, words)
            finishing = Journal(claim).finishing(
                end.state, now=self._clock.now(), error=end.error, error_class=end.error_class
            )
            message = _message(claim, end.answer)
            await self._until_written(lambda: self._say(message, along=finishing))
            logger.info(
                "command ends",
                command=name if name in self._commands else "unknown",
                status=end.state.value,
                ms=round((self._clock.monotonic() - began) * 1000),
            )

    async def _end_of(self, claim: Claim, name: str, words: str) -> _End:
        """Every way in which a command can end, except with the process."""
        if claim.claims > CRASH_BUDGET:
            why = f"given up: the gateway ended {CRASH_BUDGET} times while working on this"
            return _failed(why, ErrorClass.PERMANENT, state=TurnState.ABANDONED)
        try:
            async with self._clock.timeout(LIMIT):
                return _End(answer=await self._answer(claim, name, words))
        except UserError as error:
            return _End(answer=Answer(text.plain(_sentence(str(error)))))
        except StoreClosedError:
            raise  # the process ends; the command goes on at the next start
        except TimeoutError:
            return _failed(f"stopped after {LIMIT.total_seconds():g} s", ErrorClass.TIMEOUT)
        except Exception as error:
            logger.exception("a command failed", command=name)
            why = f"an error inside the gateway ({type(error).__name__}); the log has it"
            return _failed(why, ErrorClass.PERMANENT)

    async def _answer(self, claim: Claim, name: str, words: str) -> Answer:
        message = claim.message
        command = self._commands.get(name)
        if command is None:
            raise UserError(f"There is no command /{name}{self._nearest(name)} /help lists them.")
        owner = self._is_owner(message.address, message.sender_id)
        if command.info.owners_only and not owner:
            raise UserError(f"Only an owner of this bot may use /{name}.")
        if command.info.owners_only and message.group:
            raise UserError(f"/{name} tells of other chats; ask me in a private chat.")
        return await command.answer(
            Ask(
                message=message,
                words=words,
                zone=self._zone_of(message.address),
                owner=owner,
                now=self._clock.now(),
                stamp=f"{claim.turn}.0.0",
                session=message.address.session,
                seq=claim.seq,
                replayed=claim.again,
            )
        )

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._commands, n=1)
        return f"; did you mean /{near[0]}?" if near else "."


def _sentence(words: str) -> str:
    """An error as something that is said. It may end in an example, to which no stop is added."""
    return words[:1].upper() + words[1:]


def _failed(why: str, error_class: ErrorClass, *, state: TurnState = TurnState.FAILED) -> _End:
    return _End(answer=Answer(f"I could not do this: {why}."), state=state, error=why, error_class=error_class)


def _message(claim: Claim, answer: Answer) -> OutboundMessage:
    """The answer: under the question, or in place of the message whose button was pressed."""
    asked = claim.message
    pressed = asked.occasion.message_id if isinstance(asked.occasion, Press) else ""
    return OutboundMessage(
        delivery_id=f"{claim.turn}.final",
        address=asked.address,
        caller=Caller.COMMAND,
        text=answer.text,
        turn=claim.turn,
        reply_to="" if pressed else asked.message_id,
        replaces=pressed,
        buttons=answer.buttons,
        asker=asked.sender_id if answer.buttons and not answer.shared else "",
    )
