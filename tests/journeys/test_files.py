"""Files through a whole gateway: what comes is kept and understood, what is sent arrives as it was meant."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.files import open_file
from cron import phrases
from gateway.agent.model import Prompt, UserText
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import calls
from gateway.errors import PermanentDeliveryError
from gateway.messages import Attachment, Media
from tests.fakes import NOON, FakeClock, FilingChannel, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import callers, go_to, hears, jobs, rows
from tests.servers.transcription import KEY, transcription_server

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture" * 10
CAT = Attachment(name="cat.png", media_type="image/png", path="", kind=Media.PICTURE, source="cat", size=98)
DOG = Attachment(name="dog.png", media_type="image/png", path="", kind=Media.PICTURE, source="dog", size=98)
VOICE = Attachment(name="", media_type="audio/ogg", path="", kind=Media.VOICE, source="voice", seconds=3)


def platform(**files: bytes | Exception) -> FilingChannel:
    channel = FilingChannel()
    channel.files = {source: [content] for source, content in files.items()}
    return channel


def kept(world: World) -> Mapping[str, bytes]:
    """What lies below received/, by the name that it came with."""
    files = (path for path in (world.home.workspace / "received").rglob("*") if path.is_file())
    return {path.name.split("-", 2)[2]: path.read_bytes() for path in files}


def offline() -> Any:
    return OfflineModel(phrases.find).ask


async def test_a_picture_to_an_assistant_without_a_model_is_kept_and_it_says_where(open_world: Opener) -> None:
    async with open_world(offline(), channel=platform(cat=PNG)) as world:
        await _channel(world).bring(CAT)
        (answer,) = await hears(world, 1)

        assert kept(world) == {"cat.png": PNG}
        (path,) = (world.home.workspace / "received").rglob("*.png")
        assert (
            answer
            == f"I keep cat.png (98 bytes) at {path.relative_to(world.home.workspace)}. I cannot look into it."
        )


async def test_a_voice_message_is_said_not_to_be_understood(open_world: Opener) -> None:
    async with open_world(offline(), channel=platform(voice=b"OggS")) as world:
        await _channel(world).bring(VOICE)

        assert await hears(world, 1) == ["I can't listen to voice yet"]


async def test_a_spoken_reminder_is_made(open_world: Opener) -> None:
    async with transcription_server() as server:
        server.text = "Remind me in 5 minutes to stretch."
        listening = {"base_url": server.url, "api_key": KEY}
        async with open_world(offline(), channel=platform(voice=b"OggS"), transcription=listening) as world:
            await _channel(world).bring(VOICE)
            await hears(world, 1)
            (job,) = jobs(world)
            await go_to(world, NOON + timedelta(minutes=5))
            await until(lambda: len(world.channel.sent) == 2)

            assert job.name == "stretch"
            assert world.channel.texts()[1] == "stretch"
            assert server.heard == [("voice.ogg", b"OggS")]


async def test_an_album_is_one_turn_with_all_its_pictures(open_world: Opener) -> None:
    async with open_world(["two animals"], channel=platform(cat=PNG, dog=PNG)) as world:
        await _channel(world).bring(CAT, text="what are these?", album="a1")
        await _channel(world).bring(DOG, album="a1")
        await _after(world, 1)
        await until(lambda: world.channel.sent)

        assert world.channel.texts() == ["two animals"]
        assert kept(world) == {"cat.png": PNG, "dog.png": PNG}
        assert len(world.model.prompts) == 1


async def _after(world: World, seconds: int) -> None:
    """Let the album be whole, and what is being fetched be there."""
    for _ in range(4):
        await world.clock.advance(timedelta(seconds=seconds))


async def test_a_model_reads_where_a_file_is_and_sees_a_picture_if_it_can(open_world: Opener) -> None:
    async with open_world(["a cat"], channel=platform(cat=PNG), model={"vision": True}) as world:
        await _channel(world).bring(CAT, text="what is this?")
        await hears(world, 1)

        said, came = _said(world.model.prompts[0])
        assert said.text == "what is this?"
        assert 'with a picture "cat.png" (98 bytes)' in said.note
        (path,) = came.pictures
        assert (world.home.workspace / path).read_bytes() == PNG
        assert path in came.note


async def test_later_turns_read_of_the_file_and_see_it_no_more(open_world: Opener) -> None:
    async with open_world(["a cat", "you sent a cat"], channel=platform(cat=PNG), model={"vision": True}) as world:
        await _channel(world).bring(CAT, text="what is this?")
        await hears(world, 1)
        await world.channel.say("what was it?")
        await hears(world, 2)

        _, before, _ = _said(world.model.prompts[1])
        assert before.pictures == ()
        assert "cat.png" in before.note
        assert _channel(world).fetched == ["cat"]


async def test_after_a_restart_a_session_still_knows_its_files(open_world: Opener) -> None:
    channel = platform(cat=PNG)
    async with open_world(["a cat"], channel=channel) as world:
        await channel.bring(CAT, text="what is this?")
        await hears(world, 1)
    async with open_world(["you sent a cat"], clock=world.clock) as again:
        await again.channel.say("what was it?", key="later")
        await hears(again, 1)

        _, before, _ = _said(again.model.prompts[0])
        assert "cat.png" in before.note


async def test_a_file_that_is_too_large_is_said_and_the_turn_goes_on(open_world: Opener) -> None:
    big = Attachment(name="big.zip", media_type="", path="", source="big", size=50_000_000)
    async with open_world(["it is too large"], channel=platform(big=b"")) as world:
        await _channel(world).bring(big, text="unpack this")
        await hears(world, 1)

        _, came = _said(world.model.prompts[0])
        assert 'the file "big.zip" (50 MB) is too large: 20 MB at most' in came.note
        assert _channel(world).fetched == []


async def test_the_model_sends_a_file_to_the_chat_of_its_turn(open_world: Opener) -> None:
    async with open_world([calls(("message", {"text": "here", "files": "report.pdf"})), ""]) as world:
        (world.home.workspace / "report.pdf").write_bytes(b"%PDF")
        await world.channel.say("the report, please", chat="7", thread="2")
        texts = await hears(world, 2)

        assert texts == ["here", "[report.pdf]"]
        assert {(parcel.address.chat, parcel.address.thread) for parcel in world.channel.sent} == {("7", "2")}
        with open_file(world.home.workspace, world.channel.sent[1].payload) as file:
            assert file.read() == b"%PDF"
        assert await callers(world) == {"model": 1}


async def test_what_arrives_is_the_file_as_it_was_said(open_world: Opener) -> None:
    async with open_world([calls(("message", {"files": ["chart.txt"]})), "done"]) as world:
        world.channel.gate.clear()
        (world.home.workspace / "chart.txt").write_bytes(b"monday")
        await world.channel.say("the chart")
        await until(lambda: world.channel.tried)
        (world.home.workspace / "chart.txt").write_bytes(b"tuesday")
        world.channel.gate.set()
        await hears(world, 2)

        with open_file(world.home.workspace, world.channel.sent[0].payload) as file:
            assert file.read() == b"monday"


@pytest.mark.parametrize("path", ["../config.toml", "/etc/passwd", "file:///etc/passwd", "link.txt", "no.pdf"])
async def test_the_model_is_told_what_it_cannot_send_and_nobody_gets_it(open_world: Opener, path: str) -> None:
    async with open_world([calls(("message", {"text": "here", "files": [path]})), "I cannot"]) as world:
        (world.home.path / "config.toml").write_text("secret")
        (world.home.workspace / "link.txt").symlink_to(world.home.path / "config.toml")
        await world.channel.say("send me that")
        texts = await hears(world, 1)

        assert texts == ["I cannot"]  # P-85
        assert await rows(world, "SELECT count(*) FROM outbox WHERE caller = 'model'") == [(0,)]


async def test_a_file_that_its_platform_refuses_is_said_in_the_chat(open_world: Opener) -> None:
    async with open_world([calls(("message", {"text": "here", "files": ["report.pdf"]})), ""]) as world:
        (world.home.workspace / "report.pdf").write_bytes(b"%PDF")
        world.channel.faults = [None, PermanentDeliveryError("a file of this kind is not taken")]
        await world.channel.say("the report")
        texts = await hears(world, 2)

        assert texts == ["here", "I could not send `report.pdf`: a file of this kind is not taken."]


async def test_what_came_and_went_is_forgotten_after_its_days_and_nothing_else(open_world: Opener) -> None:
    script = [calls(("message", {"files": ["notes.txt"]})), "a cat"]
    async with open_world(script, channel=platform(cat=PNG)) as world:
        own = world.home.workspace / "notes.txt"
        own.write_text("mine")
        await _channel(world).bring(CAT, text="look")
        await hears(world, 2)

    async with open_world(clock=FakeClock(NOON + timedelta(days=3)), retention={"days": 3}) as young:
        young.gateway.filing.keep_house(young.clock.now())
        assert kept(young) == {"cat.png": PNG}
    async with open_world(clock=FakeClock(NOON + timedelta(days=4)), retention={"days": 3}) as old:
        days = [old.home.workspace / name for name in ("received", "sent")]
        await until(lambda: not any(any(folder.iterdir()) for folder in days))  # seen to at the start

        assert own.read_text() == "mine"


async def test_what_came_is_private(open_world: Opener) -> None:
    async with open_world(["a cat"], channel=platform(cat=PNG)) as world:
        await _channel(world).bring(CAT, text="look")
        await hears(world, 1)

        modes = {path.stat().st_mode & 0o777 for path in _files(world.home.workspace)}
        assert modes == {0o600}  # P-37


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _channel(world: World) -> FilingChannel:
    assert isinstance(world.channel, FilingChannel)
    return world.channel


def _said(prompt: Prompt) -> list[UserText]:
    return [item for item in prompt.items if isinstance(item, UserText)]
