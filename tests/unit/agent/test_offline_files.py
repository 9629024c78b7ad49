"""Files and voices, for an assistant that cannot look at any."""

from dataclasses import replace

from gateway.agent import overheard
from gateway.agent.model import UserText
from gateway.media.notes import DEAF
from tests.offline import Conversation
from tests.unit.agent.test_sessions import HELLO

CAT = UserText("", "a picture, kept at received/1-0-cat.jpg", arrived="I keep cat.jpg at received/1-0-cat.jpg.")
DOG = UserText("", "a picture, kept at received/2-0-dog.jpg", arrived="I keep dog.jpg at received/2-0-dog.jpg.")
VOICE = UserText("", "a voice message that nobody can listen to", arrived=DEAF)


async def test_a_file_without_words_is_answered_with_where_it_is_kept() -> None:
    talk = Conversation(items=[UserText("", "12:00"), CAT])

    assert await talk.goes_on() == ([], CAT.arrived)


async def test_a_voice_that_nobody_writes_down_is_answered_so() -> None:
    talk = Conversation(items=[UserText("", "12:00"), VOICE])

    assert await talk.goes_on() == ([], "I can't listen to voice yet")


async def test_the_words_beside_a_file_are_understood() -> None:
    talk = Conversation(items=[UserText("remind me in 5 minutes to call Bob"), CAT])

    calls, _ = await talk.goes_on()

    assert calls == [{"action": "add", "say": "call Bob", "when": "in 5 minutes"}]


async def test_spoken_words_are_understood_as_written_ones() -> None:
    spoken = UserText("Remind me in 5 minutes to stretch.", "a voice message", arrived="I keep voice.ogg.")
    talk = Conversation(items=[UserText("", "12:00"), spoken])

    calls, _ = await talk.goes_on()

    assert calls == [{"action": "add", "say": "stretch", "when": "in 5 minutes"}]


async def test_an_album_is_answered_once_for_all_its_files() -> None:
    talk = Conversation(items=[UserText(""), CAT, UserText(""), DOG])

    assert await talk.goes_on() == ([], f"{CAT.arrived}\n{DOG.arrived}")


async def test_the_words_of_an_album_may_stand_at_any_of_its_files() -> None:
    talk = Conversation(items=[UserText("remind me in 5 minutes to call Bob"), CAT, UserText(""), DOG])

    calls, _ = await talk.goes_on()

    assert calls == [{"action": "add", "say": "call Bob", "when": "in 5 minutes"}]


async def test_a_file_of_before_does_not_break_off_a_conversation() -> None:
    talk = Conversation(items=[UserText("remind me to call Bob"), CAT])
    _, asked = await talk.goes_on()

    calls, _ = await talk.say("in 5 minutes")

    assert "hen" in asked  # "When?"
    assert calls == [{"action": "add", "say": "call Bob", "when": "in 5 minutes"}]


async def test_words_after_files_are_a_turn_of_their_own() -> None:
    talk = Conversation(items=[UserText(""), CAT])
    await talk.goes_on()

    calls, _ = await talk.say("what is scheduled?")

    assert calls == [{"action": "list"}]


async def test_what_people_say_to_each_other_asks_nothing_of_it() -> None:
    talked = overheard.words([replace(HELLO, sender_name="Ben", text="remind me in 5 minutes to sing")], "UTC")
    files_only = Conversation(items=[talked, UserText("", "12:00"), CAT])
    with_words = Conversation(items=[talked, UserText("thanks", "12:00")])

    assert await files_only.goes_on() == ([], CAT.arrived)
    assert await with_words.goes_on() == await Conversation(items=[UserText("thanks", "12:00")]).goes_on()


async def test_what_people_say_to_each_other_does_not_answer_a_question() -> None:
    talk = Conversation(items=[UserText("remind me to call Bob")])
    await talk.goes_on()
    talk.items.append(overheard.words([replace(HELLO, text="lunch?")], "UTC"))

    calls, _ = await talk.say("in 5 minutes")

    assert calls == [{"action": "add", "say": "call Bob", "when": "in 5 minutes"}]
