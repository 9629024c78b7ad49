"""Spans belong to the trace whose id is in the records."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway import tracing
from gateway.errors import ConfigError
from gateway.tracing import Traces, Untraced

TRACE = "0af7651916cd43dd8448eb211c80319c"


def traced() -> tuple[Traces, InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Traces(provider), exporter


def test_spans_with_the_same_trace_id_belong_together_and_one_inside_another_is_its_child() -> None:
    traces, exporter = traced()

    with traces.span("claim", trace_id=TRACE, run="r1"):
        pass
    with traces.span("turn", trace_id=TRACE), traces.span("tool", tool="message", model=""):
        pass

    claim, tool, turn = exporter.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in (claim, tool, turn) if span.context} == {TRACE}
    assert turn.context is not None
    assert tool.parent is not None
    assert tool.parent.span_id == turn.context.span_id
    assert (dict(claim.attributes or {}), dict(tool.attributes or {})) == (
        {"tocsin.run": "r1"},
        {"tocsin.tool": "message"},
    )


def test_what_has_no_trace_id_begins_one() -> None:
    traces, exporter = traced()

    for wrong in ("", "not hex"):
        with traces.span("turn", trace_id=wrong):
            pass

    assert [span.parent for span in exporter.get_finished_spans()] == [None, None]


def test_an_error_goes_on_and_is_in_the_span() -> None:
    traces, exporter = traced()

    with pytest.raises(ValueError, match="odd"), traces.span("tool", trace_id=TRACE):
        raise ValueError("odd")

    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_nothing_is_traced_unless_the_environment_asks_for_it(environ: dict[str, str]) -> None:
    assert isinstance(tracing.start(environ), Untraced)


def test_spans_are_written_to_standard_error_when_the_environment_says_console(
    capfd: pytest.CaptureFixture[str],
) -> None:
    traces = tracing.start({"OTEL_TRACES_EXPORTER": "console"})

    with traces.span("claim", trace_id=TRACE):
        pass
    traces.close()

    printed = capfd.readouterr()
    assert TRACE in printed.err
    assert '"service.name": "tocsin"' in printed.err
    assert printed.out == ""


def test_an_exporter_that_is_unknown_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="otlp, console, none"):
        tracing.start({"OTEL_TRACES_EXPORTER": "jaeger"})
