"""Slack's server for tests speaks Socket Mode as Slack does, to Slack's own client and to one by hand."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes import until
from tests.servers.slack import APP_TOKEN, BOT_USER
from tests.servers.slack_caller import ANNA, GENERAL, SECRET, Caller


class App:
    """Slack's own Socket Mode client, which acknowledges everything."""

    def __init__(self, client: SocketModeClient) -> None:
        self.client = client
        self.requests: list[SocketModeRequest] = []
        client.socket_mode_request_listeners.append(self._take)

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.requests.append(request)
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))


@pytest.fixture
async def app(slack: Caller) -> AsyncIterator[App]:
    web = AsyncWebClient(base_url=slack.server.api_base, retry_handlers=[])
    client = SocketModeClient(app_token=APP_TOKEN, web_client=web, ping_interval=0.3)
    made = App(client)
    await client.connect()
    await until(lambda: slack.server.sockets.open)
    yield made
    await client.close()
    await asyncio.gather(*_tasks_of(client), return_exceptions=True)


def _tasks_of(client: SocketModeClient) -> list[asyncio.Future[None]]:
    """What the client cancels and does not wait for."""
    tasks = [client.message_processor, client.message_receiver, client.current_session_monitor]
    return [task for task in tasks if task is not None]


# With Slack's own client


async def test_a_mention_reaches_the_sdk_as_two_events_of_one_message(slack: Caller, app: App) -> None:
    ts = slack.server.say("hello", user=ANNA, channel=GENERAL, mention=True)

    await until(lambda: slack.server.acked == 2)

    events = [one.payload["event"] for one in app.requests]
    assert [one["type"] for one in events] == ["message", "app_mention"]
    assert {one["ts"] for one in events} == {ts}
    assert events[0]["text"] == f"<@{BOT_USER}> hello"
    assert (events[0]["channel_type"], "channel_type" in events[1]) == ("channel", False)
    assert len({one.payload["event_id"] for one in app.requests}) == 2
    assert all(one.latency is not None and one.latency < 1 for one in slack.server.deliveries)
    assert slack.server.violations == []


async def test_the_sdk_comes_back_after_a_drop_and_gets_what_was_said_meanwhile(slack: Caller, app: App) -> None:
    slack.server.sockets.drop()
    await until(lambda: not slack.server.sockets.open)
    slack.server.say("while away", user=ANNA)

    await until(lambda: slack.server.acked == 1)

    assert [one.payload["event"]["text"] for one in app.requests] == ["while away"]
    assert (slack.server.sockets.total, slack.server.sockets.most) == (2, 1)


async def test_the_sdk_opens_a_new_socket_when_it_is_told_to(slack: Caller, app: App) -> None:
    await slack.server.sockets.disconnect("refresh_requested")

    await until(lambda: slack.server.sockets.total == 2 and len(slack.server.sockets.open) == 1)
    slack.server.say("hello", user=ANNA)
    await until(lambda: slack.server.acked == 1)

    assert slack.server.counts["apps.connections.open"] == 2
    assert app.requests[0].payload["event"]["channel_type"] == "im"


async def test_the_sdk_notices_a_half_open_socket(slack: Caller, app: App) -> None:
    slack.server.sockets.ack_within = 0.3
    slack.server.sockets.freeze()
    slack.server.say("anybody there?", user=ANNA)

    await until(lambda: slack.server.acked == 1, seconds=10)

    assert slack.server.sockets.total == 2
    assert app.requests[-1].retry_attempt is not None
    assert app.requests[-1].retry_attempt > 0


# By hand


async def test_hello_comes_first_and_a_ticket_is_good_once(slack: Caller) -> None:
    url = (await slack.ok("apps.connections.open", token=APP_TOKEN))["url"]

    async with slack.http.ws_connect(url) as ws:
        hello = await ws.receive_json()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await slack.http.ws_connect(url)

    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    assert hello["debug_info"]["approximate_connection_time"] > 0
    assert refused.value.status == 404


async def test_an_event_without_an_ack_is_sent_again_and_given_up_at_last(slack: Caller) -> None:
    slack.server.sockets.ack_within = 0.05
    line = await slack.socket()

    slack.server.say("hello", user=ANNA)
    seen = [await line.next() for _ in range(4)]
    await until(lambda: slack.server.lost == 1)

    assert [(one["retry_attempt"], one["retry_reason"]) for one in seen] == [(0, "")] + [
        (retry, "timeout") for retry in (1, 2, 3)
    ]
    assert len({one["payload"]["event_id"] for one in seen}) == 1
    assert (slack.server.doubled, slack.server.pending) == (3, 0)


async def test_an_ack_in_time_ends_the_retries(slack: Caller) -> None:
    slack.server.sockets.ack_within = 0.05
    line = await slack.socket()
    slack.server.say("hello", user=ANNA)

    await line.ack(await line.next())

    assert await line.silent()
    assert slack.server.deliveries[0].latency == 0.0  # on the clock of this test


async def test_an_interaction_nobody_takes_fails_at_once(slack: Caller) -> None:
    slack.server.sockets.ack_within = 0.05

    alone = slack.server.slash("help", user=ANNA)
    line = await slack.socket()
    slow = slack.server.slash("help", user=ANNA)
    await slack.server.answered(slow)

    assert alone.failed == "dispatch_failed"
    assert slow.failed == "operation_timeout"
    assert "retry_attempt" not in await line.next()
    assert await line.silent()


async def test_an_eleventh_socket_is_told_to_go(slack: Caller) -> None:
    lines = [await slack.socket() for _ in range(10)]

    eleventh = await slack.socket()

    assert [one.first["type"] for one in lines] == ["hello"] * 10
    assert (eleventh.first["type"], eleventh.first["reason"]) == ("disconnect", "too_many_websockets")
    assert len(slack.server.sockets.open) == 10


async def test_a_slash_command_can_be_answered_in_its_ack(slack: Caller) -> None:
    line = await slack.socket()
    given = slack.server.slash("remind in 5m tea", user=ANNA, channel=GENERAL)

    envelope = await line.next()
    await line.ack(envelope, {"text": "done"})
    await slack.server.answered(given)

    payload = envelope["payload"]
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    assert (payload["command"], payload["text"], payload["user_id"]) == ("/tocsin", "remind in 5m tea", ANNA)
    assert [(one.user, one.channel, one.text) for one in slack.server.whispers] == [(ANNA, GENERAL, "done")]


async def test_a_button_is_pressed_by_value_or_label(slack: Caller) -> None:
    line = await slack.socket()
    slack.server.echo = False
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Done"},
        "value": "job:1",
        "action_id": "b1",
    }
    ts = await slack.post(blocks=[{"type": "actions", "elements": [button]}])

    pressed = slack.server.press(ts, "Done", user=ANNA)
    envelope = await line.next()

    payload = envelope["payload"]
    assert (payload["type"], payload["container"]["message_ts"]) == ("block_actions", ts)
    assert (payload["actions"][0]["value"], payload["actions"][0]["action_id"]) == ("job:1", "b1")
    assert payload["message"]["blocks"][0]["block_id"] == payload["actions"][0]["block_id"]
    assert pressed.accepts is False
    assert slack.server.press(ts, "job:1", user=ANNA).payload["user"]["id"] == ANNA
    with pytest.raises(LookupError, match="no button"):
        slack.server.press(ts, "Snooze", user=ANNA)


async def test_a_modal_is_submitted_and_stays_open_with_errors(slack: Caller) -> None:
    line = await slack.socket()
    element = {"type": "plain_text_input", "action_id": "time"}
    label = {"type": "plain_text", "text": "When"}
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Add"},
        "submit": {"type": "plain_text", "text": "Add"},
        "callback_id": "add",
        "blocks": [{"type": "input", "block_id": "when", "label": label, "element": element}],
    }
    await slack.ok("views.open", trigger_id=slack.server.trigger(ANNA), view=view)

    first = slack.server.submit(user=ANNA, values={"time": "never"})
    await line.ack(await line.next(), {"response_action": "errors", "errors": {"when": "not a time"}})
    await slack.server.answered(first)
    second = slack.server.submit(user=ANNA, values={"time": "tomorrow at 9"})
    envelope = await line.next()
    await line.ack(envelope)
    await slack.server.answered(second)

    state = envelope["payload"]["view"]["state"]["values"]
    assert first.response["response_action"] == "errors"
    assert state == {"when": {"time": {"type": "plain_text_input", "value": "tomorrow at 9"}}}
    assert next(iter(slack.server.views.values())).closed is True


async def test_edits_deletes_and_joins_are_told(slack: Caller) -> None:
    line = await slack.socket()
    ts = slack.server.say("one", user=ANNA, channel=GENERAL)

    slack.server.edit(ts, "two", channel=GENERAL)
    slack.server.delete(ts, channel=GENERAL)
    slack.server.join("U0BOB", channel=GENERAL)
    slack.server.bot_say("beep", channel=GENERAL)

    events = [(await line.next())["payload"]["event"] for _ in range(6)]
    assert [(one["type"], one.get("subtype")) for one in events] == [
        ("message", None),
        ("message", "message_changed"),
        ("message", "message_deleted"),
        ("member_joined_channel", None),
        ("message", "channel_join"),
        ("message", "bot_message"),
    ]
    assert (events[1]["message"]["text"], events[1]["previous_message"]["text"]) == ("two", "one")
    assert events[2]["deleted_ts"] == ts


async def test_the_bots_own_messages_come_back_as_events(slack: Caller) -> None:
    line = await slack.socket()

    ts = await slack.post()

    event = (await line.next())["payload"]["event"]
    assert (event["ts"], event["user"], event["bot_id"]) == (ts, BOT_USER, "B0TOCSIN")


async def test_the_app_hears_only_what_its_scopes_and_memberships_allow(slack: Caller) -> None:
    line = await slack.socket()
    slack.server.revoke("channels:history")
    slack.server.leave(BOT_USER, channel=SECRET)

    slack.server.say("a", user=ANNA, channel=GENERAL)
    slack.server.say("b", user=ANNA, channel=SECRET, mention=True)
    slack.server.say("c", user=ANNA, channel=GENERAL, mention=True)

    assert (await line.next())["payload"]["event"]["type"] == "channel_left"
    assert (await line.next())["payload"]["event"]["type"] == "app_mention"
    assert await line.silent()


async def test_a_redelivery_keeps_the_event_id_and_a_replay_does_not(slack: Caller) -> None:
    line = await slack.socket()
    ts = slack.server.say("hello", user=ANNA)
    told = slack.server.deliveries_of(ts)[0]

    slack.server.redeliver(told)
    slack.server.replay(told)

    seen = [await line.next() for _ in range(3)]
    ids = [one["payload"]["event_id"] for one in seen]
    assert (ids[0] == ids[1], ids[1] == ids[2]) == (True, False)
    assert len({one["envelope_id"] for one in seen}) == 3


async def test_a_misbehaving_app_is_noted(slack: Caller) -> None:
    line = await slack.socket()
    slack.server.say("hello", user=ANNA)
    envelope = await line.next()

    await line.ws.send_str("hello yourself")
    await line.ws.send_str('{"envelope_id": "unknown"}')
    await line.ack(envelope, {"text": "an event takes no answer"})
    await until(lambda: slack.server.acked == 1)

    assert [one[:20] for one in slack.server.violations] == [
        "a frame that is no a",
        "an ack of an unknown",
        "an ack with a payloa",
    ]


async def test_the_server_pings(slack: Caller) -> None:
    slack.server.sockets.ping_every = 0.02
    opened = await slack.ok("apps.connections.open", token=APP_TOKEN)

    async with slack.http.ws_connect(opened["url"], autoping=False) as ws:
        await ws.receive_json()
        frame = await ws.receive(2)

    assert (frame.type, frame.data[:9]) == (aiohttp.WSMsgType.PING, b"Ping from")
