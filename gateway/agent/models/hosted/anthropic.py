"""The service of Anthropic's Messages API, through pydantic-ai's model; needs the extra `anthropic`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anthropic import AsyncAnthropic
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.tools import ToolDefinition

from gateway.agent.model import ModelReply, Prompt, PromptItem, ToolResult, ToolSpec, UserText
from gateway.agent.models.hosted import HostedSettings
from gateway.agent.models.hosted.http import http_client
from gateway.agent.models.hosted.payload import (
    NOTHING,
    CallNames,
    Shown,
    arguments_object,
    clean,
    seen,
    tool_name,
    user_text,
)
from gateway.agent.models.hosted.pictures import Album

_CALL_NAMES = CallNames(r"[A-Za-z0-9_-]{1,64}")  # no dots, which our ids have


class AnthropicService:
    """Asks Anthropic, always for a stream."""

    def __init__(self, settings: HostedSettings, address: str, key: str) -> None:
        http = http_client(settings, address)
        self._client = AsyncAnthropic(
            base_url=address,
            api_key=key or "none",
            max_retries=0,  # retries are the loop's
            http_client=http,
            timeout=http.timeout,
        )
        self._provider = AnthropicProvider(anthropic_client=self._client)
        self._model = AnthropicModel(settings.name, provider=self._provider)
        self._album = Album(settings.pictures)

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[StreamedResponse]:
        """The answer while it comes in; leaving it early closes the connection."""
        parameters = ModelRequestParameters(function_tools=[_tool(spec) for spec in prompt.tools])
        model = AnthropicModel(prompt.model, provider=self._provider) if prompt.model else self._model
        messages = request_messages(prompt, await self._album.shown(prompt.items))
        async with model_request_stream(
            model, messages, model_request_parameters=parameters, instrument=False
        ) as answer:
            yield answer

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()


def request_messages(prompt: Prompt, shown: Shown = NOTHING) -> list[ModelMessage]:
    """The prompt as pydantic-ai's messages, with the instructions where it looks for them: on the last request."""
    messages = [_message(item, shown) for item in prompt.items]
    last = messages[-1] if messages else None
    if not isinstance(last, ModelRequest):
        last = ModelRequest(parts=[])
        messages.append(last)
    last.instructions = clean(prompt.instructions) or None
    return messages


def _message(item: PromptItem, shown: Shown) -> ModelMessage:
    match item:
        case UserText():
            return ModelRequest(parts=[_user_part(item, shown)])
        case ToolResult():
            part = ToolReturnPart(tool_name(item.name), clean(item.text), tool_call_id=_CALL_NAMES(item.call_id))
            return ModelRequest(parts=[part])
        case ModelReply():
            return ModelResponse(parts=_reply_parts(item))


def _user_part(item: UserText, shown: Shown) -> UserPromptPart:
    pictures = [BinaryContent(one.content, media_type=one.media_type) for one in seen(item, shown)]
    text = user_text(item)
    return UserPromptPart([*pictures, text] if pictures else text)


def _reply_parts(reply: ModelReply) -> list[ModelResponsePart]:
    parts: list[ModelResponsePart] = [TextPart(clean(reply.text))] if reply.text else []
    for call in reply.calls:
        arguments = arguments_object(call.arguments)
        parts.append(ToolCallPart(tool_name(call.name), arguments, tool_call_id=_CALL_NAMES(call.id)))
    return parts


def _tool(spec: ToolSpec) -> ToolDefinition:
    return ToolDefinition(name=spec.name, description=spec.description, parameters_json_schema=spec.schema)
