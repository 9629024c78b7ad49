"""HostedModel: one question to a language model behind HTTP, one whole answer."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

import orjson
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.models import StreamedResponse

from gateway.agent.model import Hear, ModelAnswer, ModelReply, Prompt, ToolCall, Usage, call_id
from gateway.agent.models.hosted import HostedSettings
from gateway.agent.models.hosted.faults import Server
from gateway.agent.models.hosted.hearing import THOUGHTS, Hearing
from gateway.agent.models.hosted.payload import clean
from gateway.errors import ErrorClass, ModelError


class Service(Protocol):
    """One vendor's protocol."""

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[StreamedResponse]:
        """The answer while it comes in; leaving it early closes the connection."""

    async def close(self) -> None:
        """Give back connections."""


class HostedModel:
    """The ModelClient of a model behind HTTP.

    Asks for a stream, so that silence is noticed and a cut answer is told from a whole one. Never retries.
    """

    def __init__(self, service: Service, settings: HostedSettings, *, host: str, secret: str) -> None:
        self._service = service
        self._idle = settings.idle_timeout.total_seconds()
        self._server = Server(
            host=host,
            model=settings.name,
            secret=secret,
            idle_timeout=settings.idle_timeout,
            max_answer_bytes=settings.max_answer_bytes,
        )

    async def ask(self, prompt: Prompt, *, hear: Hear | None = None) -> ModelAnswer:
        """Ask once. Raises ModelError with its class; cancelled, it closes the connection at once."""
        answer = self._service.stream(prompt)
        try:
            response = await self._receive(answer, Hearing(hear))
        except Exception as error:  # noqa: BLE001  # a malformed chunk surfaces as anything, deep in the SDK
            raise self._server.fault(error) from self._server.cause(error)
        self._check_whole(response)
        reply = _reply(response, prompt)
        self._check_size(reply)
        usage = response.usage
        return ModelAnswer(
            reply=reply, usage=Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
        )

    async def close(self) -> None:
        """Give back connections."""
        await self._service.close()

    async def _receive(
        self, answer: AbstractAsyncContextManager[StreamedResponse], hearing: Hearing
    ) -> ModelResponse:
        """The whole answer, with no silence longer than the limit; a keep-alive comment is no piece of it."""
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self._idle):
                stream = await stack.enter_async_context(answer)
            try:
                await self._read(stream, hearing)
            except TimeoutError:
                if stream.finish_reason is None:
                    raise
                # The model said that it was done; only the server forgot to hang up.
            return stream.get()

    async def _read(self, stream: StreamedResponse, hearing: Hearing) -> None:
        pieces = aiter(stream)
        while True:
            async with asyncio.timeout(self._idle):
                if (piece := await anext(pieces, None)) is None:
                    return
            hearing.piece(piece)

    def _check_whole(self, response: ModelResponse) -> None:
        host = self._server.host
        match response.finish_reason:
            case "length":
                sentence = f"the answer of the model at {host} was cut at the model's limit of tokens"
                raise ModelError(sentence, ErrorClass.BAD_OUTPUT)
            case "content_filter":
                sentence = f"the content filter of the model server at {host} withheld the answer"
                raise ModelError(sentence, ErrorClass.PERMANENT)
            case "error":
                raise ModelError(
                    f"the model server at {host} gave up in the middle of its answer", ErrorClass.SERVER_ERROR
                )
            case "tool_call" if not response.text and not response.tool_calls:
                sentence = f"the model at {host} asked for a tool without naming one"
                raise ModelError(sentence, ErrorClass.BAD_OUTPUT)
            case None if "finish_reason" not in (response.provider_details or {}):
                raise ModelError(f"the answer of the model at {host} broke off", ErrorClass.SERVER_ERROR)

    def _check_size(self, reply: ModelReply) -> None:
        size = len(reply.text.encode()) + sum(len(call.arguments.encode()) for call in reply.calls)
        if size > self._server.max_answer_bytes:
            raise self._server.too_large()


def _reply(response: ModelResponse, prompt: Prompt) -> ModelReply:
    calls = tuple(
        ToolCall(id=call_id(prompt.context, index), name=clean(part.tool_name), arguments=_arguments(part))
        for index, part in enumerate(response.tool_calls)
    )
    text = THOUGHTS.sub("", response.text or "", count=1)
    return ModelReply(text=clean(text.strip()), calls=calls)


def _arguments(part: ToolCallPart) -> str:
    """The text as the model wrote it; a call without arguments is a call with none of them."""
    if isinstance(part.args, str):
        return clean(part.args) or "{}"
    return orjson.dumps(part.args or {}).decode()
