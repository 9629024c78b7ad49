"""A robot's calls to a server that answers as WeCom does."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from channels import wecom
from channels.base import Surroundings
from channels.wecom import WeComChannel
from gateway.config import Config
from gateway.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    CredentialsRefusedError,
    DeliveryError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Attachment, Caller, ChatAddress, Media, OutboundMessage, Parcel
from gateway.outbox.pace import Window
from tests.fakes import FakeClock
from tests.servers.wecom import KEY, WeComServer, serve_wecom


@pytest.fixture
async def server() -> AsyncIterator[WeComServer]:
    async with serve_wecom() as serving:
        yield serving


def configured(url: str, **own: Any) -> Config:
    return Config.layered(environment={}, file={"channels": {"wecom": {"webhook_url": url, **own}}})


@pytest.fixture
async def channel(server: WeComServer, tmp_path: Path) -> AsyncIterator[WeComChannel]:
    made = wecom.create("wecom", configured(server.url), FakeClock(), Surroundings(workspace=tmp_path))
    yield made
    await made.close()


def parcels(channel: WeComChannel, text: str = "hello", *, repeat: bool = False, **more: Any) -> list[Parcel]:
    address = ChatAddress(channel="wecom", chat="group")
    said = OutboundMessage(delivery_id="d1", address=address, caller=Caller.MODEL, text=text, **more)
    return [
        Parcel(id=f"d1/{n}", address=address, payload=part.payload, repeat=repeat)
        for n, part in enumerate(channel.render(said))
    ]


async def refusal(channel: WeComChannel, parcel: Parcel | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await channel.send(parcel or parcels(channel)[0])
    return caught.value


async def test_what_is_said_is_shown_in_the_group(server: WeComServer, channel: WeComChannel) -> None:
    (parcel,) = parcels(channel, "**done**, see [it](https://example.org)")

    sent_as = await channel.send(parcel)

    assert server.shown == ["**done**, see [it](https://example.org)"]
    assert sent_as == "d1/0"


async def test_a_long_text_arrives_in_parts_that_wecom_takes(server: WeComServer, channel: WeComChannel) -> None:
    text = "\n\n".join(f"{n}. 第{n}段 " + "字" * 400 for n in range(12))

    for parcel in parcels(channel, text, repeat=True):
        await channel.send(parcel)

    assert len(server.shown) > 3  # P-57
    assert all(shown.startswith("↻ ") for shown in server.shown)
    assert "".join(server.shown).count("字") == 12 * 400


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"errcode": 45_009, "errmsg": "api freq out of limit"}, TransientDeliveryError),
        ({"errcode": 45_033, "errmsg": "api concurrent out of limit"}, TransientDeliveryError),
        ({"errcode": -1, "errmsg": "system busy"}, AmbiguousDeliveryError),
        ({"errcode": 93_000, "errmsg": "invalid webhook url"}, CredentialsRefusedError),
        ({"errcode": 40_058, "errmsg": "exceed max length 4096"}, PermanentDeliveryError),
        ({"errcode": 44_004, "errmsg": "empty content"}, PermanentDeliveryError),
        ({"errcode": 12_345, "errmsg": "new"}, PermanentDeliveryError),
        ({"errmsg": "?"}, AmbiguousDeliveryError),
        ({"errcode": "0"}, AmbiguousDeliveryError),
    ],
)
async def test_a_code_says_whether_trying_again_helps(
    server: WeComServer, channel: WeComChannel, answer: dict[str, Any], kind: type[DeliveryError]
) -> None:
    server.answers.append(answer)

    error = await refusal(channel)

    assert type(error) is kind  # P-59
    if isinstance(error, TransientDeliveryError):
        assert error.retry_after is not None  # P-60
        assert error.retry_after.total_seconds() == 60
    assert KEY not in f"{error!r} {error.__cause__!r} {error.__context__!r}"  # P-87


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (200, "<html>", AmbiguousDeliveryError),
        (200, "[]", AmbiguousDeliveryError),
        (302, "", PermanentDeliveryError),
        (404, "{}", PermanentDeliveryError),
        (429, "", TransientDeliveryError),
        (502, "bad gateway", AmbiguousDeliveryError),
    ],
)
async def test_an_answer_of_a_machine_in_between_is_not_taken_for_wecoms(
    server: WeComServer, channel: WeComChannel, status: int, text: str, kind: type[DeliveryError]
) -> None:
    server.answers.append(web.Response(status=status, text=text))

    assert type(await refusal(channel)) is kind


async def test_an_answer_that_is_lost_leaves_it_open(server: WeComServer, channel: WeComChannel) -> None:
    server.hang_up = True

    error = await refusal(channel)

    assert type(error) is AmbiguousDeliveryError  # P-56
    assert server.shown == ["hello"]


async def test_a_platform_that_cannot_be_reached_has_not_got_it(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/cgi-bin/webhook/send?key={KEY}"
        channel = wecom.create("wecom", configured(url), FakeClock(), Surroundings(workspace=tmp_path))
        error = await refusal(channel)
        await channel.close()

    assert type(error) is TransientDeliveryError
    assert KEY not in f"{error!r} {error.__context__!r}"  # P-87


# -- files ------------------------------------------------------------------------------------------------------


def attached(folder: Path, name: str, content: bytes, kind: Media, media_type: str) -> Attachment:
    (folder / name).write_bytes(content)
    return Attachment(name=name, media_type=media_type, path=name, kind=kind, size=len(content))


async def test_a_file_is_brought_there_and_shown(
    server: WeComServer, channel: WeComChannel, tmp_path: Path
) -> None:
    file = attached(tmp_path, "报告.pdf", b"%PDF-1.7 ...", Media.FILE, "application/pdf")

    for repeat in (False, True):
        await channel.send(parcels(channel, "", attachments=(file,), repeat=repeat)[0])

    assert server.shown == [("报告.pdf", b"%PDF-1.7 ..."), ("↻ 报告.pdf", b"%PDF-1.7 ...")]


async def test_a_picture_is_shown_as_one_unless_it_is_a_repeat(
    server: WeComServer, channel: WeComChannel, tmp_path: Path
) -> None:
    picture = attached(tmp_path, "a.png", b"\x89PNG....", Media.PICTURE, "image/png")

    for repeat in (False, True):
        await channel.send(parcels(channel, "", attachments=(picture,), repeat=repeat)[0])

    assert server.shown == [b"\x89PNG....", ("↻ a.png", b"\x89PNG....")]


@pytest.mark.parametrize("size", [0, 5, 20_000_001])
async def test_a_file_that_wecom_does_not_take_is_said(channel: WeComChannel, tmp_path: Path, size: int) -> None:
    file = attached(tmp_path, "a.bin", b"x" * size, Media.FILE, "")

    error = await refusal(channel, parcels(channel, "", attachments=(file,))[0])

    assert type(error) is PermanentDeliveryError
    assert "a.bin" in str(error)
    assert "6 bytes to 20 MB" in str(error)


async def test_a_file_that_could_not_be_brought_there_was_not_sent(
    server: WeComServer, channel: WeComChannel, tmp_path: Path
) -> None:
    file = attached(tmp_path, "a.bin", b"x" * 10, Media.FILE, "")
    server.answers = [web.Response(status=502), {"errcode": 0, "errmsg": "ok"}]

    lost = await refusal(channel, parcels(channel, "", attachments=(file,))[0])
    without_id = await refusal(channel, parcels(channel, "", attachments=(file,))[0])

    assert type(lost) is TransientDeliveryError
    assert type(without_id) is PermanentDeliveryError
    assert server.shown == []


async def test_a_file_that_is_gone_is_said(channel: WeComChannel) -> None:
    file = Attachment(name="a.bin", media_type="", path="a.bin")

    error = await refusal(channel, parcels(channel, "", attachments=(file,))[0])

    assert type(error) is PermanentDeliveryError
    assert "a.bin" in str(error)


# -- settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", r"channels\.wecom\.webhook_url: missing"),
        ("https://example.org/SENTINEL", r"channels\.wecom\.webhook_url: is not a robot's address"),
    ],
)
def test_an_address_that_cannot_be_is_said_and_not_shown(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        wecom.create("wecom", configured(url), FakeClock(), Surroundings(workspace=tmp_path))

    assert "SENTINEL" not in str(caught.value)


def paces(tmp_path: Path, **own: Any) -> tuple[Window, ...]:
    url = f"http://127.0.0.1:1/webhook/send?key={KEY}"
    return wecom.create(
        "wecom", configured(url, **own), FakeClock(), Surroundings(workspace=tmp_path)
    ).paces.account


def test_twenty_messages_a_minute_are_the_most_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    assert paces(tmp_path) == paces(tmp_path, rate={"per_chat": 1}) == (Window(20, 60),)  # P-61
    assert paces(tmp_path, rate={"per_second": 1e9}) == ()


async def test_a_check_finds_a_robot_that_is_gone_and_says_nothing_in_the_group(server: WeComServer) -> None:
    right = await wecom.examine("wecom", configured(server.url), FakeClock())
    wrong = await wecom.examine("wecom", configured(f"{server.url}x"), FakeClock())

    assert right == [("ok", "the robot is there")]
    assert wrong[0][0] == "error"
    assert server.shown == []


async def test_it_can_be_asked_whether_it_answers(server: WeComServer, channel: WeComChannel) -> None:
    await channel.probe()

    assert (server.calls, server.shown, channel.heard_every) == (1, [], None)
