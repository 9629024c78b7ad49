"""Pictures, voices and files between people on Telegram and a whole gateway."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cron import phrases
from gateway.agent.model import Prompt, ToolResult, UserText
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import Line, calls
from tests.journeys.telegram.story import (
    ANNA,
    BOT,
    FORUM,
    GROUP,
    Opener,
    Town,
    calm,
    echo,
    hears,
    hurried,
    prompts,
    stored_jobs,
)
from tests.servers.telegram import TelegramServer
from tests.servers.telegram_pictures import png
from tests.servers.transcription import KEY, transcription_server


def kept(town: Town) -> Mapping[str, bytes]:
    """What lies below received/, by its path."""
    files = (path for path in (town.home.workspace / "received").rglob("*") if path.is_file())
    return {str(path.relative_to(town.home.workspace)): path.read_bytes() for path in files}


def told(prompt: Prompt) -> str:
    """All that people said and what was noted of it."""
    return "\n".join(f"{item.note} {item.text}" for item in prompt.items if isinstance(item, UserText))


def sends(*paths: str, text: str = "Here") -> Any:
    """A model that sends files of the workspace once, and says nothing more."""

    def script(prompt: Prompt) -> Line:
        if isinstance(prompt.items[-1], ToolResult):
            return ""
        return calls(("message", {"text": text, "files": list(paths)}))

    return script


# -- what comes --------------------------------------------------------------------------------------------------


async def test_a_picture_is_kept_in_the_workspace_and_the_model_knows_where(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.telegram.share("photo", png(), user=ANNA, caption="what is this?")
        await hears(town, 1, chat=ANNA)

        ((path, content),) = kept(town).items()
        assert content == png()
        assert path in told(prompts(town)[0])
        assert "what is this?" in told(prompts(town)[0])


async def test_an_album_is_one_turn(open_town: Opener, telegram: TelegramServer) -> None:
    pictures = [png(shade=n) for n in range(4)]
    async with open_town(echo, **hurried(telegram)) as town:
        telegram.send_album(pictures, user=ANNA, caption="our cats")
        await hears(town, 1, chat=ANNA)
        await calm(town)

        assert len(prompts(town)) == 1
        assert sorted(kept(town).values()) == sorted(pictures)
        assert len(telegram.sent) == 1


async def test_an_album_in_a_group_is_meant_for_the_bot_as_a_whole(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.can_read_all_group_messages = True
    pictures = [png(shade=n) for n in range(3)]
    async with open_town(echo, **hurried(telegram)) as town:
        telegram.send_album(pictures, user=ANNA, caption="nothing for anybody", chat=GROUP)
        telegram.send_album(pictures, user=ANNA, caption=f"{BOT} look", chat=GROUP)
        await hears(town, 1, chat=GROUP)
        await calm(town)

        assert len(prompts(town)) == 1
        assert len(kept(town)) == 3


async def test_a_voice_message_is_understood_as_its_words(open_town: Opener) -> None:
    async with transcription_server() as server:
        server.text = "remind me in 20 minutes to stretch"
        transcription = {"base_url": server.url, "api_key": KEY}
        async with open_town(model=OfflineModel(phrases.find), transcription=transcription) as town:
            town.telegram.voice(b"OggS and so on", user=ANNA, seconds=3)
            heard = await hears(town, 1, chat=ANNA)

            assert "stretch" in heard[0]
            assert len(stored_jobs(town)) == 1
        assert [content for _, content in server.heard] == [b"OggS and so on"]


async def test_without_anybody_who_listens_a_voice_message_is_answered_with_that(open_town: Opener) -> None:
    async with open_town(model=OfflineModel(phrases.find)) as town:
        town.telegram.voice(b"OggS", user=ANNA)

        assert await hears(town, 1, chat=ANNA) == ["I can't listen to voice yet"]


async def test_a_file_that_cannot_be_had_is_said_and_the_turn_goes_on(open_town: Opener) -> None:
    async with open_town(echo, media={"max_bytes": 100_000_000}) as town:
        town.telegram.share("document", b"x", user=ANNA, name="big.zip", size=50_000_000, caption="see")
        await hears(town, 1, chat=ANNA)

        assert "big.zip" in told(prompts(town)[0])
        assert "too large: 20 MB at most is what Telegram gives to bots" in told(prompts(town)[0])
        assert kept(town) == {}


async def test_a_location_is_told_in_words(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.telegram.send_content({"location": {"latitude": 48.1, "longitude": 11.5}}, user=ANNA)

        assert await hears(town, 1, chat=ANNA) == ["heard (a location: 48.1, 11.5)"]


# -- what goes ---------------------------------------------------------------------------------------------------


def lay_out(town: Town, **files: bytes) -> None:
    """Put files into the workspace; an underscore stands for a dot."""
    town.home.workspace.mkdir(exist_ok=True)
    for name, content in files.items():
        (Path(town.home.workspace) / name.replace("_", ".")).write_bytes(content)


async def test_a_file_of_the_workspace_arrives_in_the_topic_after_its_words(
    open_town: Opener, telegram: TelegramServer
) -> None:
    topic = telegram.topic(FORUM, "News")
    async with open_town(sends("report.pdf")) as town:
        lay_out(town, report_pdf=b"%PDF-1.7 all of it")
        telegram.say(f"{BOT} the report?", user=ANNA, chat=FORUM, thread=topic)
        await telegram.wait_for(2)
        await calm(town)

        assert [(one.method, one.thread) for one in telegram.sent] == [
            ("sendMessage", topic),
            ("sendDocument", topic),
        ]
        assert telegram.sent[1].file_name == "report.pdf"
        assert telegram.files[telegram.sent[1].file_id].content == b"%PDF-1.7 all of it"


async def test_pictures_arrive_as_one_album(open_town: Opener, telegram: TelegramServer) -> None:
    async with open_town(sends("a.png", "b.png")) as town:
        lay_out(town, a_png=png(shade=1), b_png=png(shade=2))
        telegram.say("the cats?", user=ANNA)
        await telegram.wait_for(3)
        await calm(town)

        assert [one.method for one in telegram.sent] == ["sendMessage", "sendMediaGroup", "sendMediaGroup"]
        assert telegram.sent[1].album == telegram.sent[2].album != ""


async def test_an_upload_that_is_refused_is_said_in_the_chat(open_town: Opener, telegram: TelegramServer) -> None:
    telegram.fault(
        "refused", method="sendDocument", description="Bad Request: not enough rights to send documents"
    )
    async with open_town(sends("report.pdf")) as town:
        lay_out(town, report_pdf=b"%PDF")
        telegram.say("the report?", user=ANNA)
        heard = await hears(town, 2, chat=ANNA)
        await calm(town)

    assert heard[0] == "Here"
    assert "I could not send report.pdf" in heard[1]
    assert "not enough rights" in heard[1].lower()


async def test_every_picture_of_an_album_that_is_refused_is_named(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.fault("refused", method="sendMediaGroup", description="Bad Request: group send failed")
    async with open_town(sends("a.png", "b.png")) as town:
        lay_out(town, a_png=png(), b_png=png())
        telegram.say("the cats?", user=ANNA)
        heard = await hears(town, 2, chat=ANNA)

    assert "I could not send a.png, b.png" in heard[1]


async def test_an_upload_whose_answer_was_lost_comes_once_more_and_is_marked(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.fault("lost", method="sendDocument")
    async with open_town(sends("report.pdf"), **{**hurried(telegram), "channels": None}) as town:  # P-56
        lay_out(town, report_pdf=b"%PDF")
        telegram.say("the report?", user=ANNA)
        await telegram.wait_for(3)
        await calm(town)

        assert [one.text for one in telegram.sent] == ["Here", "", "↻"]


async def test_a_message_is_acknowledged_where_the_channel_says_so(open_town: Opener) -> None:
    async with open_town(echo, settings={"react": True}) as town:
        town.telegram.say("hello", user=ANNA)
        asked = town.telegram.last_message(ANNA)
        await hears(town, 1, chat=ANNA)
        await town.telegram.wait_for(lambda: town.telegram.reactions)

        assert town.telegram.reactions == {(ANNA, asked): ["👀"]}
