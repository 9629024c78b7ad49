"""What the Bot API answers, or does not, and which of our errors that is: through the real SDK, over HTTP."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from channels.telegram.client import Client, Waits
from channels.telegram.refusals import MovedError, NoEditError, RivalError
from gateway.clock import SystemClock
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import ChatAddress
from tests.servers.telegram import TOKEN, TelegramServer, serve_telegram

ANNA = 7
GROUP = -5
FORUM = -1005
HERE = ChatAddress(channel="telegram", chat=str(ANNA))
HELLO = {"text": "hello"}
MOMENT = timedelta(milliseconds=150)


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with serve_telegram() as server:
        server.person(ANNA, "Anna")
        server.group(GROUP, "Friends", supergroup=False, members=[ANNA])
        server.group(FORUM, "Forum", forum=True, members=[ANNA])
        yield server


@asynccontextmanager
async def client_at(url: str, token: str = TOKEN) -> AsyncIterator[Client]:
    client = Client(token, api_base=url, waits=Waits(poll=MOMENT, grace=MOMENT, answer=MOMENT))
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def client(server: TelegramServer) -> AsyncIterator[Client]:
    async with client_at(server.url) as client:
        yield client


async def error_of(client: Client, address: ChatAddress = HERE, **payload: Any) -> DeliveryError:
    """What a send ends with."""
    with pytest.raises(DeliveryError) as caught:
        await client.send(address, {**HELLO, **payload})
    assert TOKEN not in repr(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


# -- trouble on the way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "arrives"),
    [
        ({"kind": "status", "status": 500}, False),
        ({"kind": "status", "status": 502}, False),
        ({"kind": "status", "status": 502, "acts": True}, True),
        ({"kind": "drop"}, False),
        ({"kind": "lost"}, True),
        ({"kind": "hang"}, False),
        ({"kind": "slow", "delay": 0.4}, True),
        ({"kind": "garbage"}, False),
        ({"kind": "truncated"}, True),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
async def test_a_send_whose_answer_does_not_come_may_have_arrived(
    server: TelegramServer, client: Client, fault: dict[str, Any], arrives: bool
) -> None:
    server.fault(method="sendMessage", **fault)

    error = await error_of(client)

    assert type(error) is AmbiguousDeliveryError  # P-56
    assert server.texts(ANNA) == (["hello"] if arrives else [])


async def test_a_send_that_found_no_connection_has_certainly_not_arrived() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with client_at(f"http://127.0.0.1:{port}") as client:
        error = await error_of(client)

    assert type(error) is TransientDeliveryError
    assert str(error) == f"Telegram: cannot connect to 127.0.0.1:{port} (Connection refused)"


async def test_the_same_client_works_when_the_network_is_back(server: TelegramServer, client: Client) -> None:
    await server.refuse()
    first = await error_of(client)

    await server.listen()
    await client.send(HERE, HELLO)

    assert isinstance(first, TransientDeliveryError)
    assert server.texts(ANNA) == ["hello"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(302, TransientDeliveryError), (407, TransientDeliveryError), (503, AmbiguousDeliveryError)],
)
async def test_a_page_of_a_machine_on_the_way_is_told_from_telegrams_word_and_not_shown(
    status: int, kind: type[DeliveryError]
) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        page = f"<html>could not get {request.url}</html>"
        return web.Response(status=status, text=page, content_type="text/html")

    async with _page_server(answer) as url, client_at(url) as client:
        error = await error_of(client)  # P-87: the page shows the token

    assert type(error) is kind
    assert str(error) == f"Telegram: a machine on the way answered {status}"


@asynccontextmanager
async def _page_server(answer: Any) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# -- what Telegram says ------------------------------------------------------------------------------------------


async def test_a_wait_that_is_asked_for_is_handed_on(server: TelegramServer, client: Client) -> None:
    server.fault("flood", method="sendMessage", retry_after=120)

    error = await error_of(client)

    assert isinstance(error, TransientDeliveryError)  # P-60
    assert error.retry_after == timedelta(seconds=120)


@pytest.mark.parametrize(
    "body", ["{}", "<html>", '{"parameters": {"retry_after": "soon"}}', '{"parameters": null}']
)
async def test_a_flood_that_names_no_wait_leaves_it_to_us(body: str) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=429, text=body)

    async with _page_server(answer) as url, client_at(url) as client:
        error = await error_of(client)

    assert isinstance(error, TransientDeliveryError)
    assert error.retry_after is None


async def test_a_refusal_with_a_code_that_nobody_knows_is_a_refusal(
    server: TelegramServer, client: Client
) -> None:
    server.fault("unknown", method="sendMessage")

    error = await error_of(client)

    assert type(error) is PermanentDeliveryError


async def test_a_conflict_is_no_reason_to_give_a_message_up(server: TelegramServer, client: Client) -> None:
    server.fault("conflict", method="sendMessage")

    error = await error_of(client)

    assert type(error) is TransientDeliveryError


@pytest.mark.parametrize("token", [f"{TOKEN}x", "1:x"])
async def test_a_wrong_token_is_said_whatever_was_asked(server: TelegramServer, token: str) -> None:
    async with client_at(server.url, token) as client:
        error = await error_of(client)
        with pytest.raises(CredentialsRefusedError):
            await client.identify()
        with pytest.raises(CredentialsRefusedError) as polled:
            await client.updates(0, wait=MOMENT)

    assert type(error) is CredentialsRefusedError
    assert "@BotFather" in str(error)
    assert token not in f"{error!r}{polled.value!r}"


async def test_what_can_never_be_sent_is_not_to_be_tried_again(server: TelegramServer, client: Client) -> None:
    topic = server.topic(FORUM, "News")
    server.close_topic(FORUM, topic)
    server.person(8, started=False)
    server.person(9)
    server.block(9)
    server.group(-6, "Gone", supergroup=False, bot="kicked")
    server.group(-1007, "Left", bot="left")

    def to(chat: int, thread: int = 0) -> ChatAddress:
        return ChatAddress(channel="telegram", chat=str(chat), thread=str(thread or ""))

    errors = [
        await error_of(client, text="x" * 4_097),
        await error_of(client, text=" "),
        await error_of(client, to(12345)),
        await error_of(client, to(8)),
        await error_of(client, to(9)),
        await error_of(client, to(-6)),
        await error_of(client, to(-1007)),
        await error_of(client, to(FORUM, topic)),
        await error_of(client, to(FORUM, 9_999)),
    ]

    assert {type(error) for error in errors} == {PermanentDeliveryError}  # P-59
    assert [str(error).partition(": ")[2].lower() for error in errors] == [
        "message is too long",
        "message text is empty",
        "chat not found",
        "forbidden: bot can't initiate conversation with a user",
        "forbidden: bot was blocked by the user",
        "forbidden: bot was kicked from the group chat",
        "forbidden: bot is not a member of the supergroup chat",
        "topic_closed",
        "message thread not found",
    ]
    assert server.sent == []


async def test_refused_formatting_is_told_from_other_refusals(server: TelegramServer, client: Client) -> None:
    errors = [await error_of(client, text=text, format="html") for text in ("<b>open", "<h1>no</h1>", "a < b")]

    assert {type(error) for error in errors} == {FormattingRefusedError}  # P-58


async def test_a_chat_that_has_another_id_is_said_with_it(server: TelegramServer, client: Client) -> None:
    new = server.migrate(GROUP)

    with pytest.raises(MovedError) as caught:
        await client.send(ChatAddress(channel="telegram", chat=str(GROUP)), HELLO)

    assert caught.value.to == str(new)


async def test_a_chat_that_has_moved_is_no_more_than_a_small_failure_of_a_sign_of_life(
    server: TelegramServer, client: Client
) -> None:
    server.migrate(GROUP)

    address = ChatAddress(channel="telegram", chat=str(GROUP))

    with pytest.raises(PermanentDeliveryError):
        await client.sign("SendChatAction", address, action="typing")


# -- what is sent ------------------------------------------------------------------------------------------------


async def test_general_is_a_topic_without_a_thread(server: TelegramServer, client: Client) -> None:
    topic = server.topic(FORUM, "News")

    for thread in ("", "1", str(topic)):
        await client.send(ChatAddress(channel="telegram", chat=str(FORUM), thread=thread), HELLO)

    assert [one.thread for one in server.sent] == [0, 0, topic]


async def test_an_answer_to_a_message_that_is_gone_is_sent_all_the_same(
    server: TelegramServer, client: Client
) -> None:
    await client.send(HERE, {**HELLO, "reply_to": "4711"})

    assert server.texts(ANNA) == ["hello"]


async def test_buttons_come_as_they_were_ordered(server: TelegramServer, client: Client) -> None:
    await client.send(HERE, {**HELLO, "buttons": [[["Yes", "7|y"], ["No", "7|n"]], [["Later", "7|l"]]]})

    assert server.sent[0].buttons == [[("Yes", "7|y"), ("No", "7|n")], [("Later", "7|l")]]


async def test_a_message_is_replaced_and_what_it_says_already_is_no_error(
    server: TelegramServer, client: Client
) -> None:
    sent_as = await client.send(HERE, HELLO)

    again = [await client.edit(HERE, sent_as, {"text": "good bye"}) for _ in range(2)]

    assert again == [sent_as, sent_as]
    assert server.texts(ANNA) == ["good bye"]


async def test_a_message_that_is_gone_or_not_ours_cannot_be_replaced(
    server: TelegramServer, client: Client
) -> None:
    server.say("mine", user=ANNA)

    for message_id in ("4711", str(server.last_message(ANNA))):
        with pytest.raises(NoEditError):
            await client.edit(HERE, message_id, HELLO)


# -- reading -----------------------------------------------------------------------------------------------------


async def test_an_update_comes_as_telegram_wrote_it(server: TelegramServer, client: Client) -> None:
    server.push({"something_new": {"nobody": ["knows", None, 1.5]}})

    (update,) = await client.updates(0, wait=MOMENT)

    assert update["something_new"] == {"nobody": ["knows", None, 1.5]}


async def test_half_a_character_in_an_update_spoils_no_other(server: TelegramServer, client: Client) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(
            body=b'{"ok":true,"result":[{"update_id":1,"x":"\\ud83d"},{"update_id":2,"x":"\xff"}]}'
        )

    async with _page_server(answer) as url, client_at(url) as other:
        first, second = await other.updates(0, wait=MOMENT)

    assert (first["update_id"], second["update_id"]) == (1, 2)


async def test_an_answer_without_updates_is_trouble_and_not_silence() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b'{"ok":true,"result":{}}')

    async with _page_server(answer) as url, client_at(url) as client:
        with pytest.raises(AmbiguousDeliveryError):
            await client.updates(0, wait=MOMENT)


async def test_a_poll_is_given_up_a_little_after_it_should_have_ended(
    server: TelegramServer, client: Client
) -> None:
    server.fault("hang", method="getUpdates")

    with pytest.raises(AmbiguousDeliveryError, match=r"no answer within 0\.3 s"):  # P-48
        await client.updates(0, wait=MOMENT)


async def test_a_rival_and_a_webhook_are_told_from_other_trouble(server: TelegramServer, client: Client) -> None:
    server.fault("conflict", method="getUpdates")

    with pytest.raises(RivalError, match="other getUpdates"):  # P-47
        await client.updates(0, wait=MOMENT)
    server.updates.hook("https://elsewhere.example/")
    with pytest.raises(RivalError, match="webhook is active"):
        await client.updates(0, wait=MOMENT)


async def test_how_far_the_clocks_are_apart_is_known_from_any_answer(
    server: TelegramServer, client: Client
) -> None:
    server.skew = -90

    await client.identify()

    assert abs(client.ahead(SystemClock().now()).total_seconds() - 90) < 3
