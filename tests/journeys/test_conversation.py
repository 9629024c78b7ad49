"""A person writes, the agent answers."""

from tests.fakes import until
from tests.journeys.conftest import Opener


async def test_a_question_gets_one_answer_in_its_chat(open_world: Opener) -> None:
    async with open_world(["hello Anna"]) as world:
        await world.channel.say("hello", chat="7", thread="topic")

        await until(lambda: world.channel.sent)

    (parcel,) = world.channel.sent
    assert parcel.address.chat == "7"
    assert parcel.address.thread == "topic"
    assert world.channel.texts() == ["hello Anna"]
