"""A platform that counts what it is sent: the gateway keeps within its limits, and to the silences it asks for."""

from collections import deque
from datetime import timedelta
from itertools import takewhile

from gateway.agent.model import Prompt, UserText
from gateway.agent.models.scripted import Line
from gateway.errors import TransientDeliveryError
from gateway.messages import Parcel
from gateway.outbox.pace import Rate, paces_of
from tests.fakes import FakeClock, RecordingChannel, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import rows

SECOND = timedelta(seconds=1)
GROUP = "-5"


def _echo(prompt: Prompt) -> Line:
    said = prompt.items[-1]
    assert isinstance(said, UserText)
    return f"heard {said.text}"


class CountingChannel(RecordingChannel):
    """Refuses what is more than ten sends a second, one a second in a chat, five a minute in a group."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.paces = paces_of(
            Rate(per_second=10, per_chat=1, per_group_minute=5), is_group=lambda chat: chat.startswith("-")
        )
        self.refused = 0
        self._clock = clock
        self._seen: deque[tuple[float, str]] = deque()

    async def send(self, parcel: Parcel) -> str:
        now, chat = self._clock.monotonic(), parcel.address.chat
        self._seen.appendleft((now, chat))
        minute = [other for at, other in takewhile(lambda seen: seen[0] > now - 60, self._seen)]
        second = [other for at, other in takewhile(lambda seen: seen[0] > now - 1, self._seen)]
        many = chat == GROUP and minute.count(chat) > 5
        if many or len(second) > 10 or second.count(chat) > 1:
            self.refused += 1
            raise TransientDeliveryError("429", retry_after=SECOND)
        return await super().send(parcel)


async def _hears(world: World, count: int, *, within: timedelta) -> None:
    """Let time pass until so much was said."""
    end = world.clock.monotonic() + within.total_seconds()
    while len(world.channel.sent) < count and world.clock.monotonic() < end:
        await world.clock.advance(0.25 * SECOND)
    assert len(world.channel.sent) == count


async def test_a_platform_that_counts_refuses_nothing(open_world: Opener) -> None:
    clock = FakeClock()
    channel = CountingChannel(clock)
    async with open_world(_echo, channel=channel, clock=clock) as world:  # P-61
        for n in range(3):
            for chat in range(15):
                await channel.say(f"{n}", chat=f"{chat}")

        await _hears(world, 45, within=30 * SECOND)

    assert channel.refused == 0
    assert all(channel.texts(f"{chat}") == ["heard 0", "heard 1", "heard 2"] for chat in range(15))


async def test_a_group_that_has_said_enough_for_this_minute_delays_nobody_else(open_world: Opener) -> None:
    clock = FakeClock()
    channel = CountingChannel(clock)
    async with open_world(_echo, channel=channel, clock=clock) as world:  # P-61
        for n in range(7):
            await channel.say(f"{n}", chat=GROUP)
        await _hears(world, 5, within=10 * SECOND)

        await channel.say("hello", chat="1")
        await until(lambda: channel.texts("1"))
        meanwhile = channel.texts(GROUP)
        await _hears(world, 8, within=70 * SECOND)

    assert channel.refused == 0
    assert len(meanwhile) == 5
    assert channel.texts(GROUP) == [f"heard {n}" for n in range(7)]


async def test_a_silence_of_two_minutes_is_kept_by_the_gateway_that_is_started_in_it(open_world: Opener) -> None:
    clock, refusing = FakeClock(), RecordingChannel()
    refusing.faults = [TransientDeliveryError("429", retry_after=120 * SECOND)]
    async with open_world(_echo, channel=refusing, clock=clock) as world:  # P-60
        await refusing.say("one")
        await until(lambda: refusing.tried)
        while not await rows(world, "SELECT 1 FROM outbox WHERE not_before IS NOT NULL"):
            await clock.advance(timedelta())
    await clock.advance(30 * SECOND)

    channel = RecordingChannel()
    async with open_world(_echo, channel=channel, clock=clock) as world:
        await channel.say("two", key="2")
        await clock.advance(89 * SECOND)
        early = channel.texts()
        await _hears(world, 2, within=3 * SECOND)

    assert early == []
    assert channel.texts() == ["heard one", "heard two"]
