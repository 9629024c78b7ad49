"""Socket Mode at a strict server: one connection, acknowledged when it is safe, replaced in time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.errors import CredentialsRefusedError, ReadingError, StoreError
from tests.fakes import until
from tests.servers.slack import SlackServer, serve_slack
from tests.unit.channels.slack_at import ANNA, BORIS, GENERAL, SHORT, Inlet, channel_at, reading


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with serve_slack() as server:
        server.person(ANNA, "Anna")
        server.person(BORIS, "Boris")
        server.channel(GENERAL, "general", members=[ANNA, BORIS])
        server.sockets.ping_every = 0.1
        yield server


async def test_p42_an_envelope_is_acknowledged_when_what_it_says_is_safe(slack: SlackServer) -> None:
    # P-42
    inlet = Inlet()
    inlet.open.clear()

    async with channel_at(slack) as channel, reading(channel, inlet):
        ts = slack.say("hello", user=ANNA)
        (delivery,) = slack.deliveries_of(ts)
        await until(lambda: delivery.attempts)
        await asyncio.sleep(0.1)
        assert delivery.acks == 0

        inlet.open.set()
        await slack.answered(delivery)

    assert inlet.texts() == ["hello"]
    assert slack.violations == []


async def test_p42_what_cannot_be_kept_is_not_acknowledged_and_comes_again(slack: SlackServer) -> None:
    # P-42
    slack.sockets.ack_within = 0.2
    errors = [StoreError("the disk is full")]
    inlet = Inlet(refusing=lambda _: errors.pop() if errors else None)

    async with channel_at(slack) as channel, reading(channel, inlet):
        (delivery,) = slack.deliveries_of(slack.say("hello", user=ANNA))
        await slack.answered(delivery)

    assert len(delivery.attempts) == 2
    assert inlet.texts() == ["hello"]


async def test_p45_many_envelopes_are_taken_at_once_while_nothing_is_answered(slack: SlackServer) -> None:
    # P-45
    inlet = Inlet()

    async with channel_at(slack) as channel, reading(channel, inlet):
        for number in range(100):
            slack.say(str(number), user=ANNA if number % 2 else BORIS)
        await slack.wait_for(lambda: slack.acked == 100)

    assert slack.slowest < 0.5
    assert slack.doubled == 0
    assert [text for text in inlet.texts() if int(text) % 2] == [str(n) for n in range(1, 100, 2)]


async def test_p50_what_arrives_out_of_order_is_heard_in_order(slack: SlackServer) -> None:
    # P-50
    inlet = Inlet()
    said = [slack.say(str(number), user=ANNA, tell=False) for number in range(5)]

    async with channel_at(slack) as channel, reading(channel, inlet):
        await until(lambda: slack.sockets.open)
        for ts in reversed(said):
            slack.tell(slack.channels[slack.im(ANNA)].messages[ts])
        await until(lambda: len(inlet.received) == 5)

    assert sorted(inlet.texts()) == inlet.texts()


async def test_p48_there_is_one_connection_and_the_old_one_is_closed_first(slack: SlackServer) -> None:
    # P-48
    inlet = Inlet()

    async with channel_at(slack) as channel, reading(channel, inlet) as task:
        for reason in ("warning", "refresh_requested", "warning"):
            await until(lambda: slack.sockets.open)
            before = slack.sockets.total
            await slack.sockets.disconnect(reason)
            await until(lambda before=before: slack.sockets.total == before + 1 and slack.sockets.open)
        slack.say("still there?", user=ANNA)
        await until(lambda: inlet.received)
        assert not task.done()

    assert slack.sockets.most == 1
    assert slack.sockets.total == 4
    assert slack.violations == []


async def test_a_slack_that_wants_another_connection_all_the_time_gets_one_at_a_time_and_not_at_once(
    slack: SlackServer,
) -> None:
    inlet = Inlet()

    async with channel_at(slack) as channel, reading(channel, inlet) as task:
        for _ in range(5):
            await until(lambda: slack.sockets.open)
            await slack.sockets.disconnect("refresh_requested")
            await until(lambda: not slack.sockets.open)
        assert not task.done()

    opened = [one.at for one in slack.calls if one.method == "apps.connections.open"]
    assert opened[-1] - opened[0] >= 0.8 * SHORT.apart.total_seconds() * (len(opened) - 1)


async def test_what_was_taken_is_acknowledged_before_the_connection_is_replaced(slack: SlackServer) -> None:
    inlet = Inlet()
    inlet.open.clear()

    async with channel_at(slack) as channel, reading(channel, inlet):
        (delivery,) = slack.deliveries_of(slack.say("hello", user=ANNA))
        await until(lambda: delivery.attempts)
        await slack.sockets.disconnect("warning")
        await asyncio.sleep(0.05)
        inlet.open.set()
        await slack.answered(delivery)
        await until(lambda: slack.sockets.total == 2)

    assert len(delivery.attempts) == 1


async def test_p48_a_connection_that_says_nothing_is_replaced(slack: SlackServer) -> None:
    # P-48
    inlet = Inlet()

    async with channel_at(slack) as channel, reading(channel, inlet) as task:
        await until(lambda: slack.sockets.open)
        slack.sockets.freeze()
        await until(lambda: slack.sockets.total == 2)
        slack.say("hello", user=ANNA)
        await until(lambda: inlet.received)
        assert not task.done()

    assert inlet.texts() == ["hello"]


async def test_p48_slack_s_pings_alone_keep_a_quiet_connection(slack: SlackServer) -> None:
    # P-48
    inlet = Inlet()

    async with channel_at(slack) as channel, reading(channel, inlet) as task:
        await until(lambda: slack.sockets.open)
        await asyncio.sleep(3 * SHORT.silence.total_seconds())
        assert not task.done()

    assert slack.sockets.total == 1
    assert inlet.lives > 5


async def test_p48_our_pings_alone_keep_a_quiet_connection(slack: SlackServer) -> None:
    # P-48: a live connection is known as one, whether Slack pings or not
    inlet = Inlet()
    slack.sockets.ping_every = 1_000

    async with channel_at(slack) as channel, reading(channel, inlet) as task:
        await until(lambda: slack.sockets.open)
        await asyncio.sleep(3 * SHORT.silence.total_seconds())
        assert not task.done()

    assert slack.sockets.total == 1


async def test_p48_a_connection_that_only_pings_and_never_says_hello_is_given_up(slack: SlackServer) -> None:
    # P-48
    inlet = Inlet()
    slack.sockets.greets = False

    async with channel_at(slack) as channel, reading(channel, inlet) as task:
        await until(lambda: slack.sockets.total == 2)
        assert not task.done()

    assert inlet.lives == 0


async def test_p49_a_connection_that_is_lost_is_a_reason_to_be_started_again_and_loses_nothing(
    slack: SlackServer,
) -> None:
    # P-49
    inlet = Inlet()

    async with channel_at(slack) as channel:
        for _ in range(2):
            async with reading(channel, inlet) as task:
                await until(lambda: slack.sockets.open)
                slack.sockets.drop()
                with pytest.raises(ReadingError, match="connection ended"):
                    await task
        slack.say("meanwhile", user=ANNA)
        async with reading(channel, inlet):
            await until(lambda: inlet.received)

    assert inlet.texts() == ["meanwhile"]


async def test_a_connection_that_had_worked_for_a_while_is_replaced_at_once(slack: SlackServer) -> None:
    inlet = Inlet()

    async with channel_at(slack) as channel, reading(channel, inlet) as task:
        await until(lambda: slack.sockets.open)
        await asyncio.sleep(1.2 * SHORT.silence.total_seconds())
        slack.sockets.drop()
        await until(lambda: slack.sockets.total == 2 and slack.sockets.open)
        assert not task.done()


async def test_socket_mode_that_is_turned_off_says_where_to_turn_it_on(slack: SlackServer) -> None:
    async with channel_at(slack) as channel, reading(channel, Inlet()) as task:
        await until(lambda: slack.sockets.open)
        await slack.sockets.disconnect("link_disabled")

        with pytest.raises(ReadingError, match="Socket Mode is turned off") as caught:
            await task

    assert caught.value.pause >= timedelta(seconds=10)


async def test_too_many_connections_are_waited_out(slack: SlackServer) -> None:
    slack.sockets.allowed = 0

    async with channel_at(slack) as channel, reading(channel, Inlet()) as task:
        with pytest.raises(ReadingError, match="too many connections"):
            await task


async def test_a_wrong_app_token_is_said_at_once(slack: SlackServer) -> None:
    async with channel_at(slack, app_token="xapp-0-wrong") as channel, reading(channel, Inlet()) as task:
        with pytest.raises(CredentialsRefusedError):
            await task


async def test_slack_s_wish_for_silence_is_the_pause(slack: SlackServer) -> None:
    slack.fault("flood", method="apps.connections.open", retry_after=7)

    async with channel_at(slack) as channel, reading(channel, Inlet()) as task:
        with pytest.raises(ReadingError) as caught:
            await task

    assert caught.value.pause == timedelta(seconds=7)


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "status", "status": 502}, {"kind": "hang"}])
async def test_a_connection_that_cannot_be_had_is_a_reading_error(
    slack: SlackServer, fault: dict[str, str]
) -> None:
    slack.fault(method="link", **fault)  # type: ignore[arg-type]

    async with channel_at(slack) as channel, reading(channel, Inlet()) as task:
        if fault["kind"] == "hang":
            await until(lambda: slack.faults.used)
            assert not task.done()  # ten seconds are given to it
            return
        with pytest.raises(ReadingError):
            await task


async def test_p53_an_envelope_of_any_shape_ends_nothing(slack: SlackServer) -> None:
    # P-53
    inlet = Inlet()

    async with channel_at(slack) as channel, reading(channel, inlet) as task:
        await until(lambda: slack.sockets.open)
        (socket,) = slack.sockets.open
        for text in (
            "",
            "x",
            "[]",
            "1",
            "{}",
            '{"type":1}',
            '{"envelope_id":"e"}',
            '{"envelope_id":1,"payload":2}',
        ):
            await socket.ws.send_str(text)
        await socket.ws.send_bytes(b"\x00")
        slack.say("hello", user=ANNA)
        await until(lambda: inlet.received)
        assert not task.done()
