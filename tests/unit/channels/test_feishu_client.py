"""What Feishu answers, or does not, and which of our errors that is; and its token, asked for once."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from channels.feishu.client import Client, Line
from channels.feishu.http import asked_for
from channels.feishu.refusals import (
    FixedError,
    GoneError,
    Refusal,
    error_of,
    error_of_edit,
    scopes_in,
)
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from tests.fakes import FakeClock
from tests.servers.feishu import BOT_ID, FeishuServer, serve_feishu
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


async def send(client: Client, uuid: str = "u1", text: str = TEXT) -> str:
    return await client.send(GROUP, "text", text, uuid=uuid)


async def error_in(work: Awaitable[object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await work
    return caught.value


# -- the token --------------------------------------------------------------------------------------------------


async def test_a_hundred_callers_ask_for_one_token(server: FeishuServer, client: Client) -> None:
    await asyncio.gather(*(client.identify() for _ in range(100)))

    assert server.stats().tokens == 1


async def test_the_token_is_renewed_before_it_ends_and_not_before_that(server: FeishuServer) -> None:
    clock = FakeClock()
    server.now = clock.monotonic
    client = client_of(server, clock)
    await client.identify()

    clock._move(clock.monotonic() + 89 * 60)
    await client.identify()
    early = server.stats().tokens
    clock._move(clock.monotonic() + 2 * 60)
    await client.identify()

    assert (early, server.stats().tokens) == (1, 2)
    assert server.stats().statuses == {"200": 5}  # nothing was refused
    await client.close()


async def test_an_early_renewal_that_fails_harms_nobody(server: FeishuServer) -> None:
    clock = FakeClock()
    server.now = clock.monotonic
    client = client_of(server, clock)
    await client.identify()
    server.fault("status", call="token", status=502, times=2)

    clock._move(clock.monotonic() + 100 * 60)
    await client.identify()
    await client.identify()
    asked = server.stats().calls["token"]
    clock._move(clock.monotonic() + 31)
    await client.identify()

    assert asked == 2
    assert server.stats().calls["token"] == 3
    await client.close()


async def test_a_refused_token_costs_one_renewal_and_one_repeat(server: FeishuServer, client: Client) -> None:
    await client.identify()
    server.expire_tokens()

    await send(client)

    stats = server.stats()
    assert (stats.tokens, stats.calls["send"], stats.sent) == (2, 2, 1)


async def test_a_token_that_is_refused_again_is_no_endless_loop(server: FeishuServer, client: Client) -> None:
    server.fault("code", call="send", code=99991663, times=10)

    error = await error_in(send(client))

    assert type(error) is TransientDeliveryError
    assert server.stats().calls["send"] == 2


async def test_a_wrong_secret_is_said_at_once(server: FeishuServer) -> None:
    client = client_of(server, secret="wrong")

    error = await error_in(client.identify())

    assert type(error) is CredentialsRefusedError
    assert "wrong" not in str(error)
    await client.close()


@pytest.mark.parametrize("kind", ["lost", "hang", "garbage", "status", "truncated", "drop", "flood"])
async def test_without_a_token_nothing_was_sent(server: FeishuServer, client: Client, kind: Any) -> None:
    server.fault(kind, call="token", status=500)

    error = await error_in(send(client))

    assert type(error) is TransientDeliveryError
    assert server.stats().sent == 0


# -- what is certain --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected", "sent"),
    [
        ("lost", AmbiguousDeliveryError, 1),
        ("drop", AmbiguousDeliveryError, 0),
        ("hang", AmbiguousDeliveryError, 0),
        ("garbage", AmbiguousDeliveryError, 0),
        ("truncated", AmbiguousDeliveryError, 1),
        ("status", AmbiguousDeliveryError, 0),
        ("flood", TransientDeliveryError, 0),
    ],
)
async def test_a_send_whose_answer_is_lost_is_ambiguous(
    server: FeishuServer, client: Client, kind: Any, expected: type[DeliveryError], sent: int
) -> None:
    server.fault(kind, call="send", status=502)

    error = await error_in(send(client))

    assert type(error) is expected
    assert server.stats().sent == sent


async def test_a_repeat_under_the_same_uuid_is_the_same_message(server: FeishuServer, client: Client) -> None:
    server.fault("lost", call="send")  # P-56

    with pytest.raises(AmbiguousDeliveryError):
        await send(client)
    again = await send(client)

    assert [one.id for one in server.messages()] == [again]
    assert server.stats().violations == []


async def test_who_cannot_be_reached_has_done_nothing(client: Client) -> None:
    await client.identify()  # there is a token
    with socket.create_server(("127.0.0.1", 0)) as closed:
        client.http.base = f"http://127.0.0.1:{closed.getsockname()[1]}"

    error = await error_in(send(client))

    assert type(error) is TransientDeliveryError


async def test_a_flood_says_how_long_to_be_silent(server: FeishuServer, client: Client) -> None:  # P-60
    server.fault("flood", call="send", retry_after=7)

    error = await error_in(send(client))

    assert isinstance(error, TransientDeliveryError)
    assert error.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ogw-ratelimit-reset": "3"}, timedelta(seconds=3)),
        ({"x-ogw-ratelimit-reset": "0.5"}, timedelta(seconds=0.5)),
        ({"Retry-After": "120"}, timedelta(minutes=2)),
        ({"x-ogw-ratelimit-reset": "soon", "Retry-After": "4"}, timedelta(seconds=4)),
        ({"x-ogw-ratelimit-reset": "nan"}, None),
        ({"x-ogw-ratelimit-reset": "-1"}, None),
        ({"x-ogw-ratelimit-reset": "1e30"}, None),
        ({}, None),
    ],
)
def test_only_sane_silences_are_kept(headers: dict[str, str], expected: timedelta | None) -> None:
    assert asked_for(headers) == expected


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (230020, 400, TransientDeliveryError),
        (11232, 400, TransientDeliveryError),
        (11233, 400, TransientDeliveryError),
        (99991400, 400, TransientDeliveryError),
        (1, 429, TransientDeliveryError),
        (99991403, 429, TransientDeliveryError),
        (99991663, 400, TransientDeliveryError),
        (230049, 400, AmbiguousDeliveryError),
        (1, 500, AmbiguousDeliveryError),
        (230001, 400, FormattingRefusedError),
        (230025, 400, FormattingRefusedError),
        (230099, 400, FormattingRefusedError),
        (200621, 400, FormattingRefusedError),
        (230011, 400, GoneError),
        (230019, 400, GoneError),
        (230110, 400, GoneError),
        (231003, 400, GoneError),
        (230002, 400, PermanentDeliveryError),
        (230006, 400, PermanentDeliveryError),
        (230013, 400, PermanentDeliveryError),
        (230022, 400, PermanentDeliveryError),
        (230027, 400, PermanentDeliveryError),
        (230028, 400, PermanentDeliveryError),
        (230035, 400, PermanentDeliveryError),
        (232009, 400, PermanentDeliveryError),
        (99991672, 400, PermanentDeliveryError),
        (99992402, 400, PermanentDeliveryError),
    ],
)
def test_each_code_is_one_of_our_errors(code: int, status: int, expected: type[DeliveryError]) -> None:  # P-59
    assert type(error_of(Refusal(code=code, words="w", status=status))) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (230031, FixedError),  # older than 14 days
        (230011, FixedError),
        (230054, FixedError),
        (230071, FixedError),  # not ours
        (230072, FixedError),  # edited 20 times
        (230075, FixedError),  # older than the company's administrators allow
        (230002, PermanentDeliveryError),
        (230020, TransientDeliveryError),
        (230099, FormattingRefusedError),
    ],
)
def test_an_edit_that_is_refused_for_the_message_may_be_said_anew(
    code: int, expected: type[DeliveryError]
) -> None:
    assert type(error_of_edit(Refusal(code=code, words="w"))) is expected


def test_a_months_quota_is_not_asked_for_again_at_once() -> None:
    error = error_of(Refusal(code=99991403, words="quota", status=429))

    assert isinstance(error, TransientDeliveryError)
    assert error.retry_after == timedelta(hours=1)


async def test_a_missing_scope_is_named(server: FeishuServer, client: Client) -> None:
    server.scopes.clear()

    error = await error_in(send(client))

    assert type(error) is PermanentDeliveryError
    assert scopes_in(str(error)) == ["im:message", "im:message:send_as_bot", "im:message:send"]


async def test_redirects_are_not_followed_with_the_token(server: FeishuServer, client: Client) -> None:
    server.fault("status", call="send", status=302)

    assert type(await error_in(send(client))) is TransientDeliveryError


# -- calls ------------------------------------------------------------------------------------------------------


async def test_the_bot_knows_itself_and_its_chats(client: Client, server: FeishuServer) -> None:
    me = await client.identify()
    group, private = await client.chat(GROUP), await client.chat(server.private(ANNA))

    assert (me.id, me.name, me.active, me.app) == (BOT_ID, "Tocsin", True, server.app_id)
    assert (group.group, group.admins, group.name) == (True, {ANNA, BORIS}, "Team")
    assert not private.group


async def test_a_message_is_sent_answered_edited_and_seen(client: Client, server: FeishuServer) -> None:
    asked = server.say("hi", user=ANNA, chat=GROUP)
    first = await send(client)
    answer = await client.reply(asked, "text", TEXT, uuid="u2")
    await client.edit(first, "text", '{"text":"bye"}')
    await client.react(asked, "OnIt")
    told = await client.message(asked)

    assert server.texts(GROUP) == ["bye", "hello"]
    assert [one.root for one in server.messages()] == ["", asked]
    assert answer == server.messages()[1].id
    assert server.reactions(asked) == ["OnIt"]
    assert (told.sender, told.kind, told.content) == (ANNA, "text", '{"text":"hi"}')


async def test_what_was_recalled_cannot_be_answered_or_edited(client: Client, server: FeishuServer) -> None:
    asked = server.say("hi", user=ANNA, chat=GROUP)
    mine = await send(client)
    for message in (asked, mine):
        server.recall(message)

    assert type(await error_in(client.reply(asked, "text", TEXT, uuid="u2"))) is GoneError
    assert type(await error_in(client.edit(mine, "text", TEXT))) is FixedError
    assert type(await error_in(client.message(asked))) is GoneError


@pytest.mark.parametrize("odd", ["", "../../auth", "a b", "é", "x" * 200])
async def test_what_is_no_id_never_becomes_a_path(client: Client, server: FeishuServer, odd: str) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: client.reply(odd, "text", TEXT, uuid="u"),
        lambda: client.edit(odd, "text", TEXT),
        lambda: client.message(odd),
        lambda: client.chat(odd),
        lambda: client.name_of(odd),
        lambda: client.react(odd, "OnIt"),
    ]

    for call in calls:
        assert isinstance(await error_in(call()), PermanentDeliveryError)
    assert server.stats().calls == {}


async def test_a_name_is_told_only_with_the_scope_for_it(client: Client, server: FeishuServer) -> None:
    refused = await error_in(client.name_of(ANNA))
    server.scopes.add("contact:contact.base:readonly")

    assert type(refused) is PermanentDeliveryError
    assert await client.name_of(ANNA) == "Anna"


# -- the long connection's address ------------------------------------------------------------------------------


async def test_the_endpoint_tells_where_to_connect(client: Client, server: FeishuServer) -> None:
    server.client(ping=7)

    line = await client.line()

    assert isinstance(line, Line)
    assert line.url.startswith("ws://127.0.0.1")
    assert line.config["PingInterval"] == 7


@pytest.mark.parametrize("code", [403, 514, 1000040344, 1000040346])
async def test_an_endpoint_that_refuses_the_app_ends_the_channel(
    client: Client, server: FeishuServer, code: int
) -> None:
    server.fault("code", call="endpoint", code=code, status=200)

    assert type(await error_in(client.line())) is CredentialsRefusedError


@pytest.mark.parametrize("code", [1, 1000040343, 1000040350, 12345])
async def test_an_endpoint_that_is_busy_is_asked_again(client: Client, server: FeishuServer, code: int) -> None:
    server.fault("code", call="endpoint", code=code, status=200)

    error = await error_in(client.line())

    assert isinstance(error, TransientDeliveryError)
    assert str(code) in str(error)
