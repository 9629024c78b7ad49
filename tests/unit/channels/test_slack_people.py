"""Names of people on Slack: asked for seldom, and never waited for long."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from channels.slack import SlackChannel
from channels.slack.people import KEPT, MOST_ASKED, People
from tests.fakes import FakeClock, until
from tests.servers.slack import SlackServer, serve_slack
from tests.unit.channels.slack_at import ANNA, BORIS, Inlet, channel_at, reading


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with serve_slack() as server:
        server.person(ANNA, "Anna")
        server.person(BORIS, "Boris")
        yield server


@pytest.fixture
async def channel(slack: SlackServer, tmp_path: Path) -> AsyncIterator[SlackChannel]:
    async with channel_at(slack, tmp_path) as channel:
        yield channel


async def test_names_are_asked_for_once(slack: SlackServer, channel: SlackChannel) -> None:
    inlet = Inlet()

    async with reading(channel, inlet):
        for number in range(5):
            slack.say(f"{number} <@{BORIS}>", user=ANNA)
        await until(lambda: len(inlet.received) == 5)

    assert {message.sender_name for message in inlet.received} == {"Anna"}
    assert inlet.texts()[0] == "0 @Boris"
    assert slack.counts["users.info"] == 2


async def test_only_so_many_names_are_kept(slack: SlackServer, channel: SlackChannel) -> None:
    people = People(channel._client, FakeClock(), most=1)

    for _ in range(2):
        assert await people.names([ANNA]) == {ANNA: "Anna"}
        assert await people.names([BORIS]) == {BORIS: "Boris"}

    assert slack.counts["users.info"] == 4


async def test_many_strangers_at_once_do_not_take_all_connections(
    slack: SlackServer, channel: SlackChannel
) -> None:
    inlet, many = Inlet(), 40
    for number in range(many):
        slack.person(f"U0MANY{number}", f"Number {number}")
    slack.fault("hang", method="users.info", times=None)

    async with reading(channel, inlet):
        for number in range(many):
            slack.say("hello", user=f"U0MANY{number}")
        await until(lambda: len(inlet.received) == many)

    assert slack.counts["users.info"] == MOST_ASKED


async def test_a_name_that_is_old_does_until_slack_has_told_it_again(slack: SlackServer) -> None:
    clock = FakeClock()
    async with channel_at(slack, clock=clock) as channel:
        people = People(channel._client, clock)
        assert await people.names([ANNA]) == {ANNA: "Anna"}
        await clock.advance(KEPT + timedelta(seconds=1))
        slack.person(ANNA, "Anna Maria")
        slack.fault("slow", method="users.info", delay=0.1)

        meanwhile = await people.names([ANNA])
        await until(lambda: not people._asking)

        assert (meanwhile, await people.names([ANNA])) == ({ANNA: "Anna"}, {ANNA: "Anna Maria"})


async def test_a_name_that_cannot_be_had_holds_up_nothing(slack: SlackServer, channel: SlackChannel) -> None:
    inlet = Inlet()
    slack.fault("hang", method="users.info", times=None)

    async with reading(channel, inlet):
        ts = slack.say("hello", user=ANNA)
        await until(lambda: inlet.received)
        (delivery,) = slack.deliveries_of(ts)
        await slack.answered(delivery)

    assert inlet.received[0].sender_name == ""
    assert (delivery.latency or 1) < 0.5
