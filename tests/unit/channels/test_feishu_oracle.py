"""Our codec, decryption, signatures and uuid beside those of Feishu's own SDK: both read and write the same."""

import base64
import random
from typing import Any

import orjson
import pytest

from channels.feishu.crypt import CryptError, decrypt, is_signed
from channels.feishu.frames import CONTROL, DATA, Frame, decode, encode, ping
from tests.servers.feishu_hooks import encrypt, sign
from tests.servers.feishu_sdk import Sdk

Json = Any

FIELDS = {
    "seq_id": "SeqID",
    "log_id": "LogID",
    "service": "service",
    "method": "method",
    "payload_encoding": "payload_encoding",
    "payload_type": "payload_type",
    "log_id_new": "LogIDNew",
}


def frames() -> list[Frame]:
    """Of every shape: the limits of numbers, empty and odd texts, headers that come twice."""
    chance = random.Random(7)
    texts = ["", "event", "ä€😀", "\0", "x" * 300]
    return [
        Frame(
            seq_id=chance.choice([0, 1, 127, 128, 2**32, 2**64 - 1]),
            log_id=chance.choice([0, 300, 2**63]),
            service=chance.choice([0, 1, 33554678, -1, -(2**31), 2**31 - 1]),
            method=chance.choice([CONTROL, DATA, -7]),
            headers=tuple((chance.choice(texts), chance.choice(texts)) for _ in range(chance.randint(0, 4))),
            payload_encoding=chance.choice([None, "", "gzip"]),
            payload_type=chance.choice([None, "json"]),
            payload=chance.randbytes(chance.choice([0, 1, 127, 128, 5_000])),
            log_id_new=chance.choice([None, "2026"]),
        )
        for _ in range(20)
    ]


def test_the_official_codec_reads_our_frames_and_we_read_theirs(lark: Sdk) -> None:
    for frame in frames():
        theirs = lark.ask("decode", frame=base64.b64encode(encode(frame)).decode())
        given = {name: getattr(frame, ours) for ours, name in FIELDS.items() if getattr(frame, ours) is not None}
        back = lark.ask("encode", fields=given, headers=frame.headers, payload=theirs["payload"])

        assert theirs["fields"] == given
        assert theirs["headers"] == [list(header) for header in frame.headers]
        assert base64.b64decode(theirs["payload"]) == frame.payload
        assert decode(base64.b64decode(back)) == frame
        assert base64.b64decode(back) == encode(frame)  # to the byte


def test_the_official_codec_reads_our_pings_and_acks(lark: Sdk) -> None:
    event = Frame(seq_id=3, service=7, headers=(("type", "event"), ("message_id", "m")), payload=b"{}")

    read = [
        lark.ask("decode", frame=base64.b64encode(encode(frame)).decode())
        for frame in (ping(7), event.answer(b'{"code":200}', ("biz_rt", "4")))
    ]

    assert [one["headers"] for one in read] == [
        [["type", "ping"]],
        [["type", "event"], ["message_id", "m"], ["biz_rt", "4"]],
    ]
    assert read[0]["fields"]["method"] == CONTROL
    assert base64.b64decode(read[1]["payload"]) == b'{"code":200}'


def test_numbers_that_are_missing_are_zero_to_both(lark: Sdk) -> None:
    for data in (encode(Frame(seq_id=5))[2:], b""):
        theirs = lark.ask("decode", frame=base64.b64encode(data).decode())

        found = decode(data)

        assert (found.seq_id, theirs["fields"].get("SeqID", 0)) == (0, 0)
        assert found.method == theirs["fields"].get("method", 0)


def test_the_official_sdk_decrypts_what_we_decrypt(lark: Sdk) -> None:
    texts = ["", "x", "x" * 15, "x" * 16, '{"challenge":"ä€😀"}', "y" * 5_000]

    for text in texts:
        encrypted = encrypt(text.encode(), "a key")

        assert decrypt(encrypted, "a key").decode() == text == lark.ask("decrypt", key="a key", text=encrypted)


@pytest.mark.parametrize("encrypted", ["", "abc", base64.b64encode(b"x" * 16).decode(), "AAAA" * 11, "é" * 44])
def test_what_cannot_be_decrypted_is_refused_by_both(lark: Sdk, encrypted: str) -> None:
    with pytest.raises(CryptError):
        decrypt(encrypted, "a key")
    with pytest.raises(RuntimeError):
        lark.ask("decrypt", key="a key", text=encrypted)


def test_another_key_decrypts_nothing() -> None:
    wrong = 0
    for number in range(200):
        encrypted = encrypt(b'{"type":"url_verification"}', f"key {number}")
        try:
            wrong += decrypt(encrypted, "another key") == b'{"type":"url_verification"}'
        except CryptError:
            continue

    assert wrong == 0


WELL_SIGNED = {"timestamp": "1700000000", "nonce": "nonce", "key": "k"}


@pytest.mark.parametrize(
    "change",
    [{}, {"body": b" "}, {"timestamp": "1700000001"}, {"nonce": ""}, {"key": "l"}, {"signature": "0" * 64}],
)
def test_the_official_dispatcher_takes_a_signature_exactly_where_we_do(lark: Sdk, change: Json) -> None:
    event = {"schema": "2.0", "header": {"event_type": "im.message.receive_v1", "token": "t"}, "event": {}}
    body = orjson.dumps({"encrypt": encrypt(orjson.dumps(event), change.get("key", "k"))})
    signature = change.get("signature", sign(body, "k", "1700000000", "nonce"))
    given = {**WELL_SIGNED, **{name: change[name] for name in change if name in WELL_SIGNED}}
    received = body + change.get("body", b"")
    headers = {
        "X-Lark-Request-Timestamp": given["timestamp"],
        "X-Lark-Request-Nonce": given["nonce"],
        "X-Lark-Signature": signature,
    }

    ours = is_signed(signature, **given, body=received)
    theirs = lark.ask("dispatch", key=given["key"], token="t", headers=headers, body=received.decode())

    assert ours is (change == {})
    assert theirs["status"] == (200 if ours else 500)
    assert len(theirs["heard"]) == (1 if ours else 0)


@pytest.mark.parametrize("signature", ["", "é\udc80"])
def test_a_signature_that_is_none_is_wrong(signature: str) -> None:
    assert not is_signed(signature, **WELL_SIGNED, body=b"{}")
