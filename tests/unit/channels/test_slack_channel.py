"""The channel as the outbox and the supervisor use it: sending, looking for what was sent, files, rights."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.base import Administered, Closing, Editing, Fetching, Hooked, Reacting
from channels.slack import SlackChannel
from gateway.clock import SystemClock
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    FormattingRefusedError,
    PermanentDeliveryError,
    ReadingError,
)
from gateway.messages import Button, Caller, ChatAddress, OutboundMessage, Parcel
from gateway.outbox.port import Paced, Probing, Repeat, Searchable
from tests.fakes import FakeClock, until
from tests.servers.slack import SlackServer, serve_slack
from tests.unit.channels.slack_at import ANNA, BORIS, GENERAL, THERE, Inlet, channel_at, reading


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with serve_slack() as server:
        server.person(ANNA, "Anna")
        server.person(BORIS, "Boris", admin=True)
        server.channel(GENERAL, "general", members=[ANNA, BORIS], creator=ANNA)
        yield server


@pytest.fixture
async def channel(slack: SlackServer, tmp_path: Path) -> AsyncIterator[SlackChannel]:
    async with channel_at(slack, tmp_path) as channel:
        yield channel


class WrongClock(SystemClock):
    """The machine's clock, set wrong."""

    def __init__(self, ahead: timedelta) -> None:
        super().__init__()
        self._ahead = ahead

    def now(self) -> datetime:
        return super().now() + self._ahead


def parcel_of(channel: SlackChannel, text: str, address: ChatAddress = THERE, **details: Any) -> Parcel:
    message = OutboundMessage(delivery_id="d1", address=address, caller=Caller.REPLY, text=text)
    (part,) = channel.render(message)
    known = {"id": "d1/0", "address": address, "payload": part.payload, "said_at": SystemClock().now()}
    return Parcel(**{**known, **details})


def test_it_is_what_the_gateway_asks_for(channel: SlackChannel) -> None:
    ports = (Searchable, Probing, Paced, Editing, Reacting, Administered, Fetching, Hooked, Closing)

    assert all(isinstance(channel, port) for port in ports)
    assert channel.repeat is Repeat.SEARCHABLE
    assert channel.edits_every >= timedelta(seconds=60 / 50)


# -- sending -----------------------------------------------------------------------------------------------------


async def test_p56_what_arrived_is_found_by_our_id_and_what_did_not_is_not(
    slack: SlackServer, channel: SlackChannel
) -> None:
    # P-56
    parcel = parcel_of(channel, "hello")
    slack.fault("lost", method="chat.postMessage")
    with pytest.raises(AmbiguousDeliveryError):
        await channel.send(parcel)

    found = await channel.find(parcel)
    other = await channel.find(replace(parcel, id="d2/0"))

    assert found == slack.last(GENERAL)
    assert other is None


async def test_p56_what_stands_in_the_history_a_little_later_is_found(
    slack: SlackServer, channel: SlackChannel
) -> None:
    # P-56
    parcel = parcel_of(channel, "hello")
    looking = asyncio.create_task(channel.find(parcel))
    await until(lambda: slack.counts["conversations.history"])

    sent_as = await channel.send(parcel)

    assert await looking == sent_as


async def test_p56_in_a_thread_the_thread_is_searched(slack: SlackServer, channel: SlackChannel) -> None:
    # P-56
    thread = ChatAddress(channel="slack", chat=GENERAL, thread=slack.say("hi", user=ANNA, channel=GENERAL))
    parcel = parcel_of(channel, "hello", thread)

    sent_as = await channel.send(parcel)

    assert await channel.find(parcel) == sent_as
    assert await channel.find(replace(parcel, id="d2/0")) is None


@pytest.mark.parametrize("ahead", [timedelta(hours=5), timedelta(hours=-5)])
async def test_p56_a_clock_that_is_wrong_hides_nothing(slack: SlackServer, ahead: timedelta) -> None:
    # P-56
    clock = WrongClock(ahead)
    async with channel_at(slack, clock=clock) as channel:
        parcel = parcel_of(channel, "hello", said_at=clock.now())
        sent_as = await channel.send(parcel)

        assert await channel.find(parcel) == sent_as


async def test_p56_a_clock_that_was_put_right_meanwhile_hides_nothing(
    slack: SlackServer, channel: SlackChannel
) -> None:
    # P-56
    parcel = parcel_of(channel, "hello", said_at=SystemClock().now() + timedelta(hours=5))
    sent_as = await channel.send(parcel)

    assert await channel.find(parcel) == sent_as


async def test_p56_without_the_scope_it_cannot_be_told(slack: SlackServer, channel: SlackChannel) -> None:
    # P-56
    slack.revoke("channels:history")

    with pytest.raises(AmbiguousDeliveryError, match="channels:history"):
        await channel.find(parcel_of(channel, "hello"))


async def test_a_repeat_is_marked_for_its_reader(slack: SlackServer, channel: SlackChannel) -> None:
    await channel.send(parcel_of(channel, "hello", repeat=True))

    assert slack.texts(GENERAL) == ["↻ hello"]


async def test_an_edit_takes_the_place_of_the_message(slack: SlackServer, channel: SlackChannel) -> None:
    first = await channel.send(parcel_of(channel, "hello"))

    second = await channel.send(parcel_of(channel, "**bye**", id="d2/0", edits=first))

    assert second == first
    assert slack.texts(GENERAL) == ["bye"]


async def test_an_edit_takes_the_buttons_away(slack: SlackServer, channel: SlackChannel) -> None:
    buttons = ((Button(label="Go", data="/go"),),)
    message = OutboundMessage(delivery_id="d1", address=THERE, caller=Caller.REPLY, text="choose", buttons=buttons)
    (part,) = channel.render(message)
    first = await channel.send(Parcel(id="d1/0", address=THERE, payload=part.payload))

    await channel.send(Parcel(id="d2/0", address=THERE, payload={"text": "done"}, edits=first))

    assert slack.sent[0].buttons == [("Go", "|/go")]
    assert slack.sent[-1].buttons == []
    assert slack.texts(GENERAL) == ["done"]


async def test_what_cannot_be_edited_is_said_anew(slack: SlackServer, channel: SlackChannel) -> None:
    first = await channel.send(parcel_of(channel, "hello"))
    slack.delete(first, channel=GENERAL)

    second = await channel.send(parcel_of(channel, "bye", id="d2/0", edits=first))

    assert second != first
    assert slack.texts(GENERAL) == ["bye"]


async def test_an_answer_that_only_grows_is_not_said_anew(slack: SlackServer, channel: SlackChannel) -> None:
    first = await channel.send(parcel_of(channel, "hello"))
    slack.delete(first, channel=GENERAL)

    with pytest.raises(PermanentDeliveryError):
        await channel.send(parcel_of(channel, "hello there", id="d2/0", edits=first, passing=True))

    assert slack.texts(GENERAL) == []


async def test_answers_that_grow_share_what_slack_takes_and_leave_room_for_their_ends(
    slack: SlackServer, tmp_path: Path
) -> None:
    # P-61
    clock = FakeClock()
    slack.now = lambda: clock.now().timestamp()
    slack.limits(per_channel=0)
    async with channel_at(slack, tmp_path, clock=clock) as channel:
        sent = [await channel.send(parcel_of(channel, str(n), id=f"d{n}/0")) for n in range(5)]
        taken = 0
        for _ in range(60):
            await clock.advance(timedelta(seconds=1))
            for ts in sent:
                try:
                    await channel.send(parcel_of(channel, "more", id="g/0", edits=ts, passing=True))
                    taken += 1
                except PermanentDeliveryError:
                    pass  # the next one will show more
        for ts in sent:
            await channel.send(parcel_of(channel, "all", id="e/0", edits=ts))

    assert slack.flood.refused == 0
    assert 38 <= taken <= 45
    assert slack.texts(GENERAL) == ["all"] * 5


async def test_p58_the_plain_form_is_taken_where_blocks_are_not(slack: SlackServer, channel: SlackChannel) -> None:
    # P-58
    message = OutboundMessage(
        delivery_id="d1", address=THERE, caller=Caller.REPLY, text="**<hi>** [l](https://x.io)"
    )
    (part,) = channel.render(message)
    slack.fault("error", method="chat.postMessage", error="invalid_blocks")
    with pytest.raises(FormattingRefusedError):
        await channel.send(Parcel(id="d1/0", address=THERE, payload=part.payload))

    await channel.send(Parcel(id="d1/0", address=THERE, payload=part.plain or {}))

    assert slack.texts(GENERAL) == ["<hi> l (https://x.io)"]


async def test_probing_asks_who_we_are(slack: SlackServer, channel: SlackChannel) -> None:
    await channel.probe()
    slack.fault("drop", method="auth.test")

    with pytest.raises(AmbiguousDeliveryError):
        await channel.probe()


# -- people ------------------------------------------------------------------------------------------------------


async def test_who_made_a_channel_and_who_manages_the_workspace_are_admins(channel: SlackChannel) -> None:
    assert await channel.is_admin(THERE, ANNA)
    assert await channel.is_admin(THERE, BORIS)
    assert not await channel.is_admin(THERE, "U0TOCSIN")


async def test_a_message_is_shown_to_be_seen(slack: SlackServer, channel: SlackChannel) -> None:
    ts = slack.say("hello", user=ANNA, channel=GENERAL)

    await channel.react(THERE, ts)

    assert list(slack.channels[GENERAL].messages[ts].reactions) == ["eyes"]


async def test_the_dialog_is_opened_and_filled_in_its_chat(slack: SlackServer, channel: SlackChannel) -> None:
    inlet = Inlet()

    async with reading(channel, inlet):
        await until(lambda: slack.sockets.open)
        await slack.answered(slack.slash("add", user=ANNA, channel=GENERAL))
        await until(lambda: slack.views)
        await slack.answered(slack.submit(user=ANNA, values={"what": "tea", "when": "in 5m"}))
        await slack.answered(slack.shortcut("tocsin_add", user=ANNA))
        await until(lambda: len(slack.views) == 2)
        await slack.answered(slack.submit(user=ANNA, values={"what": "news", "when": "daily", "kind": "ask"}))
        await until(lambda: len(inlet.received) == 2)

    first, second = inlet.received
    assert (first.text, first.address, first.group) == ("/remind in 5m | tea", THERE, True)
    assert (second.text, second.address.chat, second.group) == ("/schedule daily do news", slack.im(ANNA), False)


async def test_a_command_among_others_in_private_is_answered_in_private_with_the_bot(
    slack: SlackServer, channel: SlackChannel
) -> None:
    inlet = Inlet()
    theirs = slack.channel("D0THEIRS", kind="im", members=[ANNA, BORIS], bot=False)

    async with reading(channel, inlet):
        await until(lambda: slack.sockets.open)
        await slack.answered(slack.slash("remind in 5m tea", user=ANNA, channel=theirs))

    (message,) = inlet.received
    assert (message.address.chat, message.group) == (slack.im(ANNA), False)


async def test_a_command_in_private_is_answered_there_without_a_scope_too(
    slack: SlackServer, channel: SlackChannel
) -> None:
    inlet = Inlet()
    slack.revoke("im:write")

    async with reading(channel, inlet):
        await until(lambda: slack.sockets.open)
        await slack.answered(slack.slash("help", user=ANNA))

    assert [message.address.chat for message in inlet.received] == [slack.im(ANNA)]


async def test_a_private_chat_is_asked_for_once_and_not_waited_for_long(
    slack: SlackServer, channel: SlackChannel
) -> None:
    # P-45
    inlet = Inlet()

    async with reading(channel, inlet):
        await until(lambda: slack.sockets.open)
        for _ in range(2):
            await slack.answered(slack.slash("help", user=ANNA))
        slack.fault("hang", method="conversations.open")
        slack.slash("help", user=BORIS)
        (delivery,) = slack.deliveries_of(slack.say("hello", user=BORIS))
        await slack.answered(delivery)

    assert slack.counts["conversations.open"] == 2
    assert inlet.texts() == ["/help", "/help", "hello"]
    assert (delivery.latency or 9) < 2


async def test_a_dialog_whose_chat_cannot_be_found_is_not_taken(slack: SlackServer, channel: SlackChannel) -> None:
    inlet = Inlet()
    slack.sockets.ack_within = 0.1

    async with reading(channel, inlet):
        await until(lambda: slack.sockets.open)
        await slack.answered(slack.shortcut("tocsin_add", user=ANNA))
        await until(lambda: slack.views)
        slack.fault("drop", method="conversations.open")
        submitted = slack.submit(user=ANNA, values={"what": "news", "when": "daily"})
        await until(lambda: submitted.failed)

    assert inlet.received == []


async def test_who_presses_what_is_not_theirs_is_told_and_nobody_else(
    slack: SlackServer, channel: SlackChannel
) -> None:
    buttons = ((Button(label="Go", data="/go"),),)
    message = OutboundMessage(
        delivery_id="d1", address=THERE, caller=Caller.COMMAND, text="choose", buttons=buttons, asker=ANNA
    )
    (part,) = channel.render(message)
    inlet = Inlet()

    async with reading(channel, inlet):
        await until(lambda: slack.sockets.open)
        ts = await channel.send(Parcel(id="d1/0", address=THERE, payload=part.payload))
        await slack.answered(slack.press(ts, "Go", user=BORIS))
        await until(lambda: slack.whispers)
        await slack.answered(slack.press(ts, "Go", user=ANNA))

    assert [(one.user, one.text) for one in slack.whispers] == [
        (BORIS, "These buttons are for the person who asked.")
    ]
    assert inlet.texts() == ["/go"]


# -- beginning ---------------------------------------------------------------------------------------------------


async def test_a_wrong_token_stops_the_channel(slack: SlackServer) -> None:
    async with channel_at(slack, bot_token="xoxb-0-wrong") as channel:
        with pytest.raises(CredentialsRefusedError):
            await channel.run(Inlet())


async def test_slack_that_cannot_be_asked_is_asked_again(slack: SlackServer, channel: SlackChannel) -> None:
    slack.fault("flood", method="auth.test", retry_after=9)

    with pytest.raises(ReadingError) as caught:
        await channel.run(Inlet())

    assert caught.value.pause == timedelta(seconds=9)


@pytest.mark.parametrize(
    "fault", [{"kind": "status"}, {"kind": "drop"}, {"kind": "error", "error": "invalid_auth"}]
)
@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open", "link"])
async def test_p87_neither_the_log_nor_an_error_shows_a_token(
    slack: SlackServer,
    channel: SlackChannel,
    capsys: pytest.CaptureFixture[str],
    fault: dict[str, Any],
    method: str,
) -> None:
    # P-87
    slack.fault(method=method, times=None, **fault)

    with pytest.raises((CredentialsRefusedError, ReadingError)) as caught:
        await channel.run(Inlet())

    shown = "".join(traceback.format_exception(caught.value)) + "".join(capsys.readouterr())
    assert "exists-here-only" not in shown
    assert "ticket=" not in shown
