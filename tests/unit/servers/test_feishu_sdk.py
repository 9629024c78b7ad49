"""Feishu's official SDK accepts what our server for tests says: its codec, decryption, dispatcher and clients."""

import asyncio
import base64
from pathlib import Path

import orjson
import pytest

from tests.servers.feishu import BOT_ID, FeishuServer, serve_feishu
from tests.servers.feishu_caller import ANN, BOB, PNG, TEAM, Json, card, json
from tests.servers.feishu_frames import CONTROL, DATA, Frame, decode, encode
from tests.servers.feishu_hooks import CHALLENGE, encrypt
from tests.servers.feishu_sdk import Sdk

FRAMES = [
    Frame(method=CONTROL, service=33554678, headers=(("type", "ping"),)),
    Frame(
        seq=2**63,
        log=2**64 - 1,
        service=7,
        method=DATA,
        headers=(("type", "event"), ("message_id", "ä€😀"), ("sum", "1"), ("seq", "0"), ("seq", "again")),
        payload_encoding="gzip",
        payload_type="json",
        payload=bytes(range(256)) * 3,
        log_new="2026",
    ),
    Frame(seq=1, log=300, service=-1, method=DATA, headers=(("", ""),), payload=b"", payload_type=""),
]


async def ask(lark: Sdk, command: str, **given: Json) -> Json:
    return await asyncio.to_thread(lark.ask, command, **given)


@pytest.mark.parametrize("frame", FRAMES)
def test_our_codec_of_frames_is_that_of_the_sdk(lark: Sdk, frame: Frame) -> None:
    written = encode(frame)

    read = lark.ask("decode", frame=base64.b64encode(written).decode())
    again = lark.ask("encode", fields=read["fields"], headers=read["headers"], payload=read["payload"])

    assert read["fields"].get("SeqID") == frame.seq
    assert read["fields"].get("service") == frame.service
    assert read["headers"] == [list(header) for header in frame.headers]
    assert base64.b64decode(read["payload"]) == (frame.payload or b"")
    theirs = decode(base64.b64decode(again))
    assert (theirs.headers, theirs.payload or b"") == (frame.headers, frame.payload or b"")
    assert (theirs.log, theirs.log_new) == (frame.log, frame.log_new)


def test_the_sdk_decrypts_what_we_encrypt(lark: Sdk) -> None:
    texts = ["", "x" * 15, "x" * 16, '{"challenge":"ä€😀"}']

    read = [lark.ask("decrypt", key="some key", text=encrypt(text.encode(), "some key")) for text in texts]

    assert read == texts


async def test_the_dispatcher_of_the_sdk_accepts_our_webhooks_and_refuses_forged_ones(lark: Sdk) -> None:
    async with serve_feishu() as server:
        server.group(TEAM, members=[ANN])
        said = server.say("hello", user=ANN, chat=TEAM, mention=[BOT_ID])
        plain = next(iter(server.events.values())).body
        keys = {"key": server.encrypt_key, "token": server.verification_token}
        asked = {"challenge": CHALLENGE, "token": server.verification_token, "type": "url_verification"}
        posts = [
            server.hooks.build(plain),
            server.hooks.build(plain, headers={"X-Lark-Signature": "0" * 64}),
            server.hooks.build(orjson.dumps(asked), signed=False),
        ]

        answers = [
            await ask(lark, "dispatch", **keys, headers=post.headers, body=post.body.decode()) for post in posts
        ]

    assert [answer["status"] for answer in answers] == [200, 500, 200]
    message = answers[0]["heard"][0]["event"]["message"]
    assert (message["message_id"], message["chat_type"]) == (said, "group")
    assert message["mentions"][0]["id"]["open_id"] == BOT_ID
    assert answers[1]["heard"] == []
    assert orjson.loads(answers[2]["body"]) == {"challenge": CHALLENGE}


async def test_the_client_of_the_sdk_sends_edits_uploads_and_reads(lark: Sdk, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(PNG)
    async with serve_feishu() as server:
        server.group(TEAM, members=[ANN], owner=ANN, admins=[BOB])
        asked = server.file("notes.txt", b"notes", user=ANN, chat=TEAM)
        key = orjson.loads(server.messages_by_id[asked].content)["file_key"]
        await ask(lark, "log_in", url=server.url, app_id=server.app_id, app_secret=server.app_secret)
        text = {"id_type": "chat_id", "receive_id": TEAM, "kind": "text", "content": json({"text": "hi"})}

        first = await ask(lark, "send", **text, uuid="u-1")
        again = await ask(lark, "send", **text, uuid="u-1")
        shown = await ask(lark, "send", **{**text, "kind": "interactive", "content": card("Yes")}, uuid="u-2")
        message, button = (answer["whole"]["data"]["message_id"] for answer in (first, shown))
        replied = await ask(lark, "reply", message=message, content=json({"text": "in a topic"}), thread=True)
        edited = await ask(lark, "edit", message=message, content=json({"text": "hi there"}))
        patched = await ask(lark, "patch", message=button, content=card("No", text="Chosen"))
        picture = await ask(lark, "image", path=str(tmp_path / "dot.png"))
        fetched = await ask(lark, "resource", message=asked, key=key, kind="file")
        chat = await ask(lark, "chat", chat=TEAM)
        unknown = await ask(lark, "send", **{**text, "receive_id": "oc_nowhere"}, uuid="u-3")

    assert [one["code"] for one in (first, replied, edited, patched, picture, chat)] == [0] * 6
    assert again["whole"]["data"]["message_id"] == message
    assert server.texts(TEAM) == ["hi there", "Chosen", "in a topic"]
    assert replied["whole"]["data"]["thread_id"].startswith("omt_")
    assert server.buttons(button) == [("No", {"do": "no"})]
    assert picture["whole"]["data"]["image_key"] in server.files
    assert (base64.b64decode(fetched["data"]), fetched["name"]) == (b"notes", "notes.txt")
    assert chat["whole"]["data"]["owner_id"] == ANN
    assert unknown["code"] == 230002
    assert server.violations == []


async def test_the_long_connection_of_the_sdk_takes_our_events(lark: Sdk) -> None:
    async with serve_feishu() as server:
        server.group(TEAM, members=[ANN])
        await ask(lark, "listen", url=server.url, app_id=server.app_id, app_secret=server.app_secret)
        await server.wait_until(lambda: server.sockets.pings > 0, "ping")

        await _talk(server)
        heard = await ask(lark, "listened")
        server.drop()
        await server.wait_until(lambda: server.sockets.connects == 2, "second connection")
        server.say("after the drop", user=ANN)
        await server.wait_acked(4)
        later = await ask(lark, "listened")

    assert [one["header"]["event_type"] for one in heard] == ["im.message.receive_v1"] * 2 + [
        "card.action.trigger"
    ]
    assert "Ünïcode 😀" in heard[1]["event"]["message"]["content"]
    assert heard[2]["event"]["action"]["value"] == {"do": "yes"}
    assert server.acks[2].data == {"toast": {"type": "info", "content": "seen"}}
    assert "after the drop" in later[3]["event"]["message"]["content"]
    assert {ack.code for ack in server.acks} == {200}
    assert (server.sockets.max_live, server.violations) == (1, [])


async def _talk(server: FeishuServer) -> None:
    server.say("hello", user=ANN)
    await server.wait_acked(1)
    server.split(3)
    server.say("Ünïcode 😀" * 20, user=ANN, chat=TEAM, mention=[BOT_ID])
    await server.wait_acked(2)
    server.split(1)
    shown = server.write(server.chats[TEAM], None, "interactive", card("Yes"))
    server.press(shown.id, "Yes", user=ANN)
    await server.wait_acked(3)
