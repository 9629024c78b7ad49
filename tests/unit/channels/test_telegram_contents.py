"""What comes besides text: files that can be fetched, and things that are told in words."""

from typing import Any

import pytest
from telegram import Update

from channels.telegram.albums import MOST, Albums
from channels.telegram.client import Identity
from channels.telegram.parse import Listener, Nothing, Said
from gateway.messages import Attachment, InboundMessage, Media
from tests.fakes import NOON

LISTENER = Listener(
    channel="telegram", me=Identity(id=42, username="tocsin_bot", reads_groups=False), commands={"help"}
)
PRIVATE = {"id": 7, "type": "private", "first_name": "Anna"}
GROUP = {"id": -5, "type": "group", "title": "Friends"}
FILE = {"file_id": "f", "file_unique_id": "u"}
SIZED = {**FILE, "file_size": 1_000}
STICKER = {**SIZED, "type": "regular", "width": 9, "height": 9, "is_animated": False, "is_video": False}
MOVING = {**SIZED, "width": 9, "height": 9, "duration": 4}


def heard(**content: Any) -> Any:
    message = {"message_id": 11, "date": 1, "chat": PRIVATE, "from": {"id": 7, "is_bot": False, "first_name": "A"}}
    update = Update.de_json({"update_id": 900, "message": {**message, **content}}, None)
    return LISTENER.parse(update, NOON)


def said(**content: Any) -> InboundMessage:
    found = heard(**content)
    assert isinstance(found, Said), found
    return found.message


def only(message: InboundMessage) -> tuple[Any, ...]:
    """Kind, type, name, size and seconds of the one file."""
    (one,) = message.attachments
    assert (one.source, one.path) == ("f", "")
    return one.kind, one.media_type, one.name, one.size, one.seconds


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"voice": {**SIZED, "duration": 3}}, (Media.VOICE, "audio/ogg", "", 1_000, 3)),
        (
            {"audio": {**SIZED, "duration": 200, "file_name": "song.mp3", "mime_type": "audio/mpeg"}},
            (Media.AUDIO, "audio/mpeg", "song.mp3", 1_000, 200),
        ),
        ({"video": {**MOVING, "mime_type": "video/quicktime"}}, (Media.VIDEO, "video/quicktime", "", 1_000, 4)),
        ({"video_note": {**SIZED, "duration": 5, "length": 240}}, (Media.VIDEO, "video/mp4", "", 1_000, 5)),
        ({"animation": MOVING, "document": SIZED}, (Media.VIDEO, "video/mp4", "", 1_000, 4)),
        (
            {"document": {**FILE, "file_name": "a.pdf", "mime_type": "application/pdf"}},
            (Media.FILE, "application/pdf", "a.pdf", 0, 0),
        ),
        ({"document": {**SIZED, "mime_type": "image/png"}}, (Media.PICTURE, "image/png", "", 1_000, 0)),
        ({"document": {**SIZED, "file_name": "\ud83d.txt"}}, (Media.FILE, "", "?.txt", 1_000, 0)),
        ({"sticker": {**STICKER, "emoji": "😀"}}, (Media.PICTURE, "image/webp", "sticker 😀.webp", 1_000, 0)),
    ],
    ids=["voice", "audio", "video", "video note", "animation", "file", "picture as a file", "odd name", "sticker"],
)
def test_a_file_comes_with_all_that_is_known_of_it(content: dict[str, Any], expected: tuple[Any, ...]) -> None:
    found = said(**content)

    assert only(found) == expected
    assert found.text == ""


def test_of_a_picture_the_largest_size_is_taken() -> None:
    sizes = [
        {**SIZED, "file_id": name, "width": side, "height": side}
        for name, side in zip("abc", (90, 1280, 320), strict=True)
    ]

    (one,) = said(photo=sizes, caption="look").attachments

    assert one == Attachment(name="", media_type="image/jpeg", path="", kind=Media.PICTURE, source="b", size=1_000)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"location": {"latitude": 48.1, "longitude": 11.5}}, "(a location: 48.1, 11.5)"),
        (
            {
                "location": {"latitude": 48.1, "longitude": 11.5},
                "venue": {
                    "location": {"latitude": 48.1, "longitude": 11.5},
                    "title": "Café\nX",
                    "address": "Road 1",
                },
            },
            "(a place: Café X, Road 1: 48.1, 11.5)",
        ),
        (
            {"contact": {"first_name": "Bea", "last_name": "Bell", "phone_number": "+491"}},
            "(a contact: Bea Bell, +491)",
        ),
        ({"dice": {"emoji": "🎲", "value": 4}}, "(🎲 shows 4)"),
        ({"sticker": {**STICKER, "is_animated": True, "emoji": "😀"}}, "(a sticker: 😀)"),
    ],
    ids=["location", "venue", "contact", "dice", "moving sticker"],
)
def test_what_is_no_file_is_told_in_words(content: dict[str, Any], words: str) -> None:
    assert (said(**content).text, said(**content).attachments) == (words, ())


def test_a_poll_is_told_with_its_options() -> None:
    options = [{"text": text, "voter_count": 0, "persistent_id": text} for text in ("Tea", "Coffee")]
    poll = {
        "id": "1",
        "question": "Which?",
        "options": options,
        "total_voter_count": 0,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": False,
        "members_only": False,
    }

    assert said(poll=poll).text == "(a poll: Which? Tea / Coffee)"


def test_a_message_without_anything_starts_nothing() -> None:
    assert isinstance(heard(), Nothing)


def test_a_caption_may_be_a_command() -> None:
    found = said(photo=[{**SIZED, "width": 9, "height": 9}], caption="/help", chat=GROUP)

    assert (found.text, found.addressed) == ("/help", True)


# -- albums ------------------------------------------------------------------------------------------------------


def picture(album: str = "a1", chat: dict[str, Any] = GROUP, **fields: Any) -> InboundMessage:
    return said(photo=[{**SIZED, "width": 9, "height": 9}], media_group_id=album, chat=chat, **fields)


MENTION = {
    "caption": "@tocsin_bot look",
    "caption_entities": [{"type": "mention", "offset": 0, "length": 11}],
}


def test_pictures_of_an_album_know_that_they_belong_together() -> None:
    assert (picture().album, said(text="x").album) == ("a1", "")


def test_a_mention_beside_one_picture_is_meant_for_its_whole_album_and_no_other() -> None:
    albums = Albums()
    first, second, other, elsewhere = (
        picture(**MENTION),
        picture(),
        picture("a2"),
        picture(chat={**GROUP, "id": -6}),
    )

    albums.notice([second, first])

    assert [albums.whole(one).addressed for one in (first, second, other, elsewhere)] == [True, True, False, False]


def test_only_so_many_albums_are_remembered() -> None:
    albums = Albums()
    albums.notice([picture(str(n), **MENTION) for n in range(MOST + 1)])

    assert [albums.whole(picture(str(n))).addressed for n in (0, 1, MOST)] == [False, True, True]
