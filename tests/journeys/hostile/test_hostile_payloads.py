"""Payloads that make no sense, to the real program: nothing breaks, nothing stays in memory, it goes on answering.

Telegram's are in tests/journeys/telegram; requests that no platform makes, in tests/unit/web.
"""

import json
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.hostile.program import Program, program
from tests.journeys.telegram.mutants import mutated
from tests.servers.feishu import BOT_ID, FeishuServer, serve_feishu
from tests.servers.feishu_frames import Frame, encode
from tests.servers.feishu_records import Event
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer, serve_slack
from tests.servers.slack_hooks import body_of
from tests.servers.slack_records import Envelope, Json
from tests.unit.channels import slack_payloads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory of another process")

MOST = 20 * 2**20  # bytes of growth, P-53
STEP = 100
COUNTS = [
    pytest.param(300, id="a slice"),
    pytest.param(10_000, id="all", marks=[pytest.mark.nightly, pytest.mark.timeout(300)]),
]
ANNA, GENERAL, TEAM = "U0ANNA", "C0GENERAL", "oc_team"

Bring = Callable[[random.Random], Awaitable[None]]


async def _bring(running: Program, count: int, bring: Bring, calm: Callable[[], Awaitable[None]]) -> None:
    """So many, in steps; after a fifth of them memory may not grow by more than it should."""
    chance, sizes = random.Random(count), []
    for n in range(count):
        await bring(chance)
        if n % STEP == STEP - 1:
            await calm()
            sizes.append(running.memory())
    assert sizes[-1] - sizes[len(sizes) // 5] <= MOST, sizes


def _spoilt(data: bytes, chance: random.Random) -> bytes:
    """With some other bytes in it, or without its end."""
    spoilt = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
    return bytes(spoilt[: chance.randrange(len(spoilt))] if chance.random() < 0.2 else spoilt)


# -- Slack --------------------------------------------------------------------------------------------------------


def _of_slack(slack: SlackServer) -> list[tuple[Envelope, Json]]:
    """A payload of every kind, and how it travels; those of this server, and presses, dialogs and shortcuts."""
    slack.person(ANNA, "Anna")
    slack.channel(GENERAL, "general", members=[ANNA])
    top = slack.say("hello", user=ANNA, channel=GENERAL, mention=True)
    slack.say("again", user=ANNA, channel=GENERAL, thread=top)
    slack.say("a file", user=ANNA, files=[slack.file("a.txt", b"words", "text/plain")])
    slack.bot_say("beep", channel=GENERAL, mention=True)
    slack.edit(top, "hullo", channel=GENERAL)
    slack.delete(top, channel=GENERAL)
    found = [(one.kind, one.payload) for one in slack.deliveries]
    for payload in slack_payloads.one_of_each():
        if "files.slack.com" in json.dumps(payload):
            continue  # of Slack's own host, which would be asked for it; those of this server are above
        kind: Envelope = "slash_commands" if "command" in payload else "interactive"
        found.append(("events_api" if "event" in payload else kind, payload))
    slack.sockets.waiting.clear()
    return found


async def _slack_answers(slack: SlackServer) -> None:
    slack.person("U0GOOD", "Good")
    slack.say("help", user="U0GOOD")
    await slack.wait_for(lambda: slack.texts(slack.im("U0GOOD")), 10)


@pytest.mark.parametrize("count", COUNTS)
async def test_slacks_socket_brings_nonsense_and_nothing_breaks(tmp_path: Path, count: int) -> None:
    async with serve_slack(keep=1_000) as slack:  # P-53
        seen = _of_slack(slack)
        before = slack.lost
        settings = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "api_base": slack.api_base}
        async with program(tmp_path, "slack", settings) as running:
            await slack.wait_for(lambda: slack.sockets.open)
            slack.pending = 0

            async def bring(chance: random.Random) -> None:
                kind, payload = chance.choice(seen)
                if chance.random() < 0.1:
                    frame = json.dumps({"type": kind, "payload": payload}).encode()
                    await slack.sockets.open[0].ws.send_str(_spoilt(frame, chance).decode("latin-1"))
                else:
                    slack.deliver(kind, mutated(payload, chance))

            async def calm() -> None:
                await slack.wait_for(lambda: slack.pending == 0, 60)

            await _bring(running, count, bring, calm)
            await _slack_answers(slack)
            code = await running.stop()

    assert (running.faults(), code) == ([], 0)
    assert (slack.lost - before, slack.doubled) == (0, 0)  # each was acknowledged, and at once
    assert slack.sockets.total == 1


@pytest.mark.parametrize("count", [pytest.param(10_000, marks=[pytest.mark.nightly, pytest.mark.timeout(300)])])
async def test_slack_calls_with_nonsense_and_nothing_breaks(tmp_path: Path, count: int) -> None:
    async with serve_slack(keep=1_000) as slack:  # P-53
        seen, statuses = _of_slack(slack), set[int]()
        settings = {"bot_token": BOT_TOKEN, "signing_secret": SIGNING_SECRET, "api_base": slack.api_base}
        async with program(tmp_path, "slack", {"mode": "http", **settings}) as running:
            address = f"{running.web}/webhooks/slack"

            async def bring(chance: random.Random) -> None:
                kind, payload = chance.choice(seen)
                body, sort = body_of(kind, mutated(payload, chance))
                sent = _spoilt(body, chance) if chance.random() < 0.3 else body
                signature = _odd_header(chance) if chance.random() < 0.2 else None
                answer = await slack.hooks.post(sent, sort=sort, url=address, signature=signature)
                statuses.add(answer.status)

            await _bring(running, count, bring, _at_once)
            slack.hook(address)
            await _slack_answers(slack)
            code = await running.stop()

    assert (running.faults(), code) == ([], 0)
    assert statuses == {200, 401}


# -- Feishu -------------------------------------------------------------------------------------------------------


def _of_feishu(feishu: FeishuServer) -> list[Json]:
    """An event of every kind, as it travels."""
    feishu.person("ou_ann", "Ann")
    feishu.group(TEAM, "Team", members=["ou_ann"])
    first = feishu.say("hello", user="ou_ann")
    feishu.say("/help", user="ou_ann", chat=TEAM, mention=[BOT_ID])
    feishu.say("back", user="ou_ann", chat=TEAM, parent=first, mention=[BOT_ID])
    feishu.say(post=[[{"tag": "text", "text": "rich"}]], user="ou_ann")
    feishu.picture(b"\x89PNG\r\n\x1a\n" + bytes(60), user="ou_ann")
    feishu.file("a.pdf", b"words", user="ou_ann")
    feishu.menu("help", user="ou_ann")
    feishu.recall(first)
    feishu.kick(TEAM)
    feishu.add(TEAM)
    place = {"open_message_id": first, "open_chat_id": TEAM}
    told = {"operator": {"open_id": "ou_ann"}, "action": {"value": {"d": "/help"}}, "context": place, "token": "c"}
    feishu.push("card.action.trigger", told)
    found = [json.loads(event.body) for event in feishu.events.values()]
    feishu.events.clear()
    return found


async def _feishu_answers(feishu: FeishuServer) -> None:
    feishu.person("ou_good", "Good")
    feishu.say("help", user="ou_good")
    await feishu.wait_until(lambda: bool(feishu.texts(feishu.private("ou_good"))), "answer", 10)


@pytest.mark.parametrize("count", COUNTS)
async def test_feishus_connection_brings_nonsense_and_nothing_breaks(tmp_path: Path, count: int) -> None:
    async with serve_feishu(keep=1_000) as feishu:  # P-53
        seen, taken = _of_feishu(feishu), list[Event]()
        settings = {"app_id": feishu.app_id, "app_secret": feishu.app_secret, "api_base": feishu.url}
        async with program(tmp_path, "feishu", settings) as running:
            await feishu.wait_until(lambda: bool(feishu.sockets.live), "connection")

            async def bring(chance: random.Random) -> None:
                body = json.dumps(mutated(chance.choice(seen), chance)).encode()
                if chance.random() < 0.2:
                    headers = (("type", "event"), ("message_id", "m"), ("sum", "1"), ("seq", "0"))
                    frame = encode(Frame(service=1, headers=headers, payload=body))
                    await feishu.sockets.open[-1].ws.send_bytes(_spoilt(frame, chance))
                else:
                    name = feishu.fresh("")
                    feishu.events[name] = Event(id=name, kind="", body=body)
                    taken.append(feishu.events[name])
                    feishu.push_out(taken[-1])

            async def calm() -> None:
                await feishu.wait_until(lambda: all(one.acked for one in taken), "acks", 60)
                taken.clear()

            await _bring(running, count, bring, calm)
            await _feishu_answers(feishu)
            code = await running.stop()

    assert (running.faults(), code) == ([], 0)
    assert (feishu.sockets.connects, feishu.late) == (1, 0)


@pytest.mark.parametrize("count", [pytest.param(10_000, marks=[pytest.mark.nightly, pytest.mark.timeout(300)])])
async def test_feishu_posts_nonsense_and_nothing_breaks(tmp_path: Path, count: int) -> None:
    async with serve_feishu(keep=1_000) as feishu:  # P-53
        seen, statuses = _of_feishu(feishu), set[int]()
        settings = {"app_id": feishu.app_id, "app_secret": feishu.app_secret, "api_base": feishu.url}
        keys = {"encrypt_key": feishu.encrypt_key, "verification_token": feishu.verification_token}
        async with program(tmp_path, "feishu", {"mode": "webhook", **settings, **keys}) as running:
            address = f"{running.web}/webhooks/feishu"

            async def bring(chance: random.Random) -> None:
                whole = json.dumps(mutated(chance.choice(seen), chance)).encode()
                plain = _spoilt(whole, chance) if chance.random() < 0.2 else whole
                forged = {"X-Lark-Signature": _odd_header(chance)} if chance.random() < 0.2 else {}
                post = feishu.hooks.build(plain, headers=forged)
                statuses.add((await feishu.hooks.post(address, post)).status)

            await _bring(running, count, bring, _at_once)
            feishu.hook(address)
            await _feishu_answers(feishu)
            code = await running.stop()

    assert (running.faults(), code) == ([], 0)
    assert statuses == {200, 401}


def _odd_header(chance: random.Random) -> Any:
    return "".join(chr(chance.choice([*range(0x21, 0x7F), *range(0xA1, 0x100)])) for _ in range(12))


async def _at_once() -> None:
    """What was posted has been answered."""
