"""On every platform: what the agent says arrives once, whatever happens to the requests; refusals are obeyed."""

import asyncio
import time
from typing import Any

import pytest

from gateway.agent.model import Prompt
from gateway.agent.models.scripted import Line
from gateway.outbox.port import Repeat
from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.platforms import TOLD
from tests.contract.rigs.town import Hurry, Opener, Town, echo
from tests.fakes import RecordingChannel, until

ANNA, BORIS, OLGA = Who.ANNA, Who.BORIS, Who.OLGA
told = pytest.mark.parametrize("rig", TOLD, indirect=True)


async def _state(town: Town, message: str = "told") -> str:
    ((state,),) = await town.rows("SELECT state FROM outbox WHERE id = ?", message)
    return str(state)


@told
async def test_formatting_that_is_refused_costs_the_formatting_only(open_town: Opener, rig: Rig) -> None:
    if not rig.nature.refuses_formatting:
        pytest.skip("this platform refuses no formatting")
    place = rig.people.private(ANNA)
    rig.trouble.spoil()
    async with open_town() as town:  # P-58
        await town.tell("some **bold** words", place)
        await town.calm()

        assert [text.replace("*", "") for text in rig.screen.texts(place)] == ["some bold words"]
        assert await _state(town) == "sent"


@told
async def test_what_can_never_arrive_is_given_up_at_once(open_town: Opener, rig: Rig) -> None:
    place = rig.people.private(ANNA)
    rig.trouble.shut(place)
    async with open_town() as town:  # P-59
        before = time.monotonic()
        await town.tell("hello", place)
        await town.calm()

        assert await _state(town) == "dead"
        assert time.monotonic() - before < 1  # there was no second try
        assert rig.screen.texts(place) == []


async def test_an_owner_is_told_of_what_could_not_be_said(open_town: Opener, rig: Rig) -> None:
    def script(prompt: Prompt) -> Line:
        rig.trouble.shut(rig.people.private(ANNA))
        return echo(prompt)

    async with open_town(script) as town:  # P-59
        rig.people.say("hello", ANNA)
        await town.calm()
        told_to_olga = await town.hears(rig.people.private(OLGA), 1)

        assert len(told_to_olga) == 1


async def test_a_silence_is_obeyed_in_its_chat_and_holds_up_no_other(open_town: Opener, rig: Rig) -> None:
    anna, boris = rig.people.private(ANNA), rig.people.private(BORIS)
    async with open_town() as town:  # P-60
        rig.trouble.flood(anna, seconds=1)
        began = time.monotonic()
        await town.tell("one", anna, id="one")
        await town.tell("two", anna, id="two")
        await town.tell("hello", boris, id="three")
        await town.hears(boris, 1)
        before, early = time.monotonic() - began, rig.screen.texts(anna)
        heard = await town.hears(anna, 2)
        await town.calm()

        assert before < 0.9
        assert early == []
        assert time.monotonic() - began >= 1
        assert heard == ["one", "two"]
        assert not [one for one in rig.screen.misuse() if "early" in one or "before" in one]


@pytest.mark.parametrize("arrived", [True, False], ids=["it arrived", "it did not"])
async def test_an_answer_that_is_lost_costs_one_repeat_at_most_as_the_platform_can(
    open_town: Opener, rig: Rig, arrived: bool
) -> None:
    place = rig.people.private(ANNA)
    (rig.trouble.lose if arrived else rig.trouble.fail)()
    async with open_town(clock=Hurry()) as town:  # P-56
        await town.tell("hello", place)
        await until(lambda: rig.screen.texts(place))
        await town.calm()

        marked = rig.nature.repeat is Repeat.MARKED
        once = [*(["hello"] if arrived else []), "↻ hello"] if marked else ["hello"]
        assert rig.screen.texts(place) == once
        assert await _state(town) == "sent"


async def test_what_found_no_connection_is_said_without_a_mark(open_town: Opener, rig: Rig) -> None:
    place = rig.people.private(ANNA)
    async with open_town(clock=Hurry()) as town:
        await rig.trouble.vanish(0.2)
        await town.tell("hello", place)
        await town.hears(place, 1)
        await town.calm()

        assert rig.screen.texts(place) == ["hello"]


async def test_under_many_faults_nothing_is_lost_and_every_repeat_is_marked(open_town: Opener, rig: Rig) -> None:
    faults = (rig.trouble.lose, rig.trouble.fail, rig.trouble.drop)
    async with open_town(echo, clock=Hurry(), agent={"steer": False}) as town:  # P-49, P-56
        for n in range(24):
            rig.people.say(f"{n}", ANNA if n % 2 else BORIS)
            if n % 4 == 0:
                faults[n // 4 % 3]()
            await asyncio.sleep(0.01)
        await town.calm(seconds=20)
        rig.trouble.heal()
        ended = await town.states()

    for who, rest in ((BORIS, 0), (ANNA, 1)):
        heard = rig.screen.texts(rig.people.private(who))
        once = {text.removeprefix("↻ ") for text in heard}  # in any order: what was lost comes again later
        missing = {f"heard {n}" for n in range(24) if n % 2 == rest} - once
        assert len(missing) <= ended["unknown"]  # only where even the repeat met a fault
        assert len(once) + len(missing) == 12
        assert len(set(heard)) == len(heard)  # what is there twice is marked
        assert rig.nature.repeat is Repeat.MARKED or (len(heard), ended["unknown"]) == (12, 0)
    assert set(ended) <= {"sent", "unknown"}


async def test_a_platform_that_is_away_slows_no_other(open_town: Opener, rig: Rig) -> None:
    other = RecordingChannel("other")
    async with open_town(echo, clock=Hurry(), beside={"other": other}) as town:
        await rig.trouble.vanish(0.25)
        for who in (ANNA, BORIS):
            await town.tell("hello", rig.people.private(who), id=who.value)
        began = time.monotonic()
        for n in range(10):
            await other.say(f"{n}")
            await until(lambda n=n: len(other.sent) > n)
        took, meanwhile = time.monotonic() - began, rig.screen.texts(rig.people.private(ANNA))

        assert meanwhile == [] or took < 0.25  # ten answers elsewhere, before this platform was back
        await town.hears(rig.people.private(ANNA), 1)


# -- limits ------------------------------------------------------------------------------------------------------


@pytest.mark.nightly
async def test_a_burst_into_every_chat_makes_the_platform_refuse_nothing(open_town: Opener, rig: Rig) -> None:
    rig.trouble.limits()
    places = [rig.people.group, *map(rig.people.private, Who)]
    async with open_town(settings={"rate": None}) as town:  # P-61
        for n in range(6):
            for place in places:
                await town.tell(f"{n}", place, id=f"{n} {place.chat}")
        await town.calm(seconds=50)

        assert [rig.screen.texts(place) for place in places] == [[f"{n}" for n in range(6)]] * len(places)
        assert rig.screen.misuse() == []
        assert rig.screen.floods() == 0


# -- tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rig", ["telegram", "slack", "feishu", "slack-http", "feishu-webhook"], indirect=True)
async def test_a_token_that_is_refused_stops_the_channel_at_once_and_says_so(open_town: Opener, rig: Rig) -> None:
    rig.trouble.refuse_token()
    began = time.monotonic()
    async with open_town() as town:
        reason = await town.becomes("stopped")

        assert time.monotonic() - began < 2
        assert "refuse" in reason or "wrong" in reason
        assert not any(secret in reason for secret in _secrets(rig.settings))  # P-87


async def test_what_is_said_while_the_token_is_refused_waits_for_another_start(
    open_town: Opener, rig: Rig
) -> None:
    place = rig.people.private(ANNA)
    async with open_town() as town:
        rig.trouble.refuse_token()
        await town.tell("hello", place)
        await town.becomes("stopped")
        waits = await _state(town)
    rig.trouble.heal()
    async with open_town() as town:
        heard = await town.hears(place, 1)

    assert waits == "open"
    assert heard == ["hello"]


def _secrets(settings: dict[str, Any]) -> list[str]:
    return [str(value) for key, value in settings.items() if "token" in key or "secret" in key or "key" in key]
