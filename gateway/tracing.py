"""Traces: spans of OpenTelemetry around what happens for one occurrence, from its claim to what is delivered.

Their trace id is the one of the run's record, of its lines in the log, and of the headers of its webhooks. The
library is imported when the environment asks for traces, by the variables that OpenTelemetry has for it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracer(Protocol):
    """Who is told what begins and ends."""

    def span(self, name: str, *, trace_id: str = "", **facts: str) -> AbstractContextManager[object]:
        """What happens inside. Without a trace id (32 hex digits) it belongs to the span around it."""

    def close(self) -> None:
        """Send what is not sent yet."""


class Untraced:
    """Nobody wants to know."""

    def span(self, name: str, *, trace_id: str = "", **facts: str) -> AbstractContextManager[object]:
        return nullcontext()

    def close(self) -> None:
        """There is nothing to send."""


class Traces:
    """A Tracer on OpenTelemetry's."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tocsin")

    @contextmanager
    def span(self, name: str, *, trace_id: str = "", **facts: str) -> Iterator[object]:
        attributes = {f"tocsin.{key}": value for key, value in facts.items() if value}
        around = _around(trace_id) if trace_id else None
        with self._tracer.start_as_current_span(name, context=around, attributes=attributes) as span:
            yield span

    def close(self) -> None:
        self._provider.shutdown()


def start(environ: Mapping[str, str]) -> Tracer:
    """The tracer that the environment asks for; ConfigError where what it asks for is not there.

    OTEL_TRACES_EXPORTER = otlp | console | none; without it, otlp when an endpoint is given. OTEL_SDK_DISABLED
    turns it off, OTEL_SERVICE_NAME names the service.
    """
    wanted = environ.get("OTEL_TRACES_EXPORTER") or ("otlp" if any(map(environ.get, ENDPOINTS)) else "none")
    if wanted == "none" or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Untraced()
    try:
        from opentelemetry.sdk.resources import Resource  # as the module says
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = _exporter(wanted)
    except ImportError as error:
        raise ConfigError(f"OTEL_TRACES_EXPORTER: {wanted} is not installed; install tocsin[telemetry]") from error
    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "tocsin"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)


def _exporter(name: str) -> "SpanExporter":
    if name == "console":
        import sys

        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    if name != "otlp":
        raise ConfigError(f"OTEL_TRACES_EXPORTER: {name[:40]!r} is not one of otlp, console, none")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter: SpanExporter = OTLPSpanExporter()
    return exporter


def _around(trace_id: str) -> "Context | None":
    """A span that is not ours to tell of: the whole of what has this trace id. None for what is no such id."""
    from opentelemetry import trace  # by now it is loaded

    try:
        number = int(trace_id, 16)
    except ValueError:
        return None
    span = int.from_bytes(hashlib.sha256(trace_id.encode()).digest()[:8])
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    whole = trace.SpanContext(number, span, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(whole))
