"""A model whose calls are counted and traced; it answers as the one that it wraps."""

from gateway.agent.model import Hear, ModelAnswer, ModelClient, Prompt
from gateway.metrics import Meter
from gateway.tracing import Tracer


class WatchedModel:
    """A ModelClient around another."""

    def __init__(self, model: ModelClient, meter: Meter, tracer: Tracer) -> None:
        self._model = model
        self._meter = meter
        self._tracer = tracer

    async def ask(self, prompt: Prompt, *, hear: Hear | None = None) -> ModelAnswer:
        with self._tracer.span("model", turn=prompt.context.turn, model=prompt.model):
            answer = await self._model.ask(prompt, hear=hear)
        self._meter.tokens(answer.usage.input_tokens, answer.usage.output_tokens)
        return answer

    async def close(self) -> None:
        await self._model.close()
