"""Telegram's server for tests and files: what a bot uploads, what it may download, and what is refused."""

from typing import Any

import aiohttp
import pytest
from telegram import Bot, InputFile, InputMediaDocument, InputMediaPhoto
from telegram.error import BadRequest, Forbidden

from tests.servers.telegram_caller import ANN, BOB, FORUM, GROUP, Caller, Json
from tests.servers.telegram_pictures import png

MIB = 1024 * 1024


async def messages(api: Caller) -> list[Json]:
    return [update["message"] for update in await api.ok("getUpdates", offset=api.server.confirmed)]


async def upload(api: Caller, method: str, fields: dict[str, Any]) -> str:
    """The code and description of an upload; empty if it was taken."""
    body = await api.raw(f"/bot{api.server.token}/{method}", data=api.form(fields))
    return "" if api.status == 200 else f"{api.status} {body.decode()}"


# What a bot sends


async def test_the_sdk_uploads_every_kind_of_file(api: Caller, bot: Bot) -> None:
    await bot.send_photo(ANN, InputFile(png(), "a.png"), caption="look")
    await bot.send_document(ANN, InputFile(b"%PDF", "a.pdf"))
    await bot.send_voice(ANN, InputFile(b"OggS", "a.ogg"))
    await bot.send_audio(ANN, InputFile(b"ID3", "a.mp3"))
    await bot.send_video(ANN, InputFile(b"mp4", "a.mp4"))

    sent = api.server.sent
    assert [(one.kind, one.file_name) for one in sent] == [
        ("photo", "a.png"),
        ("document", "a.pdf"),
        ("voice", "a.ogg"),
        ("audio", "a.mp3"),
        ("video", "a.mp4"),
    ]
    assert (sent[0].text, api.server.files[sent[1].file_id].content) == ("look", b"%PDF")
    assert api.server.texts(ANN) == ["look"]


async def test_the_sdk_uploads_an_album(api: Caller, bot: Bot) -> None:
    found = await bot.send_media_group(ANN, [InputMediaPhoto(png(shade=n)) for n in range(3)])

    assert [one.message_id for one in found] == [one.message_id for one in api.server.sent]
    assert len({one.media_group_id for one in found} | {one.album for one in api.server.sent}) == 1


async def test_an_album_is_two_to_ten_of_a_kind(api: Caller, bot: Bot) -> None:
    photo, document = InputMediaPhoto(png()), InputMediaDocument(InputFile(b"x", "a.pdf", attach=True))

    for media, words in (
        ([photo], "2-10 items"),
        ([photo] * 11, "Too many messages"),
        ([photo, document], "can't be mixed"),
    ):
        with pytest.raises(BadRequest, match=words):
            await bot.send_media_group(ANN, media)
    assert api.server.sent == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no picture", "IMAGE_PROCESS_FAILED"),
        (png(9_000, 1_001), "PHOTO_INVALID_DIMENSIONS"),
        (png(2_100, 100), "PHOTO_INVALID_DIMENSIONS"),
        (png(filler=11 * MIB), "too big for a photo; the maximum size is 10485760 bytes"),
        (b"", "file must be non-empty"),
    ],
    ids=["no picture", "sides", "ratio", "bytes", "empty"],
)
async def test_what_is_no_photo_is_refused_as_one(api: Caller, content: bytes, words: str) -> None:
    assert words in await upload(api, "sendPhoto", {"chat_id": str(ANN), "photo": content})


async def test_an_upload_is_refused_like_any_message(api: Caller) -> None:
    api.server.block(BOB)
    api.server.deaf.add(ANN)
    file = {"document": b"x"}

    answers = [
        await upload(api, "sendDocument", {"chat_id": str(BOB), **file}),
        await upload(api, "sendDocument", {"chat_id": "99", **file}),
        await upload(api, "sendDocument", {"chat_id": str(FORUM), "message_thread_id": "77", **file}),
        await upload(api, "sendDocument", {"chat_id": str(ANN)}),
        await upload(api, "sendDocument", {"chat_id": str(ANN), "caption": "x" * 1_025, **file}),
        await upload(api, "sendVoice", {"chat_id": str(ANN), "voice": b"x"}),
    ]

    words = [
        "403 ", "chat not found", "message thread not found", "there is no document", "caption is too long",
        "VOICE_MESSAGES_FORBIDDEN",
    ]  # fmt: skip
    assert all(word in answer for word, answer in zip(words, answers, strict=True)), answers
    assert api.server.sent == []


@pytest.mark.nightly
async def test_more_than_fifty_megabytes_are_refused(api: Caller) -> None:
    answer = await upload(api, "sendDocument", {"chat_id": str(ANN), "document": bytes(50 * MIB + 1)})

    assert answer.startswith("413 ")


async def test_a_refusal_can_be_asked_for(api: Caller, bot: Bot) -> None:
    api.server.fault("refused", method="sendDocument", status=403, description="Forbidden: no")

    with pytest.raises(Forbidden, match="no"):
        await bot.send_document(ANN, InputFile(b"x", "a"))


# What people send


async def test_files_of_people_come_with_what_telegram_knows_of_them(api: Caller) -> None:
    api.server.share("photo", png(640, 480), user=ANN, caption="look")
    api.server.voice(b"OggS", user=ANN, seconds=3)
    api.server.document("a.pdf", b"%PDF", user=ANN)
    api.server.send_content({"location": {"latitude": 1.0, "longitude": 2.0}}, user=ANN)

    photo, voice, document, place = await messages(api)

    assert ([size["width"] for size in photo["photo"]], photo["caption"]) == ([1, 640], "look")
    assert (voice["voice"]["duration"], voice["voice"]["mime_type"]) == (3, "audio/ogg")
    assert (document["document"]["file_name"], document["document"]["file_size"]) == ("a.pdf", 4)
    assert (place["location"], "text" in place) == ({"latitude": 1.0, "longitude": 2.0}, False)


async def test_an_album_comes_as_updates_of_their_own(api: Caller) -> None:
    api.server.send_album([png(), png()], user=ANN, caption="both")

    first, second = await messages(api)

    assert first["media_group_id"] == second["media_group_id"]
    assert (first.get("caption"), second.get("caption")) == ("both", None)


async def test_an_anonymous_admin_writes_in_the_name_of_the_group(api: Caller) -> None:
    api.server.can_read_all_group_messages = True
    api.server.say_as_group("hello", user=BOB, chat=GROUP)

    (message,) = await messages(api)

    assert message["sender_chat"]["id"] == message["chat"]["id"]
    assert message["from"]["is_bot"]


async def test_a_file_is_downloaded_by_its_path_and_the_token(api: Caller, bot: Bot) -> None:
    api.server.document("a.pdf", b"%PDF", user=ANN)
    (message,) = await messages(api)

    file = await bot.get_file(message["document"]["file_id"])
    path = f"/file/bot{api.server.token}/{file.file_path.rpartition(api.server.token)[2].lstrip('/')}"
    content = await api.raw(path, verb="GET")
    await api.raw(path.replace(api.server.token, "123456789:another_token"), verb="GET")
    wrong_token = api.status
    await api.raw(f"/file/bot{api.server.token}/documents/nothing.bin", verb="GET")

    assert (content, wrong_token, api.status) == (b"%PDF", 401, 404)


async def test_what_is_too_large_or_unknown_is_not_given(api: Caller) -> None:
    api.server.share("video", b"x", user=ANN, size=21 * MIB)
    (message,) = await messages(api)

    assert await api.no("getFile", file_id=message["video"]["file_id"]) == "400 Bad Request: file is too big"
    assert "wrong file_id" in await api.no("getFile", file_id="nothing")


async def test_a_download_can_fail(api: Caller) -> None:
    file = api.server.files.add("document", b"x" * 1_000)
    path = f"/file/bot{api.server.token}/{file.path}"
    api.server.fault("truncated", method="download")
    api.server.fault("status", method="download")

    with pytest.raises(aiohttp.ClientPayloadError):
        await api.raw(path, verb="GET")
    await api.raw(path, verb="GET")
    failed = api.status

    assert (failed, await api.raw(path, verb="GET")) == (502, b"x" * 1_000)
