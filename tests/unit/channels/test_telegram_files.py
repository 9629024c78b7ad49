"""Files to and from Telegram: as what they are sent, what becomes of refusals, and what may be fetched."""

import io
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.files import FILE
from channels.telegram import TelegramChannel
from channels.telegram.client import Client, Waits
from channels.telegram.forms import AUDIO, DOCUMENT, PHOTO, VIDEO, VOICE, Form, form_of
from channels.telegram.render import MORE, render
from gateway.clock import SystemClock
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    MediaError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.media.workspace import Workspace
from gateway.messages import Attachment, Caller, ChatAddress, Media, OutboundMessage, Parcel
from gateway.outbox.pace import Paces
from tests.servers.telegram import TOKEN, TelegramServer, serve_telegram
from tests.servers.telegram_pictures import png

ANNA, FORUM = 7, -1005
HERE = ChatAddress(channel="telegram", chat=str(ANNA))
WAITS = Waits(answer=timedelta(seconds=1), file=timedelta(seconds=2))
GIF = b"GIF89a" + bytes(20)
MB = 1_000_000


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with serve_telegram() as server:
        server.person(ANNA, "Anna")
        server.group(FORUM, "Forum", forum=True, members=[ANNA])
        yield server


@pytest.fixture
async def channel(server: TelegramServer, tmp_path: Path) -> AsyncIterator[TelegramChannel]:
    async for channel in _channel(server.url, tmp_path):
        yield channel


async def _channel(url: str, workspace: Path, token: str = TOKEN) -> AsyncIterator[TelegramChannel]:
    client = Client(token, api_base=url, waits=WAITS)
    channel = TelegramChannel("telegram", client, SystemClock(), paces=Paces(), workspace=workspace)
    yield channel
    await channel.close()


def put(workspace: Path, name: str, content: bytes, media_type: str, kind: Media = Media.FILE) -> Attachment:
    (workspace / name).write_bytes(content)
    return Attachment(name=name, media_type=media_type, path=name, kind=kind)


def message(*files: Attachment, text: str = "", address: ChatAddress = HERE, **more: Any) -> OutboundMessage:
    return OutboundMessage(
        delivery_id="d1", address=address, caller=Caller.REPLY, text=text, attachments=files, **more
    )


async def send(channel: TelegramChannel, said: OutboundMessage, *, repeat: bool = False) -> list[str]:
    """Every part, once; the ids."""
    return [
        await channel.send(Parcel(id=f"d1/{n}", address=said.address, payload=part.payload, repeat=repeat))
        for n, part in enumerate(channel.render(said))
    ]


def seen(server: TelegramServer) -> list[tuple[str, str, str]]:
    return [(one.method, one.file_name, one.text) for one in server.sent]


# -- as what -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media_type", "size", "head", "form"),
    [
        ("image/png", 1_000, png(), PHOTO),
        ("application/x", 1_000, png(), PHOTO),  # what it is counts, not what it is called
        ("image/png", 11 * MB, png(), DOCUMENT),
        ("image/png", 1_000, png(9_000, 1_001), DOCUMENT),
        ("image/png", 1_000, png(2_100, 100), DOCUMENT),
        ("image/png", 1_000, b"no picture", DOCUMENT),
        ("image/gif", 1_000, GIF, DOCUMENT),
        ("audio/ogg; codecs=opus", 1_000, b"OggS", VOICE),
        ("audio/mpeg", 1_000, b"ID3", AUDIO),
        ("audio/x-wav", 1_000, b"RIFF", DOCUMENT),
        ("video/mp4", 1_000, b"", VIDEO),
        ("video/webm", 1_000, b"", DOCUMENT),
        ("application/pdf", 1_000, b"%PDF", DOCUMENT),
    ],
)
def test_a_file_is_sent_as_what_telegram_shows_best(media_type: str, size: int, head: bytes, form: Form) -> None:
    assert form_of(media_type, size, head) == form


def pictures(count: int, media_type: str = "image/png") -> list[Attachment]:
    return [
        Attachment(name=f"{n}.png", media_type=media_type, path=f"{n}.png", kind=Media.PICTURE)
        for n in range(count)
    ]


REPORT = Attachment(name="a.pdf", media_type="application/pdf", path="a.pdf")


@pytest.mark.parametrize(
    ("files", "sizes"),
    [
        ([REPORT, REPORT], [1, 1]),
        (pictures(1), [1]),
        (pictures(2), [2]),
        (pictures(11), [10, 1]),
        ([*pictures(2), REPORT, *pictures(3)], [2, 1, 3]),
        (pictures(2, "image/gif"), [1, 1]),
    ],
)
def test_pictures_that_follow_each_other_are_albums(files: Sequence[Attachment], sizes: list[int]) -> None:
    parts = render(message(*files, text="look"))

    assert "text" in parts[0].payload
    assert [1 + len(part.payload.get(MORE, ())) for part in parts[1:]] == sizes
    order = [file["path"] for part in parts[1:] for file in (part.payload[FILE], *part.payload.get(MORE, ()))]
    assert order == [one.path for one in files]


def test_files_without_words_answer_in_a_group_what_they_answer() -> None:
    group = ChatAddress(channel="telegram", chat="-5")

    first, second = render(message(REPORT, REPORT, address=group, reply_to="11"))

    assert (first.payload["reply_to"], "reply_to" in second.payload) == ("11", False)


# -- out ---------------------------------------------------------------------------------------------------------


async def test_words_come_first_and_then_each_file_whole_under_its_name(
    server: TelegramServer, channel: TelegramChannel, tmp_path: Path
) -> None:
    name = 'Bericht „2026" ✓.pdf'
    big = bytes(range(256)) * 12_000  # more than one reading
    files = [put(tmp_path, name, big, "application/pdf"), put(tmp_path, "a.ogg", b"OggS", "audio/ogg")]

    ids = await send(channel, message(*files, text="Here"))

    assert seen(server) == [
        ("sendMessage", "", "Here"),
        ("sendDocument", name, ""),
        ("sendVoice", "a.ogg", ""),
    ]
    assert server.files[server.sent[1].file_id].content == big
    assert ids == [str(one.message_id) for one in server.sent]


async def test_files_stay_in_their_topic(server: TelegramServer, channel: TelegramChannel, tmp_path: Path) -> None:
    topic = server.topic(FORUM, "News")
    address = ChatAddress(channel="telegram", chat=str(FORUM), thread=str(topic))
    shots = [put(tmp_path, f"{n}.png", png(), "image/png", Media.PICTURE) for n in range(2)]
    report = put(tmp_path, "a.pdf", b"%PDF", "application/pdf")

    await send(channel, message(*shots, report, address=address, reply_to=str(topic)))

    assert [(one.thread, one.reply_to) for one in server.sent] == [(topic, topic), (topic, topic), (topic, 0)]


async def test_an_album_is_one_part_with_the_id_of_its_first_picture(
    server: TelegramServer, channel: TelegramChannel, tmp_path: Path
) -> None:
    shots = [put(tmp_path, f"{n}.png", png(shade=n), "image/png", Media.PICTURE) for n in range(3)]

    ids = await send(channel, message(*shots))

    assert [(one.method, one.kind) for one in server.sent] == [("sendMediaGroup", "photo")] * 3
    assert [server.files[one.file_id].content for one in server.sent] == [png(shade=n) for n in range(3)]
    assert len({one.album for one in server.sent}) == 1
    assert ids == [str(server.sent[0].message_id)]


async def test_an_album_with_one_picture_that_is_too_large_is_an_album_of_files(
    server: TelegramServer, channel: TelegramChannel, tmp_path: Path
) -> None:
    shots = [put(tmp_path, f"{n}.png", png(9_900, 200 * n), "image/png", Media.PICTURE) for n in (1, 3)]

    await send(channel, message(*shots))

    assert [one.kind for one in server.sent] == ["document", "document"]
    assert [one.file_name for one in server.sent] == ["1.png", "3.png"]


async def test_a_repeat_is_marked(server: TelegramServer, channel: TelegramChannel, tmp_path: Path) -> None:
    shots = [put(tmp_path, f"{n}.png", png(), "image/png", Media.PICTURE) for n in range(2)]
    report = put(tmp_path, "a.pdf", b"%PDF", "application/pdf")

    await send(channel, message(*shots, report), repeat=True)

    assert [one.text for one in server.sent] == ["↻", "", "↻"]  # P-56


@pytest.mark.parametrize("reason", ["PHOTO_INVALID_DIMENSIONS", "IMAGE_PROCESS_FAILED"])
async def test_what_is_refused_as_a_picture_is_sent_as_a_file_once(
    server: TelegramServer, channel: TelegramChannel, tmp_path: Path, reason: str
) -> None:
    server.fault("refused", method="sendPhoto", description=f"Bad Request: {reason}")
    shot = put(tmp_path, "a.png", png(), "image/png", Media.PICTURE)

    await send(channel, message(shot))

    assert seen(server) == [("sendDocument", "a.png", "")]
    assert (server.calls["sendPhoto"], server.calls["sendDocument"]) == (1, 1)


async def test_who_takes_no_voice_messages_gets_the_recording_as_a_file(
    server: TelegramServer, channel: TelegramChannel, tmp_path: Path
) -> None:
    server.deaf.add(ANNA)

    await send(channel, message(put(tmp_path, "a.ogg", b"OggS", "audio/ogg")))

    assert seen(server) == [("sendDocument", "a.ogg", "")]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "lost"}, AmbiguousDeliveryError),
        ({"kind": "drop"}, AmbiguousDeliveryError),
        ({"kind": "status", "status": 502}, AmbiguousDeliveryError),
        ({"kind": "flood"}, TransientDeliveryError),
        ({"kind": "refused", "description": "Bad Request: file is wrong"}, PermanentDeliveryError),
        ({"kind": "status", "status": 413}, PermanentDeliveryError),
    ],
    ids=lambda value: value.get("kind", "") if isinstance(value, dict) else "",
)
async def test_errors_of_an_upload_are_those_of_any_send(
    server: TelegramServer,
    channel: TelegramChannel,
    tmp_path: Path,
    fault: dict[str, Any],
    kind: type[DeliveryError],
) -> None:
    server.fault(method="sendDocument", **fault)

    with pytest.raises(DeliveryError) as caught:
        await send(channel, message(put(tmp_path, "a.pdf", b"%PDF", "application/pdf")))

    assert type(caught.value) is kind  # P-56
    assert TOKEN not in repr(caught.value)  # P-87


async def test_a_file_that_is_gone_empty_or_outside_is_never_sent(
    server: TelegramServer, channel: TelegramChannel, tmp_path: Path
) -> None:
    gone = Attachment(name="gone.pdf", media_type="application/pdf", path="gone.pdf")
    outside = Attachment(name="passwd", media_type="text/plain", path="../passwd")
    empty = put(tmp_path, "empty.txt", b"", "text/plain")

    for one in (gone, outside, empty):
        with pytest.raises(PermanentDeliveryError):
            await send(channel, message(one))

    assert server.sent == []


async def test_a_wrong_token_is_said_by_an_upload_too(server: TelegramServer, tmp_path: Path) -> None:
    async for channel in _channel(server.url, tmp_path, f"{TOKEN}x"):
        with pytest.raises(CredentialsRefusedError):
            await send(channel, message(put(tmp_path, "a.pdf", b"%PDF", "application/pdf")))


# -- in ----------------------------------------------------------------------------------------------------------


async def fetched(channel: TelegramChannel, source: str, limit: int = MB) -> bytes:
    sink = io.BytesIO()
    await channel.fetch(source, sink, limit=limit)
    return sink.getvalue()


async def test_a_file_is_fetched_whole(server: TelegramServer, channel: TelegramChannel) -> None:
    content = bytes(range(256)) * 3_000
    file = server.files.add("document", content, name="mein Bericht ✓.pdf")

    assert await fetched(channel, file.id) == content


async def test_what_cannot_be_had_is_said_in_words(server: TelegramServer, channel: TelegramChannel) -> None:
    large = server.files.add("video", b"x", size=21 * 1024 * 1024)
    longer = server.files.add("document", bytes(2_000))

    for source, limit, words in (
        (large.id, MB, "is too large: 20 MB at most is what Telegram gives to bots"),
        (longer.id, 1_000, "is too large: 1 kB at most"),
        ("unknown", MB, "is not on Telegram any more"),
    ):
        with pytest.raises(MediaError, match=words):
            await fetched(channel, source, limit)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "method": "getFile"},
        {"kind": "status", "method": "getFile"},
        {"kind": "flood", "method": "getFile"},
        {"kind": "drop", "method": "download", "times": 2},  # aiohttp itself asks for a page twice
        {"kind": "status", "method": "download"},
        {"kind": "flood", "method": "download"},
        {"kind": "truncated", "method": "download"},
    ],
    ids=lambda fault: f"{fault['method']}-{fault['kind']}",
)
async def test_trouble_on_the_way_is_a_reason_to_ask_again(
    server: TelegramServer, channel: TelegramChannel, fault: dict[str, Any]
) -> None:
    file = server.files.add("document", bytes(500_000))
    server.fault(**fault)

    with pytest.raises(TransientDeliveryError) as caught:
        await fetched(channel, file.id)

    assert TOKEN not in repr(caught.value)  # P-87
    assert len(await fetched(channel, file.id)) == 500_000


async def test_a_full_disk_is_said_as_one(
    server: TelegramServer, channel: TelegramChannel, tmp_path: Path
) -> None:
    file = server.files.add("document", b"x" * 100)

    with pytest.raises(MediaError, match="No space left on device"), Path("/dev/full").open("wb", 0) as sink:
        await channel.fetch(file.id, sink, limit=MB)


async def test_the_workspace_takes_what_is_fetched(
    server: TelegramServer, channel: TelegramChannel, tmp_path: Path
) -> None:
    file = server.files.add("photo", png())
    workspace = Workspace(tmp_path)

    with workspace.writing("received/a.png", limit=MB) as sink:
        await channel.fetch(file.id, sink, limit=MB)

    assert workspace.read("received/a.png", limit=MB) == png()
