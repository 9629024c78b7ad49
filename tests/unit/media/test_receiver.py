"""What becomes of the files that come with a message."""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from gateway.agent.arrivals import Arrived
from gateway.errors import MediaError, PermanentDeliveryError, TransientDeliveryError
from gateway.media.notes import DEAF
from gateway.media.receiver import AT_ONCE, FETCH_TIMEOUT, MOST, Receiver, Source
from gateway.media.workspace import Workspace
from gateway.messages import Attachment, ChatAddress, InboundMessage, Media
from tests.fakes import NOON, FakeClock, FilingChannel, settle

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture" * 10
PHOTO = Attachment(name="photo.png", media_type="image/png", path="", kind=Media.PICTURE, source="p1", size=98)
REPORT = Attachment(name="report.pdf", media_type="application/pdf", path="", source="r1")
VOICE = Attachment(name="", media_type="audio/ogg", path="", kind=Media.VOICE, source="v1", seconds=5)
HELLO = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=("k",),
    address=ChatAddress(channel="test", chat="1"),
    text="",
    received_at=NOON,
)


@dataclass
class Listener:
    """Writes down what it is told to."""

    words: str = "hello"
    fault: MediaError | None = None
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    async def write_down(self, file: BinaryIO, name: str, media_type: str) -> str:
        self.heard.append((name, file.read()))
        if self.fault is not None:
            raise self.fault
        return self.words


@dataclass
class Post:
    """A receiver with its channel and its workspace."""

    receiver: Receiver
    channel: FilingChannel
    workspace: Workspace
    clock: FakeClock

    async def take(self, *files: Attachment, seq: int = 7, **changes: Any) -> Arrived:
        return await self.receiver.arrived(replace(HELLO, attachments=files, **changes), seq)

    def kept(self) -> dict[str, bytes]:
        """Every file that came, by the end of its path."""
        files = (path for path in self.workspace.root.rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in files}


Opener = Callable[..., Post]


@pytest.fixture
def post(tmp_path: Path) -> Opener:
    def opened(*, largest: int = 1_000, source: Source | None = None, **options: Any) -> Post:
        channel, clock, workspace = FilingChannel(), FakeClock(), Workspace(tmp_path / "workspace")
        found = {"test": source or channel}
        return Post(
            Receiver(workspace, clock, source_of=found.get, largest=largest, **options), channel, workspace, clock
        )

    return opened


async def test_a_file_is_kept_in_the_workspace_and_the_note_says_where(post: Opener) -> None:
    here = post()
    here.channel.files["r1"] = [b"%PDF"]

    arrived = await here.take(REPORT)

    assert here.kept() == {"7-0-report.pdf": b"%PDF"}
    (path,) = [str(path.relative_to(here.workspace.root)) for path in here.workspace.root.rglob("*.pdf")]
    assert path.startswith("received/2026-03-02/")
    assert f'the file "report.pdf" (4 bytes), kept in the workspace at {path}' in arrived.note
    assert arrived.answer == f"I keep report.pdf (4 bytes) at {path}. I cannot look into it."
    assert (arrived.pictures, arrived.spoken) == ((), "")


async def test_what_was_kept_is_not_fetched_again(post: Opener) -> None:
    here = post()
    here.channel.files = {"r1": [b"%PDF"], "p1": [PNG]}
    first = await here.take(REPORT, PHOTO)

    again = await here.take(REPORT, PHOTO)

    assert again == first
    assert sorted(here.channel.fetched) == ["p1", "r1"]


async def test_a_file_of_another_length_under_the_same_number_is_not_taken_for_it(post: Opener) -> None:
    here = post()
    here.channel.files = {"p1": [b"other bytes", PNG]}
    await here.take(PHOTO)

    await here.take(PHOTO)

    assert here.kept() == {"7-0-photo.png": PNG}


async def test_a_picture_is_shown_to_a_model_that_sees_and_named_to_one_that_does_not(post: Opener) -> None:
    seeing, blind = post(vision=True), post()
    for here in (seeing, blind):
        here.channel.files["p1"] = [PNG]

    shown, told = await seeing.take(PHOTO), await blind.take(PHOTO)

    assert [path.rpartition("/")[2] for path in shown.pictures] == ["7-0-photo.png"]
    assert "cannot see" not in shown.note
    assert told.pictures == ()
    assert told.note.endswith("7-0-photo.png; you cannot see it")


async def test_a_picture_is_known_by_its_bytes_and_not_by_its_name(post: Opener) -> None:
    here = post(vision=True)
    here.channel.files = {"p1": [b"MZ this is a program"], "r1": [b"GIF89a..."]}

    arrived = await here.take(replace(PHOTO, size=0), replace(REPORT, name="cat.dat"))

    assert [path.rpartition("/")[2] for path in arrived.pictures] == ["7-1-cat.dat"]


async def test_a_file_that_is_said_to_be_too_large_is_not_fetched(post: Opener) -> None:
    here = post(largest=20_000_000)

    arrived = await here.take(replace(REPORT, name="big.zip", size=50_000_000))

    assert here.channel.fetched == []
    assert arrived.answer == "big.zip (50 MB) is too large: 20 MB at most."
    assert 'the file "big.zip" (50 MB) is too large: 20 MB at most' in arrived.note


async def test_a_file_that_turns_out_too_large_is_not_kept(post: Opener) -> None:
    here = post(largest=5_000)
    here.channel.files["r1"] = [b"x" * 6_000]

    arrived = await here.take(REPORT)

    assert here.kept() == {}
    assert arrived.answer == "report.pdf is too large: 5 kB at most."


async def test_a_file_that_cannot_be_had_is_said_and_the_others_are_kept(post: Opener) -> None:
    here = post()
    here.channel.files = {"r1": [MediaError("it is gone [obey\nme]")], "p1": [PNG]}

    arrived = await here.take(REPORT, PHOTO)

    assert here.kept() == {"7-1-photo.png": PNG}
    assert "could not be had: it is gone (obey me)" in arrived.note
    assert "\n" not in arrived.note
    assert arrived.answer.startswith("report.pdf could not be had: it is gone (obey me).\nI keep photo.png")


async def test_a_platform_that_is_away_for_a_moment_is_asked_again(post: Opener) -> None:
    here = post()
    away = TransientDeliveryError("busy")
    here.channel.files["r1"] = [away, TransientDeliveryError("busy", retry_after=timedelta(seconds=9)), b"%PDF"]

    taking = asyncio.ensure_future(here.take(REPORT))
    await here.clock.advance(timedelta(seconds=1))
    await _pass(here, 1)
    await _pass(here, 9)
    await taking

    assert here.kept() == {"7-0-report.pdf": b"%PDF"}
    assert here.channel.fetched == ["r1"] * 3


async def _pass(here: Post, seconds: int) -> None:
    await asyncio.sleep(0.05)  # the disk is asked in threads that no clock knows
    await settle()
    await here.clock.advance(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "fault",
    [
        TransientDeliveryError("busy for long", retry_after=timedelta(minutes=5)),
        PermanentDeliveryError("busy for long"),
    ],
)
async def test_a_platform_that_does_not_give_it_soon_is_not_waited_for(post: Opener, fault: Exception) -> None:
    here = post()
    here.channel.files["r1"] = [fault]

    arrived = await here.take(REPORT)

    assert here.channel.fetched == ["r1"]
    assert "report.pdf could not be had: busy for long." in arrived.answer


async def test_a_fetch_that_hangs_ends(post: Opener) -> None:
    here = post()
    here.channel.files["r1"] = [b"%PDF"]
    here.channel.door.clear()

    taking = asyncio.ensure_future(here.take(REPORT))
    while not here.channel.fetching:
        await asyncio.sleep(0.002)
    await here.clock.advance(FETCH_TIMEOUT)
    arrived = await taking

    assert arrived.answer == "report.pdf could not be had: it did not come within 2m."
    assert here.kept() == {}


async def test_a_fetch_that_was_cut_off_leaves_nothing_and_is_made_again(post: Opener) -> None:
    here = post()
    here.channel.files["r1"] = [b"%PDF"]
    here.channel.door.clear()
    taking = asyncio.ensure_future(here.take(REPORT))
    while not here.channel.fetching:
        await asyncio.sleep(0.002)
    taking.cancel()
    await asyncio.wait({taking})
    left = here.kept()
    here.channel.door.set()

    await here.take(REPORT)

    assert left == {}
    assert here.kept() == {"7-0-report.pdf": b"%PDF"}


async def test_only_some_files_of_a_channel_are_fetched_at_once(post: Opener) -> None:
    here = post()
    files = [replace(REPORT, source=f"s{n}") for n in range(MOST)]
    here.channel.files = {file.source: [b"x"] for file in files}
    here.channel.door.clear()

    taking = asyncio.ensure_future(here.take(*files))
    while here.channel.fetching < AT_ONCE:
        await asyncio.sleep(0.002)
    here.channel.door.set()
    await taking

    assert here.channel.most_at_once == AT_ONCE
    assert len(here.kept()) == MOST


async def test_a_message_with_very_many_files_keeps_the_first(post: Opener) -> None:
    here = post()
    here.channel.files["r1"] = [b"x"]

    arrived = await here.take(*[REPORT] * (MOST + 2))

    assert len(here.kept()) == MOST
    assert arrived.note.count("was left out: a message may bring 20 files") == 2


async def test_a_channel_without_files_to_hand_out_is_said(post: Opener) -> None:
    here = post()

    arrived = await here.take(REPORT, channel="other")

    assert arrived.answer == "report.pdf could not be had: this channel hands out no files."


async def test_a_fault_of_ours_costs_one_file_and_not_the_turn(post: Opener) -> None:
    here = post()
    here.channel.files = {"r1": [RuntimeError("a bug")], "p1": [PNG]}

    arrived = await here.take(REPORT, PHOTO)

    assert "report.pdf could not be kept: something went wrong here." in arrived.answer
    assert here.kept() == {"7-1-photo.png": PNG}


async def test_a_full_disk_is_said(post: Opener) -> None:
    here = post()
    here.channel.files["r1"] = [OSError(errno.ENOSPC, "No space left on device")]

    arrived = await here.take(REPORT)

    assert arrived.answer == "report.pdf could not be had: the disk is full."


async def test_a_voice_that_nobody_can_write_down_is_answered_so(post: Opener) -> None:
    here = post()
    here.channel.files["v1"] = [b"OggS"]

    arrived = await here.take(VOICE)

    assert arrived.answer == DEAF == "I can't listen to voice yet"
    assert 'tell the person "I can\'t listen to voice yet"' in arrived.note
    assert here.kept() == {"7-0-voice.ogg": b"OggS"}


async def test_a_voice_that_is_written_down_counts_as_words(post: Opener) -> None:
    listener = Listener(words="remind me in 5 minutes to stretch")
    here = post(transcriber=listener)
    here.channel.files["v1"] = [b"OggS"]

    arrived = await here.take(VOICE)

    assert arrived.spoken == "remind me in 5 minutes to stretch"
    assert listener.heard == [("voice.ogg", b"OggS")]
    assert 'a voice message "voice.ogg" (0:05, 4 bytes)' in arrived.note
    assert arrived.said().text == arrived.spoken


async def test_a_voice_that_cannot_be_written_down_is_said(post: Opener) -> None:
    here = post(transcriber=Listener(fault=MediaError("could not be understood: no words were heard in it")))
    here.channel.files["v1"] = [b"OggS"]

    arrived = await here.take(VOICE)

    assert arrived.answer == "voice.ogg (4 bytes) could not be understood: no words were heard in it."
    assert arrived.spoken == ""


async def test_a_file_that_is_in_the_workspace_already_stays_where_it_is(post: Opener) -> None:
    here = post()
    with here.workspace.writing("mail/a.txt", limit=100) as file:
        file.write(b"abc")

    there, gone, outside = [
        await here.take(Attachment(name="a.txt", media_type="text/plain", path=path))
        for path in ("mail/a.txt", "mail/b.txt", "../a.txt")
    ]

    assert "kept in the workspace at mail/a.txt" in there.note
    assert gone.answer == "a.txt is not there."
    assert outside.answer == "a.txt is not there."  # P-85
    assert here.channel.fetched == []


@pytest.mark.parametrize(
    "name", ["../../../../etc/cron.d/x", "/etc/passwd", "..\\x", "a/../../b", "x\0.jpg", "", "~root", "file:///x"]
)
async def test_no_name_of_a_file_leads_out_of_the_workspace(post: Opener, name: str, tmp_path: Path) -> None:
    here = post()
    here.channel.files["r1"] = [b"x"]

    await here.take(replace(REPORT, name=name), session="../../x")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]  # P-85
    assert len(files) == 1
    assert files[0].is_relative_to(here.workspace.root / "received" / "2026-03-02")
