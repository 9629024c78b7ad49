"""What goes wrong with Slack on request: limits, errors, lost answers, refused connections; and the process."""

import asyncio
import sys
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import orjson
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack import APP_TOKEN, BOT_TOKEN
from tests.servers.slack_caller import ANNA, GENERAL, SECRET, Caller
from tests.servers.slack_control import Control
from tests.servers.slack_faults import Kind

ROOT = Path(__file__).parents[3]


# Limits


async def send(slack: Caller, channel: str = GENERAL) -> int:
    """The seconds to wait, or 0 if it was sent."""
    answer = await slack.whole("chat.postMessage", channel=channel, text="hi")
    if answer["ok"]:
        return 0
    assert (slack.status, answer["error"]) == (429, "ratelimited")
    return int(slack.headers["Retry-After"])


async def test_without_limits_everything_is_taken(slack: Caller) -> None:
    assert [await send(slack) for _ in range(20)] == [0] * 20


async def test_a_channel_takes_one_message_a_second(slack: Caller) -> None:
    slack.server.limits()

    assert [await send(slack), await send(slack, SECRET), await send(slack)] == [0, 0, 1]
    slack.wall.seconds += 1
    assert await send(slack) == 0
    assert slack.server.flood.by_channel == {GENERAL: 1}


async def test_a_quiet_channel_may_take_a_small_burst(slack: Caller) -> None:
    slack.server.limits(burst=3)

    assert [await send(slack) for _ in range(4)] == [0, 0, 0, 3]


async def test_an_update_is_a_call_of_tier_three(slack: Caller) -> None:
    ts = await slack.post()
    slack.server.limits()

    for _ in range(50):
        await slack.ok("chat.update", channel=GENERAL, ts=ts, text="again")

    assert (await slack.whole("chat.update", channel=GENERAL, ts=ts, text="again"))["error"] == "ratelimited"
    assert (slack.status, slack.headers["Retry-After"]) == (429, "60")


# Faults


async def test_an_error_comes_with_its_fields_and_only_as_often_as_asked(slack: Caller) -> None:
    slack.server.fault("error", method="chat.postMessage", error="missing_scope", fields={"needed": "chat:write"})

    refused = await slack.whole("chat.postMessage", channel=GENERAL, text="hi")

    assert refused == {"ok": False, "error": "missing_scope", "needed": "chat:write"}
    assert await slack.post()
    assert slack.server.sent_count == 1


async def test_a_flood_says_how_long_to_wait(slack: Caller) -> None:
    slack.server.fault("flood", method="chat.postMessage", channel=GENERAL, retry_after=7)

    assert await send(slack, SECRET) == 0
    assert await send(slack) == 7


@pytest.mark.parametrize(("kind", "done"), [("drop", 0), ("lost", 1)])
async def test_a_connection_ends_before_or_after_the_call_was_carried_out(
    slack: Caller, kind: Kind, done: int
) -> None:
    slack.server.fault(kind)

    with pytest.raises(aiohttp.ClientError):
        await slack.post()

    assert slack.server.sent_count == done


async def test_machines_in_front_answer_with_a_page(slack: Caller) -> None:
    slack.server.fault("status", status=503)

    body = await slack.raw("/api/auth.test")

    assert (slack.status, body[:6]) == (503, b"<html>")


@pytest.mark.parametrize(("kind", "done"), [("garbage", 0), ("truncated", 1)])
async def test_an_answer_that_is_no_json_fails_the_sdk(slack: Caller, kind: Kind, done: int) -> None:
    slack.server.fault(kind)
    client = AsyncWebClient(BOT_TOKEN, base_url=slack.server.api_base, retry_handlers=[])

    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=GENERAL, text="hi")

    assert slack.server.sent_count == done


@pytest.mark.parametrize(("kind", "done"), [("hang", 0), ("slow", 1)])
async def test_an_answer_may_come_late_or_never(slack: Caller, kind: Kind, done: int) -> None:
    slack.server.fault(kind, delay=0.5)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await slack.post()

    assert slack.server.sent_count == done


async def test_a_fault_lasts_as_long_as_it_is_asked_for(slack: Caller) -> None:
    slack.server.fault("status", seconds=10)

    first = await slack.raw("/api/api.test")
    slack.wall.seconds += 11
    second = await slack.raw("/api/api.test")

    assert (first[:6], orjson.loads(second)["ok"]) == (b"<html>", True)


async def test_files_and_sockets_fail_as_well(slack: Caller) -> None:
    slack.server.fault("status", method="upload", status=500)
    slack.server.fault("status", method="link", status=503)
    ticket = await slack.ok("files.getUploadURLExternal", filename="a", length=1)

    await slack.raw(ticket["upload_url"].removeprefix(slack.server.url), data=b"1")
    uploaded = slack.status
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await slack.socket()

    assert (uploaded, refused.value.status) == (500, 503)


async def test_connections_are_dropped_refused_and_taken_again(slack: Caller) -> None:
    line = await slack.socket()

    await slack.server.refuse()
    with pytest.raises(aiohttp.ClientConnectionError):
        await slack.post()
    ended = await line.ws.receive()
    await slack.server.listen()

    assert ended.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert await slack.post()


async def test_the_clock_of_slack_can_be_wrong(slack: Caller) -> None:
    slack.server.skew = 600

    await slack.ok("auth.test")

    assert parsedate_to_datetime(slack.headers["Date"]).timestamp() == slack.wall.seconds + 600


# Answers to interactions


async def test_a_response_url_is_good_five_times(slack: Caller) -> None:
    given = slack.server.slash("help", user=ANNA, channel=GENERAL)
    path = given.payload["response_url"].removeprefix(slack.server.url)

    bodies = [await slack.raw(path, json={"text": "here"}) for _ in range(6)]

    assert [one.decode() for one in bodies] == ["ok"] * 5 + ["used_url"]
    assert [one.text for one in slack.server.whispers] == ["here"] * 5


# As a process


async def test_another_process_is_spoken_to_with_the_same_verbs() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.slack", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().split()[1]
    try:
        async with Control(url) as control:
            await control.do("person", id=ANNA, name="Anna")
            await control.do("channel", id=GENERAL, name="general", members=[ANNA])
            ts = await control.say("hello", user=ANNA, channel=GENERAL)
            client = AsyncWebClient(BOT_TOKEN, base_url=f"{url}/api", retry_handlers=[])
            await client.chat_postMessage(channel=GENERAL, text="hi", thread_ts=ts)
            await control.wait_for(1)

            texts = await control.texts(GENERAL, ts)
            sent = await control.sent()
            told = await control.deliveries(ts)
            stats = await control.stats()
            with pytest.raises(LookupError, match="no such verb"):
                await control.do("dance")
            with pytest.raises(TimeoutError):
                await control.wait_for(2, seconds=0.05)
    finally:
        process.terminate()
        await process.wait()

    assert (texts, sent[0].thread, told[0]["payload"]["event"]["text"]) == (["hi"], ts, "hello")
    assert (stats.sent, stats.pending, stats.calls) == (1, 2, {"chat.postMessage": 1})


async def test_faults_are_asked_for_over_http_too(slack: Caller) -> None:
    async with Control(slack.server.url) as control:
        await control.fault("flood", method="apps.connections.open", retry_after=9)
        await control.do("revoke", scopes=["users:read"])

        answer = await slack.whole("apps.connections.open", token=APP_TOKEN)
        assert (answer["error"], slack.headers["Retry-After"]) == ("ratelimited", "9")
        assert await slack.no("users.info", user=ANNA) == "missing_scope"
        with pytest.raises(ValueError, match="unknown fault"):
            await control.do("fault", kind="earthquake")
