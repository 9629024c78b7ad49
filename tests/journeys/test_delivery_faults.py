"""A platform that refuses, stalls and loses answers: what arrives, how often, and who has to wait."""

from datetime import timedelta

import pytest

from gateway.agent.model import Prompt, UserText
from gateway.agent.models.scripted import Line
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Parcel
from gateway.outbox.port import Repeat
from tests.fakes import RecordingChannel, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import hears, rows

OUTAGE = TransientDeliveryError("no connection")
LOST = AmbiguousDeliveryError("the answer was lost")


def _echo(prompt: Prompt) -> Line:
    said = prompt.items[-1]
    assert isinstance(said, UserText)
    return f"heard {said.text}"


class SearchableChannel(RecordingChannel):
    """A platform whose chats can be searched for our ids."""

    def __init__(self) -> None:
        super().__init__(repeat=Repeat.SEARCHABLE)
        self.blind = False

    async def find(self, parcel: Parcel) -> str | None:
        if self.blind:
            raise AmbiguousDeliveryError("the history cannot be read")
        return next((f"found {sent.id}" for sent in self.sent if sent.id == parcel.id), None)


async def _states(world: World) -> list[str]:
    return [state for (state,) in await rows(world, "SELECT state FROM outbox ORDER BY seq")]


async def test_an_outage_delays_a_message_and_only_its_own_chat(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [OUTAGE, None, OUTAGE]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one", chat="1")
        await until(lambda: len(channel.tried) == 1)
        await channel.say("two", chat="2")
        await until(lambda: channel.texts("2"))
        before = channel.texts("1")
        await world.clock.advance(timedelta(seconds=2))
        await world.clock.advance(timedelta(seconds=4))

        await until(lambda: channel.texts("1"))

        assert before == []
        assert channel.texts() == ["heard two", "heard one"]
        await until_settled(world)


async def until_settled(world: World, *, states: tuple[str, ...] = ("sent",)) -> None:
    """Nothing of the outbox is open any more."""
    for _ in range(200):
        found = await _states(world)
        if "open" not in found:
            break
        await world.clock.advance(timedelta())
    assert set(found) <= set(states)


async def test_a_pause_that_the_platform_asks_for_is_kept(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [TransientDeliveryError("429", retry_after=timedelta(seconds=120))]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one", chat="1")
        await until(lambda: channel.tried)
        await channel.say("two", chat="1")
        await world.clock.advance(timedelta(seconds=119))
        early = len(channel.tried)
        await world.clock.advance(timedelta(seconds=2))

        heard = await hears(world, 2)

        assert early == 1
        assert heard == ["heard one", "heard two"]  # P-60


@pytest.mark.parametrize("jump", [timedelta(hours=6), -timedelta(hours=1)])
async def test_a_clock_that_is_set_neither_shortens_nor_lengthens_a_pause(
    open_world: Opener, jump: timedelta
) -> None:
    channel = RecordingChannel()
    channel.faults = [TransientDeliveryError("429", retry_after=timedelta(seconds=120))]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=10))
        world.clock.set(world.clock.now() + jump)
        await channel.say("two", chat="1")
        await world.clock.advance(timedelta(seconds=100))
        early = len(channel.tried)
        await world.clock.advance(timedelta(seconds=20))

        heard = await hears(world, 2)

        assert early == 1
        assert heard == ["heard one", "heard two"]


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_lost_answer_is_repeated_once_with_a_mark(open_world: Opener, arrived: bool) -> None:
    channel = RecordingChannel(repeat=Repeat.MARKED)
    channel.faults, channel.arrives_anyway = [LOST], arrived
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=2))

        await until(lambda: "↻ heard one" in channel.texts())
        await until_settled(world)

        assert channel.texts() == (["heard one"] if arrived else []) + ["↻ heard one"]


async def test_a_lost_answer_is_never_repeated_twice(open_world: Opener) -> None:
    channel = RecordingChannel(repeat=Repeat.MARKED)
    channel.faults = [LOST, LOST]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=120))
        await until_settled(world, states=("unknown",))

        assert len(channel.tried) == 2
        assert await _states(world) == ["unknown"]


async def test_an_outage_uses_up_no_repeat(open_world: Opener) -> None:
    class SilentChannel(RecordingChannel):
        async def probe(self) -> None:
            self.probes += 1
            if self.probes < 5:
                raise TransientDeliveryError("still nobody there")

    channel = SilentChannel()
    channel.faults = [LOST]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=9))
        during = len(channel.tried)
        await world.clock.advance(timedelta(seconds=60))

        heard = await hears(world, 1)

        assert during == 1
        assert heard == ["↻ heard one"]


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_platform_that_drops_copies_gets_the_same_id_again(open_world: Opener, arrived: bool) -> None:
    channel = RecordingChannel(repeat=Repeat.DEDUPED)
    channel.faults, channel.arrives_anyway = [LOST, LOST, LOST], arrived
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=60))
        await until_settled(world)

        assert len(channel.tried) == 4
        assert len({parcel.id for parcel in channel.tried}) == 1
        assert not any(parcel.repeat for parcel in channel.tried)


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_platform_that_can_be_searched_is_sent_only_what_is_not_there(
    open_world: Opener, arrived: bool
) -> None:
    channel = SearchableChannel()
    channel.faults, channel.arrives_anyway = [LOST], arrived
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=5))
        await until_settled(world)

        assert channel.texts() == ["heard one"]
        assert len(channel.tried) == (1 if arrived else 2)


async def test_a_search_that_sees_nothing_falls_back_to_one_marked_repeat(open_world: Opener) -> None:
    channel = SearchableChannel()
    channel.faults, channel.blind = [LOST], True
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=5))
        await until_settled(world)

        assert channel.texts() == ["↻ heard one"]


async def test_what_may_have_arrived_is_held_when_the_operator_wants_that(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [LOST]
    async with open_world(_echo, channel=channel, outbox={"ambiguous": "hold"}) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=5))
        await until_settled(world, states=("unknown",))

        assert len(channel.tried) == 1


async def test_a_refusal_for_ever_is_not_repeated_and_the_owner_is_told_once(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [PermanentDeliveryError("chat not found"), None, PermanentDeliveryError("no owner either")]
    async with open_world(_echo, channel=channel, channels={"test": {"owners": ["9"]}}) as world:
        await channel.say("one", chat="1")
        await until(lambda: channel.texts("9"))
        await until_settled(world, states=("sent", "dead"))

        assert [parcel.address.chat for parcel in channel.tried] == ["1", "9"]  # P-59
        assert "could not be delivered" in channel.texts("9")[0]


async def test_a_notice_that_cannot_be_delivered_causes_no_notice(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [PermanentDeliveryError("chat not found"), PermanentDeliveryError("no owner either")]
    async with open_world(_echo, channel=channel, channels={"test": {"owners": ["9"]}}) as world:
        await channel.say("one", chat="1")
        await until(lambda: len(channel.tried) == 2)
        await world.clock.advance(timedelta(minutes=1))

        assert len(channel.tried) == 2
        assert await _states(world) == ["dead", "dead"]


async def test_refused_formatting_costs_formatting_only(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [FormattingRefusedError("can't parse entities")]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")

        await hears(world, 1)

        assert [parcel.payload["text"] for parcel in channel.tried] == ["*heard one*", "heard one"]


async def test_refused_plain_text_is_the_end(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [FormattingRefusedError("no"), FormattingRefusedError("no, again")]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: len(channel.tried) == 2)
        await until_settled(world, states=("dead",))

        assert channel.sent == []


async def test_a_refused_token_stops_the_channel_and_keeps_what_it_has_to_say(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [CredentialsRefusedError("401 unauthorized")]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one", chat="1")
        await until(lambda: world.gateway.status().halted)
        await channel.say("two", chat="2")
        await world.clock.advance(timedelta(minutes=1))
        assert len(channel.tried) == 1
        assert world.gateway.status().halted == {"test": "401 unauthorized"}
        clock = world.clock

    async with open_world(_echo, clock=clock) as world:
        heard = await hears(world, 2)

    assert sorted(heard) == ["heard one", "heard two"]


async def test_an_error_of_the_channels_own_is_taken_for_a_lost_answer(open_world: Opener) -> None:
    channel = RecordingChannel()
    channel.faults = [ZeroDivisionError("a bug")]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=5))

        heard = await hears(world, 1)

        assert heard == ["↻ heard one"]


async def test_parts_that_arrived_are_not_sent_again(open_world: Opener) -> None:
    channel = RecordingChannel(longest=10)
    channel.faults = [None, OUTAGE, None, OUTAGE]
    async with open_world(lambda _: "0123456789abcdefghijABCDEFGHIJ", channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=10))

        heard = await hears(world, 3)

        assert heard == ["0123456789", "abcdefghij", "ABCDEFGHIJ"]
        assert len(channel.tried) == 5


class MuteChannel(RecordingChannel):
    """A platform that cannot be asked anything: a terminal, a push-only hook."""

    probe = None  # type: ignore[assignment]


async def test_a_lost_answer_of_a_channel_that_cannot_be_asked_is_repeated_after_a_while(
    open_world: Opener,
) -> None:
    channel = MuteChannel()
    channel.faults = [LOST]
    async with open_world(_echo, channel=channel) as world:
        await channel.say("one")
        await until(lambda: channel.tried)
        await world.clock.advance(timedelta(seconds=65))

        heard = await hears(world, 1)

        assert heard == ["↻ heard one"]
