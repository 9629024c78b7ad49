"""The verbs of `/control/<verb>`: what a test does with Feishu's server when it runs as a process of its own."""

import base64
import inspect
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from tests.servers.feishu_records import Json

if TYPE_CHECKING:
    from tests.servers.feishu import FeishuServer

Verb = Callable[..., Any]

_SETTINGS = ("retries", "bot_enabled", "edit_window", "keep")


def verbs_of(server: "FeishuServer") -> dict[str, Verb]:
    """What can be asked for over HTTP."""
    named = (
        "say press menu recall redeliver push kick add dissolve group texts buttons reactions private "
        "expire_tokens heal limits client split drop freeze refuse_sockets hook"
    )
    verbs: dict[str, Verb] = {name: getattr(server, name) for name in named.split()}

    def person(**given: Any) -> str:
        return server.person(**given).id

    def settings(**given: Any) -> Json:
        for name, value in given.items():
            if name not in _SETTINGS:
                raise ValueError(f"no such setting: {name}; there are {', '.join(_SETTINGS)}")
            setattr(server, name, tuple(value) if name == "retries" else value)
        return {name: getattr(server, name) for name in _SETTINGS}

    async def wait_for(count: int, seconds: float = 5.0) -> int:
        await server.wait_for(count, seconds)
        return server.sent_count

    async def wait_acked(count: int, seconds: float = 5.0) -> int:
        await server.wait_acked(count, seconds)
        return server.acked

    def refuse(seconds: float) -> None:
        """After the answer to whoever asks for it, which comes through a connection as well."""
        server.later(server.refuse_soon(seconds))

    verbs |= {"person": person, "settings": settings, "wait_for": wait_for, "wait_acked": wait_acked}
    verbs["say_many"] = lambda messages: [server.say(**message) for message in messages]
    verbs["picture"] = lambda data, **given: server.picture(base64.b64decode(data), **given)
    verbs["file"] = lambda name, data, **given: server.file(name, base64.b64decode(data), **given)
    verbs["messages"] = lambda chat="": [asdict(one) for one in server.messages(chat)]
    verbs["acks"] = lambda: [asdict(one) for one in server.acks]
    verbs["taken"] = lambda message: all(one.acked for one in server.events.values() if one.message == message)
    verbs["stats"] = lambda: asdict(server.stats())
    verbs["scopes"] = lambda scopes: server.scopes.clear() or server.scopes.update(scopes)
    verbs["fault"] = lambda **given: asdict(server.fault(**given))
    verbs["refuse"] = refuse
    return verbs


async def answer_control(verbs: dict[str, Verb], request: web.BaseRequest) -> web.Response:
    """Do one verb; its parameters are a JSON object."""
    name = request.path.removeprefix("/control/").strip("/")
    try:
        if name not in verbs:
            raise LookupError(f"no such verb: {name}; there are {', '.join(sorted(verbs))}")
        body = await request.read() if request.can_read_body else b""
        result = verbs[name](**(orjson.loads(body) if body else {}))
        if inspect.isawaitable(result):
            result = await result
        return _json({"ok": True, "result": result})
    except (LookupError, ValueError, TypeError, TimeoutError) as error:
        return _json({"ok": False, "error": type(error).__name__, "description": str(error)}, status=400)


def _json(body: Json, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers={"Content-Type": "application/json"})
