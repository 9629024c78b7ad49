"""Sending to Feishu: in its thread, once, edited where it can be, files with their words."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.feishu import ACCOUNT, FeishuChannel, feishu_paces
from channels.feishu.client import LONGEST_UUID
from channels.feishu.refusals import FixedError, GoneError
from channels.feishu.sending import uuid_of
from gateway.errors import FormattingRefusedError, PermanentDeliveryError
from gateway.messages import Attachment, Button, Caller, ChatAddress, Media, OutboundMessage, Parcel
from gateway.outbox.pace import Rate, Window
from gateway.outbox.port import Remembering, Repeat
from tests.servers.feishu import BOT_ID, FeishuServer, serve_feishu
from tests.unit.channels.feishu_desk import ANNA, BORIS, GROUP, Inlet, channel_at, eventually, running

Json = Any
HERE = ChatAddress(channel="feishu", chat=GROUP)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


@pytest.fixture
async def server() -> AsyncIterator[FeishuServer]:
    async with serve_feishu() as server:
        server.person(ANNA, "Anna")
        server.person(BORIS, "Boris")
        server.group(GROUP, "Team", members=[ANNA, BORIS], owner=ANNA, admins=[BORIS])
        server.group("oc_forum", "Forum", members=[ANNA], topics=True)
        yield server
        assert server.violations == []


@pytest.fixture
async def channel(server: FeishuServer, tmp_path: Path) -> AsyncIterator[FeishuChannel]:
    async with channel_at(server, tmp_path) as channel:
        yield channel


def parcels(channel: FeishuChannel, text: str, *, id: str = "d1", **message: Json) -> list[Parcel]:  # noqa: A002
    given = {"address": HERE, "caller": Caller.NOTICE, **message}
    parts = channel.render(OutboundMessage(delivery_id=id, text=text, **given))
    return [
        Parcel(id=f"{id}/{number}", address=given["address"], payload=part.payload)
        for number, part in enumerate(parts)
    ]


def parcel(channel: FeishuChannel, text: str, **message: Json) -> Parcel:
    (found,) = parcels(channel, text, **message)
    return found


def changed(one: Parcel, **changes: Json) -> Parcel:
    fields = {name: getattr(one, name) for name in ("id", "address", "payload", "repeat", "edits", "passing")}
    return Parcel(**{**fields, **changes})


# -- where ------------------------------------------------------------------------------------------------------


async def test_what_has_no_thread_stands_in_the_chat(server: FeishuServer, channel: FeishuChannel) -> None:
    sent = await channel.send(parcel(channel, "hello", reply_to="om_1"))

    (found,) = server.messages()
    assert (found.id, found.text, found.root, found.uuid) == (sent, "hello", "", "d1/0")


async def test_a_long_answer_stays_in_its_chain_with_all_of_its_parts(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    root = server.say("@_user_1 tell me", user=ANNA, chat=GROUP, mention=[BOT_ID])
    thread = ChatAddress(channel="feishu", chat=GROUP, thread=root)

    for one in parcels(channel, "word " * 9_000, address=thread, reply_to=root, caller=Caller.REPLY):
        await channel.send(one)

    assert len(server.messages()) > 1
    assert {(one.root, one.parent) for one in server.messages()} == {(root, root)}


async def test_an_answer_in_a_chain_stands_under_its_question(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    root = server.say("one", user=ANNA, chat=GROUP)
    asked = server.say("two", user=BORIS, chat=GROUP, parent=root)
    thread = ChatAddress(channel="feishu", chat=GROUP, thread=root)

    await channel.send(parcel(channel, "three", address=thread, reply_to=asked))

    assert [(one.root, one.parent) for one in server.messages()] == [(root, asked)]


async def test_an_answer_to_a_topic_stays_in_it(server: FeishuServer, channel: FeishuChannel) -> None:
    root = server.say("topic", user=ANNA, chat="oc_forum")
    topic = ChatAddress(channel="feishu", chat="oc_forum", thread=root)

    await channel.send(parcel(channel, "in it", address=topic))

    (found,) = server.messages()
    assert (found.root, found.thread) == (root, server.messages_by_id[root].thread)
    assert found.thread.startswith("omt_")


async def test_what_answers_a_recalled_message_stays_in_its_thread(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    root = server.say("one", user=ANNA, chat=GROUP)
    asked = server.say("two", user=BORIS, chat=GROUP, parent=root)
    server.recall(asked)
    thread = ChatAddress(channel="feishu", chat=GROUP, thread=root)

    await channel.send(parcel(channel, "three", address=thread, reply_to=asked))

    assert [one.parent for one in server.messages()] == [root]


async def test_a_thread_that_is_gone_is_no_reason_to_speak_elsewhere(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    root = server.say("one", user=ANNA, chat=GROUP)
    server.recall(root)
    thread = ChatAddress(channel="feishu", chat=GROUP, thread=root)

    with pytest.raises(GoneError):
        await channel.send(parcel(channel, "three", address=thread, reply_to=root))

    assert server.messages() == []


# -- once -------------------------------------------------------------------------------------------------------


def test_the_parcels_id_is_the_uuid_as_far_as_it_fits() -> None:  # P-56
    ids = ["t1.final/0", "x" * 50, "x" * 51, "y" * 51, "t1.fin\u00e4l/0"]

    found = [uuid_of(one) for one in ids]

    assert found[:2] == ids[:2]
    assert len(set(found)) == len(ids)
    assert all(len(one) <= LONGEST_UUID and one.isascii() for one in found)
    assert [uuid_of(one) for one in ids] == found


async def test_a_marked_repeat_is_another_message_with_a_sign(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    one = parcel(channel, "hello")
    await channel.send(one)

    await channel.send(changed(one, repeat=True))

    assert server.texts() == ["hello", "↻ hello"]


def test_repeats_are_dropped_by_the_platform_for_less_than_an_hour(channel: FeishuChannel) -> None:
    assert channel.repeat is Repeat.DEDUPED
    assert isinstance(channel, Remembering)
    assert channel.remembers < timedelta(hours=1)


def test_the_paces_are_those_of_the_platform_unless_the_operator_says_others() -> None:  # P-61
    usual, lifted = feishu_paces(), feishu_paces(Rate(per_second=2, per_chat=1))

    assert usual.account == ACCOUNT == (Window(50, 1.0), Window(1_000, 60.0))
    assert usual.chat == (Window(5, 1.0),)
    assert (lifted.account, lifted.chat) == ((Window(2, 1.0),), (Window(1, 1.0),))


async def test_refused_formatting_costs_formatting_alone(server: FeishuServer, channel: FeishuChannel) -> None:
    server.fault("code", call="send", code=230099, message="Failed to create card content")  # P-58
    part = channel.render(
        OutboundMessage(delivery_id="d", address=HERE, caller=Caller.REPLY, text="**hello** you")
    )[0]

    with pytest.raises(FormattingRefusedError):
        await channel.send(Parcel(id="d/0", address=HERE, payload=part.payload))
    await channel.send(Parcel(id="d/0", address=HERE, payload=part.plain or {}))

    assert server.texts() == ["hello you"]


# -- edits ------------------------------------------------------------------------------------------------------


async def test_a_card_is_edited_as_often_as_one_likes(server: FeishuServer, channel: FeishuChannel) -> None:
    sent = await channel.send(parcel(channel, "0", caller=Caller.REPLY))

    for number in range(1, 30):
        edit = parcel(channel, str(number), caller=Caller.REPLY, edits="d1", id=f"e{number}")
        assert await channel.send(changed(edit, edits=sent)) == sent

    assert server.texts() == ["29"]
    assert server.stats().calls.get("get", 0) == 0  # it is remembered what it was


async def test_after_a_restart_it_is_asked_what_is_to_be_edited(
    server: FeishuServer, channel: FeishuChannel, tmp_path: Path
) -> None:
    sent = await channel.send(parcel(channel, "before", caller=Caller.REPLY))

    async with channel_at(server, tmp_path) as later:
        await later.send(changed(parcel(later, "after", caller=Caller.REPLY, id="d2"), edits=sent))

    assert server.texts() == ["after"]


async def test_a_card_can_lose_its_buttons(server: FeishuServer, channel: FeishuChannel) -> None:
    buttons = ((Button(label="Go", data="/go"),),)
    sent = await channel.send(parcel(channel, "sure?", caller=Caller.COMMAND, buttons=buttons))

    await channel.send(changed(parcel(channel, "done", replaces=sent, id="d2"), edits=sent))

    assert server.texts() == ["done"]
    assert server.buttons(sent) == []


async def test_what_cannot_be_replaced_is_said_anew_but_not_while_it_grows(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    sent = await channel.send(parcel(channel, "old", caller=Caller.REPLY))
    server.recall(sent)
    edit = changed(parcel(channel, "new", caller=Caller.REPLY, id="d2"), edits=sent)

    with pytest.raises(FixedError):
        await channel.send(changed(edit, passing=True))
    anew = await channel.send(edit)

    assert anew != sent
    assert server.texts() == ["new"]


async def test_a_card_never_takes_the_place_of_a_text_but_its_plain_words_do(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    part = channel.render(OutboundMessage(delivery_id="d", address=HERE, caller=Caller.REPLY, text="**a**"))[0]
    sent = await channel.send(Parcel(id="d/0", address=HERE, payload=part.plain or {}))

    with pytest.raises(FormattingRefusedError):
        await channel.send(Parcel(id="e/0", address=HERE, payload=part.payload, edits=sent))
    await channel.send(
        Parcel(id="e/0", address=HERE, payload={"type": "text", "content": '{"text":"b"}'}, edits=sent)
    )

    assert server.texts() == ["b"]


async def test_plain_words_take_the_place_of_a_card_as_one(server: FeishuServer, channel: FeishuChannel) -> None:
    sent = await channel.send(parcel(channel, "a", caller=Caller.REPLY))

    await channel.send(
        Parcel(id="e/0", address=HERE, payload={"type": "text", "content": '{"text":"b"}'}, edits=sent)
    )

    assert server.texts() == ["b"]
    assert server.messages()[0].kind == "interactive"


# -- files ------------------------------------------------------------------------------------------------------


def file_parcel(channel: FeishuChannel, tmp_path: Path, name: str, data: bytes, **file: Json) -> Parcel:
    (tmp_path / name).write_bytes(data)
    one = Attachment(**{"name": name, "media_type": "", "path": name, **file})
    return parcels(channel, "", attachments=(one,))[-1]


@pytest.mark.parametrize(
    ("name", "file", "kind", "stored"),
    [
        ("a.pdf", {"media_type": "application/pdf"}, "file", "stream"),
        ("a.png", {"media_type": "image/png", "kind": Media.PICTURE}, "image", "image"),
        ("a.mp4", {"media_type": "video/mp4", "kind": Media.VIDEO}, "file", "stream"),
        ("a.opus", {"media_type": "audio/ogg", "kind": Media.VOICE}, "audio", "opus"),
        ("a.svg", {"media_type": "image/svg+xml", "kind": Media.PICTURE}, "file", "stream"),
    ],
)
async def test_a_file_is_brought_to_feishu_and_then_sent(
    server: FeishuServer, channel: FeishuChannel, tmp_path: Path, name: str, file: Json, kind: str, stored: str
) -> None:
    await channel.send(file_parcel(channel, tmp_path, name, PNG, **file))

    (sent,) = server.messages()
    (kept,) = server.files.values()
    assert (sent.kind, kept.kind, kept.data) == (kind, stored, PNG)


async def test_a_picture_that_is_too_large_for_one_is_sent_as_a_file(
    server: FeishuServer, channel: FeishuChannel, tmp_path: Path
) -> None:
    large = PNG + b"\0" * 10_000_000

    await channel.send(file_parcel(channel, tmp_path, "a.png", large, media_type="image/png"))

    assert [one.kind for one in server.messages()] == ["file"]


@pytest.mark.parametrize(("size", "words"), [(0, "is empty"), (30_000_001, "larger than the 30 MB")])
async def test_a_file_that_feishu_does_not_take_is_said_by_its_name(
    server: FeishuServer, channel: FeishuChannel, tmp_path: Path, size: int, words: str
) -> None:
    with pytest.raises(PermanentDeliveryError, match=rf"the file big\.bin .*{words}"):
        await channel.send(file_parcel(channel, tmp_path, "big.bin", b"x" * size))

    assert server.stats().calls == {}


async def test_a_file_that_is_gone_is_said(channel: FeishuChannel, tmp_path: Path) -> None:
    one = file_parcel(channel, tmp_path, "a.txt", b"x")
    (tmp_path / "a.txt").unlink()

    with pytest.raises(PermanentDeliveryError, match=r"a\.txt"):
        await channel.send(one)


# -- besides ----------------------------------------------------------------------------------------------------


async def test_owners_and_managers_of_a_group_are_its_admins(server: FeishuServer, channel: FeishuChannel) -> None:
    server.person("ou_carl", "Carl")

    found = [await channel.is_admin(HERE, user) for user in (ANNA, BORIS, "ou_carl")]

    assert found == [True, True, False]


async def test_a_message_is_acknowledged_by_a_sign(server: FeishuServer, channel: FeishuChannel) -> None:
    asked = server.say("hi", user=ANNA)

    await channel.react(ChatAddress(channel="feishu", chat=server.private(ANNA)), asked)

    assert server.reactions(asked) == ["OnIt"]


async def test_a_press_after_a_restart_asks_what_kind_of_chat_it_was(
    server: FeishuServer, channel: FeishuChannel, tmp_path: Path
) -> None:
    private = ChatAddress(channel="feishu", chat=server.private(ANNA))
    buttons = ((Button(label="Go", data="/go"),),)
    sent = await channel.send(parcel(channel, "?", address=private, buttons=buttons, caller=Caller.COMMAND))
    inlet = Inlet()

    async with channel_at(server, tmp_path) as later, running(later, inlet):
        server.press(sent, "Go", user=ANNA)
        await eventually(lambda: inlet.received)

    assert [(one.text, one.group) for one in inlet.received] == [("/go", False)]


async def test_a_press_in_a_chat_that_cannot_be_known_starts_nothing(
    server: FeishuServer, channel: FeishuChannel, tmp_path: Path
) -> None:
    private = ChatAddress(channel="feishu", chat=server.private(ANNA))
    buttons = ((Button(label="Go", data="/go"),),)
    sent = await channel.send(parcel(channel, "?", address=private, buttons=buttons, caller=Caller.COMMAND))
    server.scopes.discard("im:chat:readonly")
    inlet = Inlet()

    async with channel_at(server, tmp_path) as later, running(later, inlet):
        server.press(sent, "Go", user=ANNA)
        await server.wait_acked(1)

    assert inlet.received == []
    assert "again in a moment" in json.dumps(server.acks[0].data)
