"""On every platform: whatever is said comes to the place where it was asked for, and to no other."""

from cron import phrases
from gateway.agent.model import Prompt, ToolResult
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import Line, calls
from gateway.errors import ErrorClass, ModelError
from tests.contract.rigs.base import Place, Rig, Who
from tests.contract.rigs.town import Hurry, Opener, echo, said

ANNA, BORIS, OLGA = Who.ANNA, Who.BORIS, Who.OLGA


def _around(rig: Rig, place: Place) -> list[str]:
    """What stands in the group outside of this thread, and in private chats."""
    places = [Place(rig.people.group.chat), *map(rig.people.private, Who)]
    return [text for one in places if one != place for text in rig.screen.texts(one)]


async def test_a_question_in_a_thread_is_answered_in_it_part_by_part(open_town: Opener, rig: Rig) -> None:
    long = "\n\n".join(f"paragraph {n}: " + "word " * 150 for n in range(90))
    place = rig.people.thread()
    async with open_town([long]) as town:  # P-52, P-57
        rig.people.say("news?", ANNA, place, mention=True)
        await town.hears(place, 2)
        await town.calm()

        texts = rig.screen.texts(place)
        assert "paragraph 0:" in texts[0]
        assert "paragraph 89:" in texts[-1]
        assert _around(rig, place) == []


async def test_threads_are_conversations_of_their_own(open_town: Opener, rig: Rig) -> None:
    one, two = rig.people.thread(), rig.people.thread()
    async with open_town(echo) as town:
        rig.people.say("my cat is Mia", ANNA, one, mention=True)
        await town.hears(one, 1)
        rig.people.say("what is my cat called?", ANNA, two, mention=True)
        await town.hears(two, 1)

        assert "Mia" not in "".join(str(item) for item in town.prompts[1].items)


async def test_a_thread_remembers_what_was_said_in_it(open_town: Opener, rig: Rig) -> None:
    place = rig.people.thread()
    async with open_town(echo) as town:
        rig.people.say("my cat is Mia", ANNA, place, mention=True)
        await town.hears(place, 1)
        rig.people.say("what is my cat called?", ANNA, place, mention=True)
        await town.hears(place, 2)

        assert "Mia" in "".join(str(item) for item in town.prompts[1].items)


async def test_an_apology_for_a_failed_turn_comes_where_it_was_asked(open_town: Opener, rig: Rig) -> None:
    place = rig.people.thread()
    script: list[Line] = [ModelError("the model is ill", ErrorClass.PERMANENT)]
    async with open_town(script) as town:
        rig.people.say("hello", ANNA, place, mention=True)
        heard = await town.hears(place, 1)
        await town.calm()

        assert len(heard) == 1
        assert _around(rig, place) == []


async def test_a_reminder_comes_to_the_place_where_it_was_asked_for(open_town: Opener, rig: Rig) -> None:
    thread = rig.people.thread()
    async with open_town(model=OfflineModel(phrases.find), clock=Hurry()) as town:  # P-52, P-62, NOX-17
        rig.people.say("remind me in 4 seconds to stretch", ANNA, thread, mention=True)
        rig.people.say("remind me in 4 seconds to walk", BORIS)
        in_thread = await town.hears(thread, 2)
        alone = await town.hears(rig.people.private(BORIS), 2)
        await town.calm()

        assert "stretch" in in_thread[1]
        assert "walk" in alone[1]
        assert [text for text in _around(rig, thread) if "stretch" in text] == []


async def test_a_job_of_the_top_level_of_a_group_speaks_at_its_top_level(open_town: Opener, rig: Rig) -> None:
    async with open_town(model=OfflineModel(phrases.find), clock=Hurry()) as town:  # AB-45, CARD-08
        asked = rig.people.say("remind me in 4 seconds to stretch", ANNA, rig.people.group, mention=True)
        apart = asked.answers != rig.people.group
        heard = await town.hears(rig.people.group, 1 if apart else 2)
        await town.calm()

        assert "stretch" in heard[-1]
        assert len(rig.screen.texts(asked.answers)) == (1 if apart else 2)


def _job_that_a_model_runs(prompt: Prompt) -> Line:
    """Makes a job when asked to; as the job, tries to speak here and elsewhere."""
    job = {"action": "add", "message": "Say hello.", "when": "in 4 seconds", "name": "greet"}
    answered = isinstance(prompt.items[-1], ToolResult)
    if "greet us" in said(prompt):
        return "I will." if answered else calls(("cron", job))
    elsewhere = {"text": "hello from the job", "chat": "somewhere", "to": "somewhere"}
    return "done" if answered else calls(("message", {"text": "hello from the job"}), ("message", elsewhere))


async def test_a_job_that_a_model_runs_speaks_in_the_thread_where_it_was_made(open_town: Opener, rig: Rig) -> None:
    place = rig.people.thread()
    async with open_town(_job_that_a_model_runs, clock=Hurry()) as town:  # P-55, P-62, CARD-08
        rig.people.say("greet us", ANNA, place, mention=True)
        heard = await town.hears(place, 2)
        await town.calm()

        assert heard[:2] == ["I will.", "hello from the job"]
        assert "done" not in "".join(rig.screen.texts(place))
        assert _around(rig, place) == []


async def test_a_job_of_a_group_returns_to_it_after_a_restart(open_town: Opener, rig: Rig) -> None:
    place, clock = rig.people.thread(), Hurry()
    async with open_town(model=OfflineModel(phrases.find), clock=clock) as town:  # NOX-17
        rig.people.say("remind me in 8 seconds to stretch", ANNA, place, mention=True)
        await town.hears(place, 1)
        await town.calm()

    async with open_town(model=OfflineModel(phrases.find), clock=clock) as town:
        heard = await town.hears(place, 2)
        await town.calm()

        assert "stretch" in heard[1]
        assert _around(rig, place) == []


async def test_a_job_shows_the_channel_and_the_chat_in_which_it_speaks(open_town: Opener, rig: Rig) -> None:
    async with open_town(model=OfflineModel(phrases.find)) as town:  # AB-45, AB-58, AB-59
        rig.people.say("remind me tomorrow at 9am to stretch", ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        (job,) = town.gateway.store.load().values()
        shown = rig.people.command(f"/cron show {job.name}", ANNA)
        heard = await town.hears(shown, 2)

        chat = rig.people.private(ANNA).chat
        assert job.owner == f"{rig.name}:{chat}"
        assert job.address is not None
        assert (job.address.channel, job.address.chat) == (rig.name, chat)
        assert "stretch" in heard[-1]


async def test_jobs_of_one_chat_are_not_there_for_another(open_town: Opener, rig: Rig) -> None:
    async with open_town(model=OfflineModel(phrases.find)) as town:  # P-72, AB-61, AB-62
        rig.people.say("remind me tomorrow at 9am to water the roses", ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        (job,) = town.gateway.store.load().values()
        answers: list[str] = []
        for text in ("/cron", f"/cron remove {job.id}", "/cron remove ffffffff"):
            place = rig.people.command(text, BORIS)
            answers.append((await town.hears(place, len(answers) + 1))[-1])

        assert "roses" not in answers[0]
        assert answers[1].replace(job.id, "ffffffff") == answers[2]
        assert len(town.gateway.store.load()) == 1
