"""The desk: each command is answered once, whatever becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import inbox
from gateway.agent import journal
from gateway.agent.journal import Claim
from gateway.commands.base import Answer, Ask, CommandInfo
from gateway.commands.desk import LIMIT, Desk
from gateway.commands.routing import routed
from gateway.database.driver import Transaction, Work
from gateway.database.writer import Database
from gateway.errors import StoreClosedError, UserError
from gateway.messages import Button, Caller, InboundMessage, OutboundMessage, Press
from tests.fakes import FakeClock, until
from tests.parts import open_database, rows
from tests.unit.commands.asking import MESSAGE

AT = "2026-03-02T12:00:00.000000Z"
BUTTONS = ((Button(label="more", data="/list 2"),),)


@dataclass
class Told:
    """A command that does what a test has told it to."""

    info: CommandInfo
    act: Callable[[Ask], Awaitable[Answer]]
    asked: list[Ask] = field(default_factory=list)

    async def answer(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        return await self.act(ask)


async def fine(ask: Ask) -> Answer:
    return Answer(f"done: {ask.words}", BUTTONS if ask.words == "buttons" else ())


async def wrong(ask: Ask) -> Answer:
    raise UserError("which *one*?" if ask.words else "there is no such thing")


async def broken(ask: Ask) -> Answer:
    raise KeyError("a bug")


async def hanging(ask: Ask) -> Answer:
    await asyncio.Event().wait()
    return Answer("")


async def ended(ask: Ask) -> Answer:
    raise StoreClosedError("the gateway ends")


@dataclass
class Room:
    """A desk, its chat, and what was said there."""

    database: Database
    clock: FakeClock
    known: Told
    said: list[OutboundMessage] = field(default_factory=list)
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        acts = {"wrong": wrong, "broken": broken, "hanging": hanging, "ended": ended}
        self.desk = Desk(
            [
                self.known,
                Told(CommandInfo(name="secret", summary="", owners_only=True), fine),
                *(Told(CommandInfo(name=name, summary=""), act) for name, act in acts.items()),
            ],
            clock=self.clock,
            say=self.say,
            until_written=self.write,
            zone_of=lambda _: "Europe/Berlin",
            is_owner=lambda _, user: user == "olga",
        )

    async def say(self, message: OutboundMessage, *, along: Work[None] | None = None) -> bool:
        self.said.append(message)
        assert along is not None
        await self.database.write(along)
        return True

    async def write(self, attempt: Callable[[], Awaitable[object]]) -> None:
        await attempt()

    async def claimed(self, message: InboundMessage) -> Claim:
        def work(transaction: Transaction) -> Claim:
            accepted = inbox.accept(transaction, routed(message))
            assert accepted is not None
            claim = journal.claim(transaction, accepted.seq, f"t{accepted.seq}", at=AT)
            assert claim is not None
            return claim

        return await self.database.write(work)

    async def hear(self, text: str, **changes: object) -> OutboundMessage:
        await self.desk.work(await self.claimed(replace(MESSAGE, text=text, **changes)))  # type: ignore[arg-type]
        return self.said[-1]

    async def states(self) -> list[tuple[str, str, str]]:
        return await rows(
            self.database, "SELECT turns.state, inbox.state, error FROM turns JOIN inbox ON inbox.seq = turns.seq"
        )


@asynccontextmanager
async def open_room(path: Path) -> AsyncIterator[Room]:
    clock = FakeClock()
    async with open_database(path / "gateway.db", clock) as database:
        yield Room(database, clock, Told(CommandInfo(name="list", summary="what there is"), fine))


async def test_a_command_is_answered_under_the_message_that_asked(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        said = await room.hear("/LIST  the rest ")

        assert said == OutboundMessage(
            delivery_id="t1.final",
            address=MESSAGE.address,
            caller=Caller.COMMAND,
            text="done: the rest",
            turn="t1",
            reply_to="m7",
        )
        assert await room.states() == [("done", "done", "")]


async def test_a_command_knows_who_asks_where_and_when(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        await room.hear("/list", sender_id="olga")
        (ask,) = room.known.asked

        assert (ask.zone, ask.owner, ask.now) == ("Europe/Berlin", True, room.clock.now())
        assert (ask.stamp, ask.session, ask.seq) == ("t1.0.0", "test:1", 1)


async def test_a_command_knows_whether_an_earlier_life_has_begun_with_it(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        claim = await room.claimed(replace(MESSAGE, text="/list"))
        begun_again = await room.database.write(lambda t: journal.claim(t, claim.seq, "t9", at=AT))
        assert begun_again is not None

        await room.desk.work(claim)
        await room.desk.work(begun_again)

        assert [ask.replayed for ask in room.known.asked] == [False, True]
        assert len({ask.stamp for ask in room.known.asked}) == 1


async def test_the_answer_of_a_button_takes_the_place_of_its_message(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        said = await room.hear("/list buttons", occasion=Press(message_id="m3"))

        assert (said.replaces, said.reply_to) == ("m3", "")
        assert (said.buttons, said.asker) == (BUTTONS, "anna")


async def test_an_unknown_command_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        near, far = await room.hear("/lits now"), await room.hear("/xyz")

        assert near.text == "There is no command /lits; did you mean /list? /help lists them."
        assert far.text == "There is no command /xyz. /help lists them."


async def test_what_is_for_owners_is_refused_to_others(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        assert (await room.hear("/secret")).text == "Only an owner of this bot may use /secret."
        assert (await room.hear("/secret", sender_id="olga")).text == "done: "


async def test_what_tells_of_other_chats_is_not_said_in_a_group(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        said = await room.hear("/secret", sender_id="olga", group=True)

        assert said.text == "/secret tells of other chats; ask me in a private chat."


async def test_an_error_of_a_person_is_told_as_it_is_and_formats_nothing(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        assert (await room.hear("/wrong")).text == "There is no such thing"
        assert (await room.hear("/wrong x")).text == r"Which \*one\*?"
        assert [state for state, _, _ in await room.states()] == ["done", "done"]


async def test_a_command_that_fails_is_answered_in_one_sentence(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        said = await room.hear("/broken")

        why = "an error inside the gateway (KeyError); the log has it"
        assert said.text == f"I could not do this: {why}."
        assert await room.states() == [("failed", "done", why)]


async def test_a_command_that_hangs_is_stopped_after_its_time(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room, asyncio.TaskGroup() as tasks:
        tasks.create_task(room.desk.work(await room.claimed(replace(MESSAGE, text="/hanging"))))
        await room.clock.advance(LIMIT - timedelta(seconds=1))
        early = list(room.said)

        await room.clock.advance(timedelta(seconds=1))
        await until(lambda: room.said)

        assert early == []
        assert room.said[0].text == "I could not do this: stopped after 30 s."


async def test_a_command_that_has_ended_the_process_three_times_is_given_up(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        claim = await room.claimed(replace(MESSAGE, text="/list"))

        await room.desk.work(replace(claim, claims=4))

        assert room.known.asked == []
        assert "given up" in room.said[0].text
        assert [state for state, _, _ in await room.states()] == ["abandoned"]


async def test_a_command_goes_on_at_the_next_start_when_the_process_ends(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        with pytest.raises(StoreClosedError):
            await room.hear("/ended")

        assert room.said == []
        assert await room.states() == [("running", "taken", "")]


async def test_the_commands_are_listed_for_menus(tmp_path: Path) -> None:
    async with open_room(tmp_path) as room:
        assert [info.name for info in room.desk.infos][:2] == ["list", "secret"]
