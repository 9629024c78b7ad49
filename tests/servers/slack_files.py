"""Files on Slack's server for tests: uploads in three steps, downloads that ask for the token.

From https://docs.slack.dev/messaging/working-with-files: the address of an upload takes raw bytes or a form,
and answers with text; the last step shares the file, and its answer says no ts of a message. Without a token
that may read files the address of a file gives the sign-in page with status 200: vercel/eve#1531,
chenhg5/cc-connect#204.
"""

from aiohttp import web

from tests.servers.slack_calls import Call
from tests.servers.slack_events import file_json
from tests.servers.slack_messages import find_thread, reach
from tests.servers.slack_people import People
from tests.servers.slack_records import APP_ID, BOT_ID, BOT_TOKEN, BOT_USER, File, Json, Refused, wrong

_SIGN_IN = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in to Slack</body></html>"
_SHARES = {"channel": "public", "group": "private", "im": "private", "mpim": "private"}


def get_upload_url(world: People, call: Call) -> Json:
    name = call.needed("filename")
    length = call.integer("length", 0)
    if length <= 0:
        raise wrong("invalid_arguments", "must be greater than 0 [json-pointer:/length]")
    kind = "text/plain" if name.endswith(".txt") else "application/octet-stream"
    file = File(id=world.fresh("F0"), name=name, data=b"", mimetype=kind, user=BOT_USER, length=length)
    world.files[file.id] = file
    return {"upload_url": f"{world.url}/upload/v1/{file.id}", "file_id": file.id}


async def take_upload(world: People, request: web.BaseRequest) -> web.Response:
    """The bytes of a file: raw, or as a form."""
    file = world.files.get(request.path.rpartition("/")[2])
    if file is None or file.uploaded or request.method != "POST":
        return web.Response(status=404, text="not found")
    data = await _bytes(request)
    if len(data) != file.length:
        return web.Response(status=400, text=f"announced {file.length} bytes, got {len(data)}")
    file.data, file.uploaded = data, True
    return web.Response(text=f"OK - {len(data)}")


async def _bytes(request: web.BaseRequest) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    fields = [one for one in (await request.post()).values() if isinstance(one, web.FileField)]
    return fields[0].file.read() if fields else b""


def complete_upload(world: People, call: Call) -> Json:
    given = call.json("files")
    if not isinstance(given, list) or not given or any(not isinstance(one, dict) for one in given):
        raise wrong("invalid_arguments", "missing required field: files")
    files = []
    for one in given:
        file = world.files.get(str(one.get("id")))
        if file is None or not file.uploaded or file.user != BOT_USER:
            raise Refused("file_not_found")
        file.title = str(one.get("title") or file.name)
        files.append(file)
    if call.text("channel_id") or call.text("channels"):
        _share(world, call, files)
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


def _share(world: People, call: Call, files: list[File]) -> None:
    channels = (call.text("channel_id") or call.text("channels")).split(",")
    for identifier in channels:
        inner = Call(call.method, call.token, call.kind, call.given | {"channel": identifier})
        try:
            channel = reach(world, inner)
        except Refused as refused:
            known = refused.error == "channel_not_found"
            raise Refused("invalid_channel" if known else refused.error) from None
        message = world.write(
            channel,
            user=BOT_USER,
            text=call.text("initial_comment"),
            thread=find_thread(channel, inner),
            bot_id=BOT_ID,
            app_id=APP_ID,
            subtype="file_share",
            files=list(files),
        )
        world.record("files.completeUploadExternal", message)
        if world.echo:
            world.tell(message)


def file_info(world: People, call: Call) -> Json:
    file = world.files.get(call.needed("file"))
    if file is None or not file.uploaded:
        raise Refused("file_not_found")
    shares: dict[str, dict[str, list[Json]]] = {}
    for identifier, ts in file.shares:
        channel = world.channels[identifier]
        message = channel.messages.get(ts)
        where = shares.setdefault(_SHARES[channel.kind], {}).setdefault(identifier, [])
        where.append({"ts": ts} | ({"thread_ts": message.thread} if message and message.thread else {}))
    return {"file": file_json(file, world.url) | {"shares": shares}}


def give_file(world: People, request: web.BaseRequest) -> web.Response:
    """A file's bytes to the bot; the sign-in page to anybody else, with status 200."""
    parts = request.path.split("/")  # "", files-pri, T…-F…, [download], name
    file = world.files.get(parts[2].partition("-")[2]) if len(parts) > 3 else None
    if request.headers.get("Authorization") != f"Bearer {BOT_TOKEN}" or "files:read" not in world.scopes:
        return web.Response(text=_SIGN_IN, content_type="text/html")
    if file is None or not file.uploaded:
        return web.Response(status=404, text="not found")
    return web.Response(body=file.data, headers={"Content-Type": file.mimetype})
