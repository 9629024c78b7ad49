"""The verbs of `/control/<verb>`: what a test does with Slack's server when it runs as a process of its own."""

import inspect
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from tests.servers.slack_people import People
from tests.servers.slack_records import Delivery, Json, Stats

Verb = Callable[..., Any]

_SETTINGS = ("echo", "skew", "keep", "trigger_life", "granted")


def verbs_of(world: People) -> dict[str, Verb]:
    """What can be asked for over HTTP; a server adds the verbs that concern its network."""
    named = "say bot_say edit delete join leave press slash submit shortcut push channel im file texts last"
    verbs: dict[str, Verb] = {name: getattr(world, name) for name in named.split()}

    def person(**given: Any) -> str:
        return world.person(**given).id

    def grant(scopes: list[str]) -> None:
        world.grant(*scopes)

    def revoke(scopes: list[str]) -> None:
        world.revoke(*scopes)

    def sent(since: int = 0, limit: int = 1000) -> Json:
        first = world.sent[0].number if world.sent else 1
        begin = max(0, since + 1 - first)
        return [asdict(one) for one in world.sent[begin : begin + limit]]

    def settings(**given: Any) -> Json:
        for name, value in given.items():
            if name not in _SETTINGS:
                raise ValueError(f"no such setting: {name}; there are {', '.join(_SETTINGS)}")
            setattr(world, name, value)
        return {name: getattr(world, name) for name in _SETTINGS}

    async def wait_for(count: int, seconds: float = 5.0) -> int:
        await world.wait_for(count, seconds)
        return world.sent_count

    verbs |= {
        "person": person,
        "sent": sent,
        "settings": settings,
        "wait_for": wait_for,
        "grant": grant,
        "revoke": revoke,
    }
    verbs |= _deliveries(world)
    verbs["whispers"] = lambda: [asdict(one) for one in world.whispers]
    verbs["views"] = lambda: [asdict(one) for one in world.views.values()]
    verbs["calls"] = lambda: [asdict(one) for one in world.calls]
    verbs["messages"] = lambda channel: [world.as_json(one, metadata=True) for one in world.messages(channel)]
    return verbs


def _deliveries(world: People) -> dict[str, Verb]:
    def find(id: str) -> Delivery:  # noqa: A002
        return next(one for one in reversed(world.deliveries) if one.id == id)

    async def answered(id: str, seconds: float = 5.0) -> Json:  # noqa: A002
        await world.answered(find(id), seconds)
        return shown(find(id))

    def deliveries(ts: str = "") -> Json:
        return [shown(one) for one in world.deliveries if ts in {"", one.ts}]

    def many(count: int, *, user: str, channel: str = "", text: str = "message") -> list[str]:
        """So many messages at once, numbered."""
        return [world.say(f"{text} {number}", user=user, channel=channel) for number in range(count)]

    return {
        "answered": answered,
        "deliveries": deliveries,
        "say_many": many,
        "redeliver": lambda id: world.redeliver(find(id)),  # noqa: A006
        "replay": lambda id: world.replay(find(id)),  # noqa: A006
    }


def shown(delivery: Delivery) -> Json:
    """A delivery as another process sees it."""
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "event_id": delivery.event_id,
        "ts": delivery.ts,
        "payload": delivery.payload,
        "attempts": [asdict(one) for one in delivery.attempts],
        "acked_at": delivery.acked_at,
        "latency": delivery.latency,
        "response": delivery.response,
        "failed": delivery.failed,
    }


async def answer_control(verbs: dict[str, Verb], request: web.BaseRequest) -> web.Response:
    """Do one verb; its parameters are a JSON object."""
    name = request.path.removeprefix("/control/").strip("/")
    try:
        if name not in verbs:
            raise LookupError(f"no such verb: {name}; there are {', '.join(sorted(verbs))}")
        body = await request.read()
        result = verbs[name](**(orjson.loads(body) if body else {}))
        if inspect.isawaitable(result):
            result = await result
        return _json({"ok": True, "result": _plain(result)})
    except (LookupError, ValueError, TypeError, TimeoutError, StopIteration) as error:
        return _json({"ok": False, "error": type(error).__name__, "description": str(error)}, status=400)


def _plain(result: Any) -> Json:
    if isinstance(result, Delivery):
        return shown(result)
    return asdict(result) if isinstance(result, Stats) else result


def _json(body: Json, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers={"Content-Type": "application/json"})
