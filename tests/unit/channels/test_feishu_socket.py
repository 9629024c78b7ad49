"""The long connection: events are safe before they are acknowledged, over one socket, which comes back."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from channels.feishu import FeishuChannel
from channels.feishu.client import Client, Line
from channels.feishu.socket import LongConnection, Rhythm
from gateway.clock import SystemClock
from gateway.errors import CredentialsRefusedError, ReadingError, StoreFullError
from tests.fakes import FakeClock, settle
from tests.servers.feishu import FeishuServer, serve_feishu
from tests.unit.channels.feishu_desk import ANNA, BORIS, GROUP, SHORT, Inlet, channel_at, eventually, running


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


async def ending(channel: FeishuChannel, inlet: Inlet) -> BaseException:
    """What one run of the channel ends with."""
    with pytest.raises((ReadingError, CredentialsRefusedError)) as caught:
        async with asyncio.timeout(5):
            await channel.run(inlet)
    return caught.value


# -- events -----------------------------------------------------------------------------------------------------


async def test_what_is_said_is_handed_in_and_acknowledged(server: FeishuServer, channel: FeishuChannel) -> None:
    inlet = Inlet()
    async with running(channel, inlet):
        server.say("hello", user=ANNA)
        await server.wait_acked(1)

        assert inlet.texts() == ["hello"]
        assert [(ack.code, ack.data) for ack in server.acks] == [(200, None)]
        assert inlet.lives >= 2


async def test_nothing_is_acknowledged_before_it_is_safe(  # P-42
    server: FeishuServer, channel: FeishuChannel
) -> None:
    inlet = Inlet()
    inlet.open.clear()
    async with running(channel, inlet):
        server.say("hello", user=ANNA)
        await eventually(lambda: inlet.received)
        await asyncio.sleep(0.05)
        before = len(server.acks)

        inlet.open.set()
        await server.wait_acked(1)

        assert before == 0


async def test_what_cannot_be_kept_is_asked_for_again(server: FeishuServer, channel: FeishuChannel) -> None:
    server.retries = (0.05, 0.05)
    inlet, full = Inlet(), [StoreFullError("the disk is full")]
    inlet.refusing = lambda _: full.pop() if full else None
    async with running(channel, inlet):
        server.say("hello", user=ANNA)
        await server.wait_acked(1)

        assert [ack.code for ack in server.acks] == [500, 200]
        assert inlet.texts() == ["hello"]


async def test_a_fault_of_ours_ends_no_connection(server: FeishuServer, channel: FeishuChannel) -> None:
    server.retries = ()
    inlet = Inlet(refusing=lambda message: RuntimeError("bug") if message.text == "bad" else None)
    async with running(channel, inlet):
        server.say("bad", user=ANNA)
        server.say("good", user=ANNA)
        await server.wait_acked(1)

        assert inlet.texts() == ["good"]
        assert server.stats().connects == 1


@pytest.mark.parametrize("backwards", [False, True])
async def test_an_event_in_pieces_is_joined_and_acknowledged_once(
    server: FeishuServer, channel: FeishuChannel, backwards: bool
) -> None:
    server.split(4, backwards=backwards)
    inlet = Inlet()
    async with running(channel, inlet):
        server.say("x" * 5_000, user=ANNA)
        await server.wait_acked(1)

        assert inlet.texts() == ["x" * 5_000]
        assert len(server.acks) == 1


async def test_messages_of_a_chat_keep_their_order_while_one_is_looked_up(  # P-50
    server: FeishuServer, channel: FeishuChannel
) -> None:
    asked = server.say("what?", user=BORIS, chat=GROUP)
    server.fault("slow", call="get", delay=0.05)
    inlet = Inlet()
    async with running(channel, inlet):
        await server.wait_acked(1)
        server.say("first", user=ANNA, chat=GROUP, parent=asked)
        for number in range(20):
            server.say(f"{number}", user=ANNA, chat=GROUP)
        await server.wait_acked(22)

        assert inlet.texts() == ["what?", "first", *map(str, range(20))]
        assert inlet.received[1].reply_text == "what?"


async def test_many_events_at_once_are_each_acknowledged(
    server: FeishuServer, channel: FeishuChannel
) -> None:  # P-45
    inlet = Inlet()
    async with running(channel, inlet):
        for number in range(500):
            server.say(f"{number}", user=ANNA if number % 2 else BORIS)
        await server.wait_acked(500)

        assert len(inlet.received) == 500


async def test_a_pressed_button_is_told_what_is_wrong_with_it(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    inlet = Inlet()
    async with running(channel, inlet):
        told = {
            "operator": {"open_id": ANNA},
            "action": {"value": {"d": "/x", "s": "forged"}},
            "context": {"open_message_id": "om_1", "open_chat_id": GROUP},
        }
        server.push("card.action.trigger", told)
        await server.wait_acked(1)

        assert inlet.received == []
        assert server.acks[0].data["toast"]["content"].startswith("These buttons are too old")


async def test_a_menu_is_answered_where_the_person_has_looked_in(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    inlet = Inlet()
    entered = {"chat_id": server.private(ANNA), "operator_id": {"open_id": ANNA}}
    async with running(channel, inlet):
        server.menu("help", user=ANNA)  # nobody knows where
        server.push("im.chat.access_event.bot_p2p_chat_entered_v1", entered)
        server.menu("cron list", user=ANNA)
        await server.wait_acked(3)

        assert inlet.texts() == ["/cron list"]
        assert inlet.received[0].address.chat == server.private(ANNA)


# -- the connection ---------------------------------------------------------------------------------------------


async def test_a_dropped_connection_is_left_and_made_again(server: FeishuServer, channel: FeishuChannel) -> None:
    inlet = Inlet()
    for _ in range(3):
        server.later(_drop_soon(server))
        found = await ending(channel, inlet)
        assert isinstance(found, ReadingError)
        assert "has ended" in str(found)

    assert (server.stats().connects, server.stats().max_live) == (3, 1)


async def _drop_soon(server: FeishuServer) -> None:
    await eventually(lambda: server.stats().live)
    server.drop()


async def test_what_is_said_while_nobody_listens_comes_after_it(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    server.say("are you there?", user=ANNA)
    inlet = Inlet()

    async with running(channel, inlet):
        await server.wait_acked(1)

    assert inlet.texts() == ["are you there?"]


async def test_half_open_connections_are_noticed_and_closed_first(  # P-48
    server: FeishuServer, tmp_path: Path
) -> None:
    server.client(ping=0)  # which is no pace: ours is kept to
    inlet = Inlet()
    async with channel_at(server, tmp_path) as channel:
        channel._line._rhythm = Rhythm(ping=timedelta(milliseconds=150))
        server.later(_freeze_soon(server))

        found = await ending(channel, inlet)
        async with running(channel, inlet):
            await eventually(lambda: server.stats().connects == 2)

    assert "nothing was heard" in str(found)
    assert server.stats().max_live == 1


async def _freeze_soon(server: FeishuServer) -> None:
    await eventually(lambda: server.stats().live)
    server.freeze()


async def test_pings_go_out_at_the_pace_that_pongs_tell(server: FeishuServer, channel: FeishuChannel) -> None:
    server.client(ping=0)
    channel._line._rhythm = Rhythm(ping=timedelta(milliseconds=150))
    inlet = Inlet()
    async with running(channel, inlet):
        await eventually(lambda: server.stats().pings == 1)
        server.client(ping=60)

        await eventually(lambda: channel._line.ping == timedelta(seconds=60))

        assert server.stats().pings == 2


async def test_a_wrong_secret_ends_the_channel_at_once(server: FeishuServer, tmp_path: Path) -> None:
    async with channel_at(server, tmp_path) as channel:
        channel._client._tokens._credentials["app_secret"] = "wrong"

        assert isinstance(await ending(channel, Inlet()), CredentialsRefusedError)


async def test_a_forbidden_connection_ends_the_channel_and_says_what_to_do(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    server.refuse_sockets(403, "forbidden")

    found = await ending(channel, Inlet())

    assert isinstance(found, CredentialsRefusedError)
    assert "docs/channels/feishu.md" in str(found)


@pytest.mark.parametrize(("status", "auth", "least"), [(514, 1000040350, 30), (514, 1000040348, 7), (500, 0, 7)])
async def test_a_connection_that_is_refused_for_now_is_tried_after_a_pause(
    server: FeishuServer, channel: FeishuChannel, status: int, auth: int, least: int
) -> None:
    server.client(interval=7)
    server.refuse_sockets(status, "not now", auth=auth)

    found = await ending(channel, Inlet())

    assert isinstance(found, ReadingError)
    assert found.pause == timedelta(seconds=least)


async def test_after_a_drop_it_comes_back_at_a_random_moment_within_the_nonce(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    server.client(nonce=20, interval=60)
    channel._line._chance = lambda: 0.25
    server.later(_drop_soon(server))

    found = await ending(channel, Inlet())

    assert isinstance(found, ReadingError)
    assert (found.pause, found.longest) == (timedelta(seconds=5), timedelta(seconds=60))


async def test_a_server_that_cannot_be_reached_is_no_credential(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    await server.refuse()

    assert isinstance(await ending(channel, Inlet()), ReadingError)


class Elsewhere(Client):
    """A client whose endpoint names another address."""

    async def line(self) -> Line:
        return Line(url=f"ws://127.0.0.1:{self.port}/", config=None)

    port = 0


async def test_a_handshake_that_is_never_answered_is_given_up(server: FeishuServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clock = SystemClock()
        client = Elsewhere(server.app_id, server.app_secret, api_base=server.url, clock=clock, waits=SHORT)
        client.port = silent.getsockname()[1]

        with pytest.raises(ReadingError, match="cannot be made"):
            await LongConnection("feishu", client, clock, Inlet().receive).run(lambda: None)

        await client.close()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"PingInterval": 60, "ReconnectNonce": 0, "ReconnectInterval": 5},
            Rhythm(ping=timedelta(seconds=60), nonce=timedelta(), interval=timedelta(seconds=5)),
        ),
        ({"PingInterval": 0, "ReconnectNonce": -1, "ReconnectInterval": "5"}, Rhythm()),
        ({"PingInterval": 10**9}, Rhythm()),
        (None, Rhythm()),
        ([], Rhythm()),
    ],
)
def test_only_a_rhythm_that_makes_sense_is_kept(config: object, expected: Rhythm) -> None:
    assert Rhythm().told(config) == expected


async def test_frames_that_cannot_be_read_are_left(server: FeishuServer, channel: FeishuChannel) -> None:
    inlet = Inlet()
    async with running(channel, inlet):
        await eventually(lambda: server.stats().live)
        for data in (b"\xff", b"", b"\x08\x01\x20\x01\x42\x01{"):
            await server.sockets.open[0].ws.send_bytes(data)
        server.say("hello", user=ANNA)
        await eventually(lambda: inlet.received)

        assert inlet.texts() == ["hello"]
        assert server.stats().connects == 1
    server.violations.clear()  # an ack of what the server never sent as an event


async def test_a_webhook_channel_makes_no_connection_and_is_alive(server: FeishuServer, tmp_path: Path) -> None:
    clock = FakeClock()
    keys = {"encrypt_key": server.encrypt_key, "verification_token": server.verification_token}
    inlet = Inlet()
    async with channel_at(server, tmp_path, clock, mode="webhook", **keys) as channel:
        async with running(channel, inlet):
            await eventually(lambda: inlet.lives == 1)
            await settle()
            await clock.advance(timedelta(minutes=6))
            await eventually(lambda: inlet.lives == 2)

        assert (channel.hooked, channel.heard_every) == (True, None)
    assert server.stats().connects == 0


async def test_an_end_leaves_no_socket_behind(server: FeishuServer, tmp_path: Path) -> None:
    async with channel_at(server, tmp_path) as channel, running(channel, Inlet()):
        await eventually(lambda: server.stats().live == 1)

    await eventually(lambda: server.stats().live == 0)
