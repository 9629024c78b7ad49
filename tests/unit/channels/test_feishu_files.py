"""Files of Feishu: fetched and brought there, within their limits."""

import io
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any

import pytest

from channels.feishu.client import Client
from gateway.errors import (
    DeliveryError,
    MediaError,
    TransientDeliveryError,
)
from tests.servers.feishu import FeishuServer, serve_feishu
from tests.unit.channels.feishu_desk import ANNA, BORIS, GROUP, client_of

Json = Any
TEXT = '{"text":"hello"}'


@pytest.fixture
async def server() -> AsyncIterator[FeishuServer]:
    async with serve_feishu() as server:
        server.person(ANNA, "Anna")
        server.group(GROUP, "Team", members=[ANNA], owner=ANNA, admins=[BORIS])
        yield server


@pytest.fixture
async def client(server: FeishuServer) -> AsyncIterator[Client]:
    client = client_of(server)
    yield client
    await client.close()


async def error_in(work: Awaitable[object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await work
    return caught.value


async def test_a_file_is_fetched_as_it_was_sent(client: Client, server: FeishuServer) -> None:
    data = bytes(range(256)) * 1_000
    message = server.file("a.bin", data, user=ANNA)
    key = next(iter(server.files))
    sink = io.BytesIO()

    await client.download(message, "file", key, sink, limit=len(data))

    assert sink.getvalue() == data


async def test_no_more_is_fetched_than_is_allowed(client: Client, server: FeishuServer) -> None:
    message = server.file("a.bin", b"x" * 100_000, user=ANNA)
    sink = io.BytesIO()

    with pytest.raises(MediaError, match=r"larger than 0\.05 MB"):
        await client.download(message, "file", next(iter(server.files)), sink, limit=50_000)

    assert len(sink.getvalue()) <= 50_000


async def test_a_file_that_is_not_there_is_said(client: Client, server: FeishuServer) -> None:
    message = server.say("no file", user=ANNA)

    with pytest.raises(MediaError, match="Feishu does not give it"):
        await client.download(message, "file", "file_v3_none", io.BytesIO(), limit=100)


@pytest.mark.parametrize("kind", ["drop", "status", "flood", "hang"])
async def test_a_fetch_that_fails_on_the_way_may_be_tried_again(
    client: Client, server: FeishuServer, kind: Any
) -> None:
    message = server.file("a.bin", b"x", user=ANNA)
    server.fault(kind, call="resource", status=503, times=2)  # aiohttp asks again on a new connection
    client.waits = client.waits.__class__(transfer=timedelta(milliseconds=200))

    with pytest.raises(TransientDeliveryError):
        await client.download(message, "file", next(iter(server.files)), io.BytesIO(), limit=100)


async def test_an_upload_that_fails_has_sent_nothing(client: Client, server: FeishuServer) -> None:
    server.fault("lost", call="file")
    form = {"file_type": "stream", "file_name": "a", "file": ("a", b"data")}

    assert type(await error_in(client.upload("files", "file_key", form))) is TransientDeliveryError


async def test_an_upload_is_repeated_whole_when_the_token_is_over(client: Client, server: FeishuServer) -> None:
    await client.identify()
    server.expire_tokens()
    form = {"file_type": "stream", "file_name": "a", "file": ("a", b"data")}

    key = await client.upload("files", "file_key", form)

    assert server.files[key].data == b"data"
