"""The verbs of `/control/<verb>`: what a test does with Telegram's server when it runs as a process of its own."""

import inspect
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from tests.servers.telegram_people import People
from tests.servers.telegram_records import Json

Verb = Callable[..., Any]

_SETTINGS = ("can_read_all_group_messages", "skew", "query_timeout", "keep")


def verbs_of(world: People) -> dict[str, Verb]:
    """What can be asked for over HTTP; a server adds the verbs that concern its network."""
    named = (
        "say say_many caption share document voice send_album send_content say_as_group edit delete press push "
        "rename migrate block unblock kick add promote "
        "group topic close_topic delete_topic texts last_message"
    )
    verbs: dict[str, Verb] = {name: getattr(world, name) for name in named.split()}

    def person(**given: Any) -> int:
        return world.person(**given).id

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

    verbs |= {"person": person, "sent": sent, "settings": settings, "wait_for": wait_for}
    verbs["actions"] = lambda: [asdict(one) for one in world.actions]
    verbs["queries"] = lambda: [asdict(one) for one in world.queries.values()]
    verbs["commands"] = lambda: [[*where, commands] for where, commands in world.commands.items()]
    return verbs


async def answer_control(verbs: dict[str, Verb], request: web.BaseRequest) -> web.Response:
    """Do one verb; its parameters are a JSON object, or a query of numbers and words."""
    name = request.path.removeprefix("/control/").strip("/")
    try:
        if name not in verbs:
            raise LookupError(f"no such verb: {name}; there are {', '.join(sorted(verbs))}")
        result = verbs[name](**await _given(request))
        if inspect.isawaitable(result):
            result = await result
        return _json({"ok": True, "result": result})
    except (LookupError, ValueError, TypeError, TimeoutError) as error:
        return _json({"ok": False, "error": type(error).__name__, "description": str(error)}, status=400)


async def _given(request: web.BaseRequest) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for key, value in request.query.items():
        given[key] = int(value) if value.lstrip("-").isdigit() else value
    if request.can_read_body and (body := await request.read()):
        given.update(orjson.loads(body))
    return given


def _json(body: Json, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers={"Content-Type": "application/json"})
