"""Words reach a chat through the message tool, and in no other way."""

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.agent.models.scripted import calls
from gateway.database import statements as sql
from gateway.errors import ErrorClass, ModelError, PermanentDeliveryError, StoreError, UserError
from gateway.messages import Caller, ChatAddress, Due, Event, InboundMessage
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, callers, go_to, hears, rows, runs_that_ended

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for package in ("gateway", "channels", "cron") for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module, and every name of a module, that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_message_tool_imports_the_outbox_writer() -> None:
    importers = [path.relative_to(ROOT) for path in MODULES if "gateway.outbox.writer" in imported(path)]

    assert importers == [Path("gateway/tools/message.py")]


def test_only_the_outbox_writer_uses_the_statement_that_puts_words_in() -> None:
    users = [path.relative_to(ROOT) for path in MODULES if "ENQUEUE" in path.read_text()]

    assert users == [Path("gateway/database/statements.py"), Path("gateway/outbox/writer.py")]


def test_only_the_outbox_asks_a_channel_to_send() -> None:
    users = [path.relative_to(ROOT) for path in MODULES if ".carrier.send(" in path.read_text()]

    assert users == [Path("gateway/outbox/lane.py")]


async def test_the_outbox_refuses_callers_that_there_are_not(open_world: Opener) -> None:
    async with open_world() as world:
        for caller in Caller:
            await _put(world, caller.value)
        for other in ("final", "cron", ""):
            with pytest.raises(StoreError, match="CHECK constraint"):
                await _put(world, other)
        kept = await callers(world)

    assert set(kept) == {caller.value for caller in Caller}


async def _put(world: World, caller: str) -> None:
    row = (f"by {caller}", "nowhere", "1", "", caller, "{}", "", "", "2026-03-02T12:00:00Z")
    await world.gateway.database.write(lambda t: t.execute(sql.ENQUEUE, row).fetchall())


async def test_a_persons_turn_ends_in_one_reply_in_the_same_chat_and_thread(open_world: Opener) -> None:
    async with open_world(["hello"]) as world:
        await world.channel.say("hi", chat="7", thread="2")
        await hears(world, 1)

        assert await callers(world) == {"reply": 1}
        assert world.channel.sent[0].address == ChatAddress(channel="test", chat="7", thread="2")


async def test_what_the_model_has_said_by_the_tool_is_not_said_again_at_the_end(open_world: Opener) -> None:
    async with open_world([calls(("message", {"text": "Hello **Anna**"})), "Hello  **Anna** \n"]) as world:
        await world.channel.say("hi")
        await hears(world, 1)
        await until(lambda: not world.gateway.lanes.running)

        assert await callers(world) == {"model": 1}


async def test_a_turn_that_ends_without_words_sends_nothing(open_world: Opener) -> None:
    async with open_world([""]) as world:
        await world.channel.say("do not answer")
        await world.model.asked(1)
        await until(lambda: not world.gateway.lanes.running)

        assert await callers(world) == {}


async def test_a_turn_that_fails_is_said_in_one_sentence_as_a_notice(open_world: Opener) -> None:
    async with open_world([ModelError("the key is not valid", ErrorClass.PERMISSION)]) as world:
        await world.channel.say("hi")

        assert await hears(world, 1) == ["I could not finish this: the key is not valid."]
        assert await callers(world) == {"notice": 1}


async def test_many_scheduled_turns_that_only_think_put_nothing_into_the_outbox(open_world: Opener) -> None:
    async with open_world(["thought"] * 10) as world:  # P-55
        for n in range(10):
            await add_job(world, prompt=f"think of {n}", at="2026-03-02T12:10")

        await go_to(world, NOON + timedelta(minutes=10))
        found = await runs_that_ended(world, 10)

        assert {run.output for run in found} == {"thought"}
        assert await callers(world) == {}


async def test_a_message_that_can_never_arrive_is_told_to_an_owner_and_causes_no_second_notice(
    open_world: Opener,
) -> None:
    channels = {"test": {"kind": "telegram", "owners": ["99"], "enabled": False}}
    async with open_world(["hello"], channels=channels) as world:  # P-59
        world.channel.faults = [PermanentDeliveryError("blocked"), PermanentDeliveryError("blocked too")]

        await world.channel.say("hi", chat="7")
        await until(lambda: len(world.channel.tried) == 2)
        await world.clock.advance(timedelta(seconds=10))

        first, second = world.channel.tried
        assert (first.address.chat, second.address.chat) == ("7", "99")
        assert await rows(world, "SELECT caller, state, error FROM outbox ORDER BY seq") == [
            ("reply", "dead", "blocked"),
            ("notice", "dead", "blocked too"),
        ]
        assert len(world.channel.tried) == 2


# -- nobody comes in as somebody else --------------------------------------------------------------------------

GENUINE = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=("k",),
    address=ChatAddress(channel="test", chat="1"),
    text="hi",
    received_at=NOON,
)


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": "system"},
        {"channel": "other"},
        {"address": ChatAddress(channel="other", chat="1")},
        {"sender_id": "cron:a1b2c3d4"},
        {"sender_id": "event:1"},
        {"session": "test:2"},
        {"occasion": Due(run="r", scheduled_for=NOON)},
        {"occasion": Event(id="e", name="n")},
    ],
    ids=str,
)
async def test_a_message_that_claims_to_be_the_gateways_own_is_refused_and_audited(
    open_world: Opener, changes: dict[str, object]
) -> None:
    async with open_world([]) as world:  # P-70
        forged = replace(GENUINE, **changes)  # type: ignore[arg-type]

        with pytest.raises(UserError, match="refused a message"):
            await world.gateway.bus.receive("test", forged)

        assert await rows(world, "SELECT who, what FROM audit") == [("channel:test", "bus.refused")]
        assert await _turns(world) == 0


async def _turns(world: World) -> int:
    await world.clock.advance(timedelta())
    return int((await rows(world, "SELECT count(*) FROM inbox"))[0][0])
