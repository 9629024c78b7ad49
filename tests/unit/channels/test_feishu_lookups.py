"""What an event of Feishu leaves out: whose message is answered, what it says, what people are called."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.feishu import FeishuChannel
from channels.feishu.people import AT_ONCE
from tests.servers.feishu import BOT_ID, FeishuServer, serve_feishu
from tests.unit.channels.feishu_desk import ANNA, BORIS, GROUP, Inlet, channel_at, eventually, running


@pytest.fixture
async def server() -> AsyncIterator[FeishuServer]:
    async with serve_feishu() as server:
        for person, name in ((ANNA, "Anna"), (BORIS, "Boris")):
            server.person(person, name)
        server.group(GROUP, "Team", members=[ANNA, BORIS], owner=ANNA)
        yield server
        assert server.violations == []


@pytest.fixture
async def channel(server: FeishuServer, tmp_path: Path) -> AsyncIterator[FeishuChannel]:
    async with channel_at(server, tmp_path) as channel:
        yield channel


async def test_an_answer_to_the_bot_is_meant_for_it(server: FeishuServer, channel: FeishuChannel) -> None:  # P-52
    inlet = Inlet()
    mine = await channel._client.send(GROUP, "text", '{"text":"How are you?"}', uuid="u")
    theirs = server.say("nobody asked", user=BORIS, chat=GROUP)
    async with running(channel, inlet):
        await server.wait_acked(1)
        server.say("fine", user=ANNA, chat=GROUP, parent=mine)
        server.say("me neither", user=ANNA, chat=GROUP, parent=theirs)
        await server.wait_acked(3)

        answer, other = inlet.received[1:]
        assert (answer.addressed, answer.reply_text, answer.reply_author) == (True, "How are you?", "Tocsin")
        assert (other.addressed, other.reply_text) == (False, "nobody asked")
        assert (answer.address.thread, other.address.thread) == (mine, theirs)


async def test_a_parent_is_asked_for_once(server: FeishuServer, channel: FeishuChannel) -> None:
    asked = server.say("what?", user=BORIS, chat=GROUP)
    inlet = Inlet()
    async with running(channel, inlet):
        for _ in range(5):
            server.say("this", user=ANNA, chat=GROUP, parent=asked)
        await server.wait_acked(6)
        server.say("that", user=ANNA, chat=GROUP, parent=asked)
        await server.wait_acked(7)

        assert server.stats().calls["get"] <= 5  # those that came at once
        before = server.stats().calls["get"]
        server.say("that", user=ANNA, chat=GROUP, parent=asked)
        await server.wait_acked(8)
        assert server.stats().calls["get"] == before


async def test_a_lookup_that_hangs_delays_no_ack_for_long(server: FeishuServer, channel: FeishuChannel) -> None:
    server.fault("hang", call="get", times=5)
    asked = server.say("what?", user=BORIS, chat=GROUP)
    inlet = Inlet()
    async with running(channel, inlet):
        server.say("@_user_1 this", user=ANNA, chat=GROUP, parent=asked, mention=[BOT_ID])
        await server.wait_acked(2)

        assert inlet.received[1].text == "this"
        assert inlet.received[1].reply_text == ""
        assert server.stats().slowest_ack < 0.5


async def test_names_come_from_mentions_and_from_the_address_book(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    server.scopes.add("contact:contact.base:readonly")
    inlet = Inlet()
    async with running(channel, inlet):
        server.say("hello @_user_1", user=ANNA, chat=GROUP, mention=[BORIS])
        await server.wait_acked(1)
        await eventually(lambda: channel._intake.people.known(ANNA))
        server.say("again", user=ANNA)
        await server.wait_acked(2)
        server.say("me?", user=BORIS)
        await server.wait_acked(3)

        assert [one.sender_name for one in inlet.received] == ["", "Anna", "Boris"]
        assert server.stats().calls["user"] == 1


async def test_few_names_are_asked_for_at_a_time(server: FeishuServer, channel: FeishuChannel) -> None:
    server.fault("slow", call="user", delay=0.1, times=None)
    for number in range(20):
        channel._intake.people.known(f"ou_{number}")
    await eventually(lambda: server.stats().calls.get("user"))
    await asyncio.sleep(0.05)

    assert server.stats().calls["user"] == AT_ONCE


async def test_names_that_may_not_be_read_are_not_asked_for_again(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    inlet = Inlet()
    async with running(channel, inlet):
        server.say("hello", user=ANNA)
        await server.wait_acked(1)
        await eventually(lambda: server.stats().calls.get("user"))
        await asyncio.sleep(0.02)
        server.say("hello", user=BORIS)
        await server.wait_acked(2)
        await asyncio.sleep(0.02)

        assert server.stats().calls["user"] == 1


async def test_in_groups_that_are_not_listed_nothing_is_asked(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    server.group("oc_other", "Other", members=[ANNA])
    asked = server.say("what?", user=ANNA, chat="oc_other")
    inlet = Inlet()
    async with running(channel, inlet):
        server.say("this", user=ANNA, chat="oc_other", parent=asked)
        await server.wait_acked(2)

    assert server.stats().calls.get("get", 0) == 0
