"""Slack's bolt for real against Slack's server for tests: over Socket Mode, and behind a webhook."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes import until
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from tests.servers.slack_caller import ANNA, GENERAL, Caller

Say = Callable[..., Awaitable[Any]]
BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Tea"}, "action_id": "tea", "value": "green"}
MODAL = {
    "type": "modal",
    "callback_id": "add",
    "title": {"type": "plain_text", "text": "Add"},
    "submit": {"type": "plain_text", "text": "Add"},
    "blocks": [
        {
            "type": "input",
            "block_id": "what",
            "label": {"type": "plain_text", "text": "What"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


@pytest.fixture
def app(slack: Caller) -> AsyncApp:
    """An app that answers mentions with a button, takes a slash command and a modal."""
    client = AsyncWebClient(BOT_TOKEN, base_url=slack.server.api_base, retry_handlers=[])
    made = AsyncApp(client=client, signing_secret=SIGNING_SECRET)

    @made.event("app_mention")
    async def mentioned(event: dict[str, Any], say: Say) -> None:
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*What* to drink?"}}]
        where = event.get("thread_ts", event["ts"])
        await say(
            text="What to drink?", blocks=[*blocks, {"type": "actions", "elements": [BUTTON]}], thread_ts=where
        )

    @made.event("message")
    async def heard(event: dict[str, Any], say: Say) -> None:
        if event["channel_type"] == "im":
            await say(text=f"heard: {event['text']}")

    @made.action("tea")
    async def pressed(ack: Say, body: dict[str, Any], respond: Say) -> None:
        await ack()
        await respond(text=f"{body['actions'][0]['value']} tea it is", response_type="in_channel")

    @made.command("/tocsin")
    async def commanded(ack: Say, body: dict[str, Any]) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @made.view("add")
    async def submitted(ack: Say, body: dict[str, Any]) -> None:
        await ack()
        text = body["view"]["state"]["values"]["what"]["text"]["value"]
        await client.chat_postMessage(channel=body["user"]["id"], text=f"added: {text}")

    return made


@pytest.fixture
async def linked(slack: Caller, app: AsyncApp) -> AsyncIterator[None]:
    """The app over Socket Mode."""
    handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=0.3)
    await handler.connect_async()
    await until(lambda: slack.server.sockets.open)
    yield
    client = handler.client
    await handler.close_async()
    tasks = [client.message_processor, client.message_receiver, client.current_session_monitor]
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


@pytest.fixture
async def hooked(slack: Caller, app: AsyncApp) -> AsyncIterator[None]:
    """The app behind a webhook."""

    async def take(request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode()
        answer = await app.async_dispatch(AsyncBoltRequest(body=body, headers=dict(request.headers)))
        return web.Response(status=answer.status, text=answer.body, headers=answer.first_headers())

    door = web.Server(take)
    listener = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    slack.wall.seconds = time.time()  # bolt looks at the clock of this machine
    slack.server.hook(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/webhooks/slack")
    yield
    listener.close()
    await door.shutdown(0.1)


async def converse(slack: Caller) -> None:
    """Somebody mentions, presses, commands and submits; the app answers each."""
    server = slack.server
    ts = server.say("I am thirsty", user=ANNA, channel=GENERAL, mention=True)
    await server.wait_for(1)
    assert server.texts(GENERAL, thread=ts) == ["What to drink?"]
    assert server.sent[0].buttons == [("Tea", "green")]

    server.press(server.sent[0].ts, "Tea", user=ANNA)
    await server.wait_for(2)
    assert server.texts(GENERAL, thread="") == ["green tea it is"]

    server.slash("add", user=ANNA, channel=GENERAL)
    await server.wait_for(lambda: server.views)
    server.submit(user=ANNA, values={"text": "tea at five"})
    await server.wait_for(3)
    server.say("hello", user=ANNA)
    await server.wait_for(4)
    assert server.texts(server.im(ANNA)) == ["added: tea at five", "heard: hello"]
    await until(lambda: server.pending == 0)
    assert (server.lost, server.doubled, server.violations) == (0, 0, [])


@pytest.mark.usefixtures("linked")
async def test_bolt_converses_over_socket_mode(slack: Caller) -> None:
    await converse(slack)

    assert slack.server.sockets.most == 1


@pytest.mark.usefixtures("hooked")
async def test_bolt_converses_over_signed_requests(slack: Caller) -> None:
    await converse(slack)

    assert slack.server.sockets.total == 0


@pytest.mark.usefixtures("hooked")
async def test_bolt_takes_the_rightly_signed_and_refuses_the_others(slack: Caller) -> None:
    hooks = slack.server.hooks
    body = b'{"type": "url_verification", "challenge": "abc"}'

    right = await hooks.post(body)
    wrong = [
        await hooks.post(body, secret="another"),
        await hooks.post(body, signature="v0=" + "0" * 64),
        await hooks.post(body, timestamp=str(int(slack.wall.seconds) - 301)),
        await hooks.post(body, headers={"X-Slack-Signature": None}),
    ]

    assert (right.status, right.json()) == (200, {"challenge": "abc"})
    assert [one.status for one in wrong] == [401] * 4


class Door:
    """A webhook that answers with the statuses it is given, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.headers: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        self.bodies.append(await request.read())
        retry = request.headers.get("X-Slack-Retry-Num", ""), request.headers.get("X-Slack-Retry-Reason", "")
        self.headers.append(retry)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=abs(status), headers={"X-Slack-No-Retry": "1"} if status < 0 else {})


@asynccontextmanager
async def behind(slack: Caller, door: Door) -> AsyncIterator[None]:
    server = web.Server(door.take)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    slack.server.hook(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/")
    slack.server.hooks.delays = (0.0, 0.01, 0.01)
    yield
    listener.close()
    await server.shutdown(0.1)


async def test_an_event_that_is_refused_is_posted_again_with_its_number(slack: Caller) -> None:
    door = Door(500, 503)

    async with behind(slack, door):
        ts = slack.server.say("hello", user=ANNA)
        await slack.server.answered(slack.server.deliveries_of(ts)[0])

    assert door.headers == [("", ""), ("1", "http_error"), ("2", "http_error")]
    assert len(set(door.bodies)) == 1
    assert slack.server.deliveries_of(ts)[0].acked_at is not None


async def test_an_event_is_given_up_after_three_retries_or_when_the_app_says_so(slack: Caller) -> None:
    door = Door(500, 500, 500, 500, -500)

    async with behind(slack, door):
        first = slack.server.deliveries_of(slack.server.say("one", user=ANNA))[0]
        await slack.server.answered(first)
        second = slack.server.deliveries_of(slack.server.say("two", user=ANNA))[0]
        await slack.server.answered(second)

    assert ([one.status for one in first.attempts], first.failed) == ([500] * 4, "http_error")
    assert ([one.status for one in second.attempts], slack.server.lost) == ([500], 2)


async def test_a_slash_command_is_posted_once_as_a_form(slack: Caller) -> None:
    door = Door(500)

    async with behind(slack, door):
        given = slack.server.slash("help", user=ANNA)
        await slack.server.answered(given)

    assert (given.failed, len(door.bodies)) == ("http_error", 1)
    assert b"command=%2Ftocsin&text=help" in door.bodies[0]
