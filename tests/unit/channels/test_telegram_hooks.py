"""Webhook mode: who calls, when it is answered, in which order it is taken, and what is said of trouble."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from channels.base import Reply
from channels.telegram.client import Client, Identity, Webhook
from channels.telegram.examine import judge_hook
from channels.telegram.hooks import CHECK_EVERY, SECRET, Hook, Hooks, trouble
from channels.telegram.queues import Queues
from channels.telegram.settings import Settings
from gateway.errors import CredentialsRefusedError, ReadingError, StoreError, StoreFullError, TooLargeError
from tests.fakes import NOON, FakeClock, settle, until
from tests.servers.telegram import TOKEN, TelegramServer, serve_telegram
from tests.unit.channels.poll_inlet import ANNA, BORIS, GROUP, SHORT, Inlet

HOOK = Hook("https://bot.example.org/webhooks/telegram", "s3cret-of-the_hook")
OURS = {SECRET: HOOK.secret}
USER = {"id": ANNA, "is_bot": False, "first_name": "Anna"}


@dataclass
class Call:
    """What Telegram sends."""

    payload: Any = None
    headers: Mapping[str, str] = field(default_factory=lambda: OURS)
    method: str = "POST"
    read: bool = False

    async def body(self) -> bytes:
        self.read = True
        if isinstance(self.payload, Exception):
            raise self.payload
        return self.payload if isinstance(self.payload, bytes) else json.dumps(self.payload).encode()


def update(number: int = 1, text: str = "hello", chat: int = ANNA) -> dict[str, Any]:
    kind = {"id": chat, "type": "private" if chat > 0 else "group", "title": "x", "first_name": "A"}
    message = {"message_id": number, "date": 1, "chat": kind, "from": USER, "text": text}
    return {"update_id": number, "message": message}


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with serve_telegram(now=NOON.timestamp) as server:
        server.person(ANNA, "Anna")
        yield server


@asynccontextmanager
async def opened(server: TelegramServer, inlet: Inlet, clock: FakeClock | None = None) -> AsyncIterator[Hooks]:
    """Hooks that run, with their webhook set."""
    client = Client(TOKEN, api_base=server.url, waits=SHORT)
    hooks = Hooks("telegram", client, clock or FakeClock(), HOOK)
    task = asyncio.create_task(hooks.run(inlet))
    try:
        await until(lambda: inlet.lives or task.done())
        yield hooks
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await hooks.close()
        await client.close()


# -- who calls ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{}, {SECRET: ""}, {SECRET: "wrong"}, {SECRET: HOOK.secret + "x"}, {SECRET: "\xff\x00é"}, {SECRET: "\ud83d"}],
    ids=["none", "empty", "wrong", "longer", "not ascii", "half a character"],
)
async def test_who_does_not_know_the_secret_is_refused_before_the_body_is_read(
    server: TelegramServer, headers: dict[str, str]
) -> None:
    inlet, call = Inlet(), Call(update(), headers)
    async with opened(server, inlet) as hooks:
        reply = await hooks.called(call)

    assert (reply, call.read, inlet.received) == (Reply(status=401), False, [])


async def test_only_a_post_says_something(server: TelegramServer) -> None:
    async with opened(server, Inlet()) as hooks:
        reply = await hooks.called(Call(update(), method="GET"))

    assert reply.status == 405


async def test_before_the_channel_has_begun_telegram_is_asked_to_come_again(server: TelegramServer) -> None:
    client = Client(TOKEN, api_base=server.url)
    hooks = Hooks("telegram", client, FakeClock(), HOOK)

    with pytest.raises(StoreError):
        await hooks.called(Call(update()))

    await client.close()


async def test_a_body_that_is_too_large_is_left_to_the_listener(server: TelegramServer) -> None:
    async with opened(server, Inlet()) as hooks:
        with pytest.raises(TooLargeError):
            await hooks.called(Call(TooLargeError("more")))


# -- when it is answered -----------------------------------------------------------------------------------------


async def test_a_call_is_answered_when_its_message_is_kept_and_not_before(server: TelegramServer) -> None:
    inlet = Inlet()
    async with opened(server, inlet) as hooks:
        inlet.open.clear()
        call = asyncio.create_task(hooks.called(Call(update())))
        await until(lambda: inlet.received)
        await settle()
        before = call.done()
        inlet.open.set()
        reply = await call

    assert (before, reply) == (False, Reply())  # P-42
    assert inlet.received[0].dedupe_keys == ("telegram:123456789:1",)  # as polling has it


async def test_what_cannot_be_kept_is_not_answered_with_yes(server: TelegramServer) -> None:
    inlet = Inlet(refusing=lambda _: StoreFullError("the disk is full"))
    async with opened(server, inlet) as hooks:
        with pytest.raises(StoreFullError):
            await hooks.called(Call(update()))


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff{", b"[]", b"null", b"[" * 3_000, {"update_id": 1, "message": {"text": 5}}, {"update_id": "x"}],
)
async def test_what_nobody_can_read_does_not_come_for_ever(server: TelegramServer, payload: Any) -> None:
    inlet = Inlet()
    async with opened(server, inlet) as hooks:
        with capture_logs() as logs:
            reply = await hooks.called(Call(payload))

    assert (reply.status, inlet.received) == (200, [])
    assert [one["event"] for one in logs if one["log_level"] == "error"] == []


async def test_half_a_character_spoils_itself_and_nothing_else(server: TelegramServer) -> None:
    inlet = Inlet()
    body = json.dumps(update(text="HERE")).encode().replace(b"HERE", b"x \\ud83d y")
    async with opened(server, inlet) as hooks:
        await hooks.called(Call(body))

    assert inlet.texts() == ["x ? y"]


KEYS = st.sampled_from(["update_id", "message", "callback_query", "chat", "id", "from", "text", "date", "x"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
)


@settings(max_examples=100, deadline=None)
@given(ANYTHING)
def test_no_payload_whatever_it_is_leads_to_more_than_an_answer(payload: Any) -> None:
    async def call() -> Reply:
        client = Client(TOKEN, api_base="http://127.0.0.1:9")
        hooks = Hooks("telegram", client, FakeClock(), HOOK)
        hooks.open(Inlet(), Identity(id=42, username="bot", reads_groups=False))
        try:
            return await hooks.called(Call(payload))
        finally:
            await hooks.close()
            await client.close()

    assert asyncio.run(call()).status == 200


# -- in which order ----------------------------------------------------------------------------------------------


async def test_calls_for_one_chat_are_taken_in_the_order_of_their_updates_and_others_do_not_wait(
    server: TelegramServer,
) -> None:
    inlet = Inlet()
    async with opened(server, inlet) as hooks:
        inlet.open.clear()
        calls = [asyncio.create_task(hooks.called(Call(update(n, f"{n}")))) for n in (1, 4, 3, 2)]
        other = asyncio.create_task(hooks.called(Call(update(9, "other", BORIS))))
        await until(lambda: len(inlet.received) == 2)
        inlet.open.set()
        await asyncio.gather(*calls, other)

    assert inlet.texts() == ["1", "other", "2", "3", "4"]


async def test_what_is_said_after_a_move_waits_for_the_move(server: TelegramServer) -> None:
    inlet = Inlet()
    moved = update(1, "", GROUP)
    moved["message"] |= {"text": None, "migrate_to_chat_id": -1009}
    async with opened(server, inlet) as hooks:
        first = asyncio.create_task(hooks.called(Call(moved)))
        await settle(2)
        after = asyncio.create_task(hooks.called(Call(update(2, "/start", -1009))))
        await until(lambda: inlet.moves or inlet.received)
        begun = list(inlet.received)
        await asyncio.gather(first, after)

    assert (inlet.moves, begun) == ([(str(GROUP), "-1009")], [])


async def test_moves_in_a_circle_hold_nobody_up(server: TelegramServer) -> None:
    inlet = Inlet()

    def moved(number: int, chat: int, to: int) -> dict[str, Any]:
        found = update(number, "", chat)
        found["message"] |= {"text": None, "migrate_to_chat_id": to}
        return found

    async with opened(server, inlet) as hooks, asyncio.timeout(2):
        moves = [moved(1, -5, -5), moved(2, -5, -6), moved(3, -6, -5)]
        await asyncio.gather(*(hooks.called(Call(one)) for one in moves))

    assert sorted(inlet.moves) == [("-5", "-5"), ("-5", "-6"), ("-6", "-5")]


async def test_who_gives_up_waiting_in_a_queue_holds_nobody_up() -> None:
    queues, order = Queues(), list[int]()

    async def one(number: int, pause: asyncio.Event) -> None:
        async with queues.turn("chat", number):
            order.append(number)
            await pause.wait()

    gates = [asyncio.Event() for _ in range(4)]
    tasks = [asyncio.create_task(one(n, gate)) for n, gate in enumerate(gates)]
    await settle(2)
    tasks[1].cancel()  # waits
    gates[0].set()
    await until(lambda: order == [0, 2])
    gates[3].set()
    tasks[2].cancel()  # has its turn
    await asyncio.gather(*tasks, return_exceptions=True)

    assert order == [0, 2, 3]


# -- the webhook itself ------------------------------------------------------------------------------------------


async def test_the_webhook_is_set_once_and_nothing_that_waits_is_thrown_away(server: TelegramServer) -> None:
    server.say("while we were away", user=ANNA)
    clock = FakeClock()
    async with opened(server, Inlet(), clock):
        for _ in range(3):
            await clock.advance(CHECK_EVERY)
            await settle()

    assert (server.updates.webhook, server.updates.secret) == (HOOK.url, HOOK.secret)
    assert (server.calls["setWebhook"], server.pending) == (1, 1)
    assert server.calls["getWebhookInfo"] >= 2


async def test_a_webhook_that_somebody_has_removed_is_set_again(server: TelegramServer) -> None:
    clock = FakeClock()
    async with opened(server, Inlet(), clock):
        server.webhook("")
        await clock.advance(CHECK_EVERY)
        await until(lambda: server.updates.webhook)

    assert server.updates.webhook == HOOK.url


async def test_that_telegram_does_not_get_through_is_said_and_we_can_be_called_all_the_same(
    server: TelegramServer,
) -> None:
    inlet, clock = Inlet(), FakeClock()
    client = Client(TOKEN, api_base=server.url, waits=SHORT)
    hooks = Hooks("telegram", client, clock, HOOK)
    task = asyncio.create_task(hooks.run(inlet))
    await until(lambda: inlet.lives)
    server.say("hello", user=ANNA)
    server.hooks.error, server.hooks.error_at = "Connection refused", NOON.timestamp() + 10

    await clock.advance(CHECK_EVERY)
    with pytest.raises(ReadingError, match=r"cannot call the webhook \(1 updates wait\): Connection refused"):
        await task
    reply = await hooks.called(Call(update()))

    assert (reply.status, inlet.texts()) == (200, ["hello"])
    await hooks.close()
    await client.close()


async def test_a_wrong_token_ends_it_and_a_refused_address_is_said(server: TelegramServer) -> None:
    wrong = Client(f"{TOKEN}x", api_base=server.url)
    client = Client(TOKEN, api_base=server.url)

    with pytest.raises(CredentialsRefusedError):
        await Hooks("telegram", wrong, FakeClock(), HOOK).run(Inlet())
    with pytest.raises(ReadingError, match="an https url must be provided"):
        await Hooks("telegram", client, FakeClock(), replace(HOOK, url="http://x.example")).run(Inlet())

    await wrong.close()
    await client.close()


SET = Webhook(url=HOOK.url, pending=0)
FAILED = Webhook(url=HOOK.url, pending=2, error="Connection timed out", failed_at=NOON)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("found", "heard_at", "words"),
    [
        (SET, NOON, ""),
        (FAILED, NOON - SECOND, "Connection timed out"),
        (FAILED, NOON + SECOND, ""),  # it has got through since
        (replace(FAILED, pending=0), NOON - SECOND, ""),
        (replace(SET, url="https://other.example/"), NOON, "another program uses this token"),
    ],
)
def test_trouble_is_what_stands_between_telegram_and_us_now(found: Webhook, heard_at: Any, words: str) -> None:
    why = trouble(found, HOOK.url, heard_at)

    assert words in why
    assert bool(why) == bool(words)


# -- settings and check ------------------------------------------------------------------------------------------

COMPLETE = {"token": TOKEN, "mode": "webhook", "webhook_secret": HOOK.secret, "webhook_url": HOOK.url}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"webhook_secret": ""}, r"\.webhook_secret: missing"),
        ({"webhook_secret": "not this one!"}, "letters, digits, _ and -"),
        ({"webhook_secret": "x" * 257}, "1 to 256"),
        ({"webhook_secret": "sécret"}, "letters, digits"),
        ({"webhook_url": ""}, r"\.webhook_url: missing"),
        ({"webhook_url": "bot.example.org"}, "must be an address"),
        ({"webhook_url": "http://bot.example.org/webhooks/telegram"}, "must start with https"),
        ({"webhook_url": "https://bot.example.org:8790/webhooks/telegram"}, "443, 80, 88 and 8443"),
        ({"webhook_url": "https://bot.example.org:x/"}, "is no address"),
    ],
)
def test_webhook_mode_needs_an_address_and_a_secret_that_telegram_takes(
    change: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(**{**COMPLETE, **change})  # type: ignore[arg-type]


def test_a_server_of_ones_own_may_call_any_address() -> None:
    own = {"api_base": "http://127.0.0.1:8081", "webhook_url": "http://127.0.0.1:8790/webhooks/telegram"}

    assert Settings(**{**COMPLETE, **own}).mode == "webhook"  # type: ignore[arg-type]


def test_the_secret_is_not_shown() -> None:
    assert HOOK.secret not in repr(Settings(**COMPLETE))  # type: ignore[arg-type]  # P-87


@pytest.mark.parametrize(
    ("found", "hook", "levels"),
    [
        (SET, HOOK, ["ok"]),
        (Webhook(url="", pending=0), HOOK, ["ok"]),
        (replace(SET, url="https://other.example/"), HOOK, ["warning"]),
        (FAILED, HOOK, ["ok", "warning"]),
        (SET, replace(HOOK, secret="short"), ["warning", "ok"]),
    ],
)
def test_a_check_says_how_the_webhook_is(found: Webhook, hook: Hook, levels: list[str]) -> None:
    judged = list(judge_hook(found, hook, NOON))

    assert [level for level, _ in judged] == levels
    assert hook.secret not in str(judged) or hook.secret == "short"
