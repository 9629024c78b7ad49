"""Feishu's official SDK in a process of its own: what our server and our client are compared with.

It takes seconds to import and holds on to the event loop of its importer, so it runs beside the tests:
`with sdk() as lark: lark.ask("decode", frame=…)`. Run as a module it reads commands from its input, a JSON object
in each line, and answers in lines.
"""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = Any


class Sdk:
    """The other process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, command: str, **given: Json) -> Json:
        """Do one command of `Worker`; bytes travel in base64. It blocks: call it beside the loop."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **given}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]


@contextmanager
def sdk() -> Iterator[Sdk]:
    """The SDK, until the end of the block."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.servers.feishu_sdk"]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Sdk(process)
        finally:
            process.kill()


class Worker:
    """The commands; the SDK is imported with the first instance."""

    def __init__(self) -> None:
        import lark_oapi as lark  # seconds, and only in this process
        from lark_oapi.api.im import v1
        from lark_oapi.ws.pb.pbbp2_pb2 import Frame

        self.lark, self.im, self.frame = lark, v1, Frame
        self.client: Any = None
        self.heard: list[Json] = []

    def encode(self, fields: Json, headers: Json, payload: str) -> str:
        frame = self.frame(**fields, payload=base64.b64decode(payload))
        for key, value in headers:
            header = frame.headers.add()
            header.key, header.value = key, value
        return base64.b64encode(frame.SerializeToString()).decode()

    def decode(self, frame: str) -> Json:
        read = self.frame()
        read.ParseFromString(base64.b64decode(frame))
        names = ("SeqID", "LogID", "service", "method", "payload_encoding", "payload_type", "LogIDNew")
        fields = {name: getattr(read, name) for name in names if read.HasField(name)}
        payload = base64.b64encode(read.payload).decode()
        return {"fields": fields, "headers": [[h.key, h.value] for h in read.headers], "payload": payload}

    def decrypt(self, key: str, text: str) -> str:
        from lark_oapi.core.utils import AESCipher

        return str(AESCipher(key).decrypt_str(text))

    def dispatch(self, key: str, token: str, headers: Json, body: str) -> Json:
        """What the SDK's webhook handler answers; `heard` has the message or the button that it took."""
        from lark_oapi.core.model import RawRequest

        request = RawRequest()
        request.uri, request.headers, request.body = "/webhook", headers, body.encode()
        response = self._handler(key, token).do(request)
        return {"status": response.status_code, "body": response.content.decode(), "heard": self.heard}

    def log_in(self, url: str, app_id: str, app_secret: str) -> None:
        self.client = self.lark.Client.builder().app_id(app_id).app_secret(app_secret).domain(url).build()

    def send(self, id_type: str, receive_id: str, kind: str, content: str, uuid: str) -> Json:
        body = self.im.CreateMessageRequestBody.builder().receive_id(receive_id).msg_type(kind)
        made = body.content(content).uuid(uuid).build()
        request = self.im.CreateMessageRequest.builder().receive_id_type(id_type).request_body(made).build()
        return self._answer(self.client.im.v1.message.create(request))

    def reply(self, message: str, content: str, thread: bool) -> Json:
        body = self.im.ReplyMessageRequestBody.builder().msg_type("text").content(content)
        made = body.reply_in_thread(thread).build()
        request = self.im.ReplyMessageRequest.builder().message_id(message).request_body(made).build()
        return self._answer(self.client.im.v1.message.reply(request))

    def patch(self, message: str, content: str) -> Json:
        body = self.im.PatchMessageRequestBody.builder().content(content).build()
        request = self.im.PatchMessageRequest.builder().message_id(message).request_body(body).build()
        return self._answer(self.client.im.v1.message.patch(request))

    def edit(self, message: str, content: str) -> Json:
        body = self.im.UpdateMessageRequestBody.builder().msg_type("text").content(content).build()
        request = self.im.UpdateMessageRequest.builder().message_id(message).request_body(body).build()
        return self._answer(self.client.im.v1.message.update(request))

    def image(self, path: str) -> Json:
        with Path(path).open("rb") as picture:
            body = self.im.CreateImageRequestBody.builder().image_type("message").image(picture).build()
            request = self.im.CreateImageRequest.builder().request_body(body).build()
            return self._answer(self.client.im.v1.image.create(request))

    def resource(self, message: str, key: str, kind: str) -> Json:
        request = self.im.GetMessageResourceRequest.builder().message_id(message).file_key(key).type(kind).build()
        answer = self.client.im.v1.message_resource.get(request)
        return {
            "code": answer.code,
            "name": answer.file_name,
            "data": base64.b64encode(answer.file.read()).decode(),
        }

    def chat(self, chat: str) -> Json:
        request = self.im.GetChatRequest.builder().user_id_type("open_id").chat_id(chat).build()
        return self._answer(self.client.im.v1.chat.get(request))

    def listen(self, url: str, app_id: str, app_secret: str) -> None:
        """Connect, and go on beside the commands."""
        handler = self._handler("", "")
        client = self.lark.ws.Client(app_id, app_secret, event_handler=handler, domain=url)
        threading.Thread(target=client.start, daemon=True).start()

    def listened(self) -> Json:
        """What has come in."""
        return self.heard

    def _handler(self, key: str, token: str) -> Any:
        self.heard = []

        def message(data: Any) -> None:
            self.heard.append(json.loads(self.lark.JSON.marshal(data)))

        def button(data: Any) -> Any:
            from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse

            message(data)
            return P2CardActionTriggerResponse({"toast": {"type": "info", "content": "seen"}})

        builder = self.lark.EventDispatcherHandler.builder(key, token)
        builder = builder.register_p2_im_message_receive_v1(message).register_p2_card_action_trigger(button)
        return builder.register_p2_application_bot_menu_v6(message).build()

    def _answer(self, response: Any) -> Json:
        return {"code": response.code, "whole": json.loads(response.raw.content)}


def work() -> None:
    """Answer commands until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr  # the SDK's log writes there
    worker = Worker()
    for line in sys.stdin:
        given = json.loads(line)
        try:
            answer = {"result": getattr(worker, given.pop("command"))(**given)}
        except Exception as error:  # noqa: BLE001  # whatever it is, the test has to see it
            answer = {"error": repr(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)


if __name__ == "__main__":
    work()
