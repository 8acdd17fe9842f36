"""Spans and metrics by OpenTelemetry's conventions, as its own SDK collects them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dify_java_compat import (
    ChatMessagePipelineModel,
    ClientConfig,
    PipelineContext,
    PipelineProcess,
    RequestsDifyChat,
    UnauthorizedException,
)
from tests.support.facades import CHAT, WORKFLOW, Facade, both_facades
from tests.support.frames import dify_error, event, message, response, stream
from tests.support.processes import ROOT
from tests.support.server import ScriptedServer, always
from tests.support.watching import Watcher, request, wait_until

BODY = b'{"answer":"yes","message_id":"m-1","conversation_id":"c-1","metadata":{"usage":'
OK = response(BODY + b'{"prompt_tokens":2,"completion_tokens":3}}}')
END = event("message_end", metadata={"usage": {"prompt_tokens": 2, "completion_tokens": 3}})
STREAM = stream(message("a"), message("b"), END)
COMMON = {"gen_ai.provider.name": "dify", "gen_ai.operation.name": "chat"}


@pytest.fixture(scope="module")
def collected() -> tuple[InMemorySpanExporter, InMemoryMetricReader]:
    """OpenTelemetry's providers can be set once in a process."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    return exporter, reader


@pytest.fixture
def exporter(
    collected: tuple[InMemorySpanExporter, InMemoryMetricReader],
) -> InMemorySpanExporter:
    collected[0].clear()
    return collected[0]


def client_of(server: ScriptedServer, facade: Facade = CHAT, **config: Any) -> Any:
    settings = ClientConfig(**{"max_retries": 0, "telemetry": True, **config})
    return facade.client(server.url, settings, api_key="app-secret")


def spans(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_the_span_of_a_call(exporter: InMemorySpanExporter) -> None:
    with ScriptedServer(always(OK)) as server, client_of(server) as chat:
        with trace.get_tracer("test").start_as_current_span("controller"):
            chat.send(request())
    found = spans(exporter)
    span, parent = found["chat dify"], found["controller"]
    assert span.parent is not None
    assert span.parent.span_id == parent.context.span_id  # type: ignore[union-attr]
    assert span.kind is trace.SpanKind.CLIENT
    assert span.status.is_unset
    seen = attributes(span)
    assert COMMON.items() <= seen.items()
    assert seen["gen_ai.conversation.id"] == "c-1"
    assert seen["gen_ai.response.id"] == "m-1"
    assert (seen["gen_ai.usage.input_tokens"], seen["gen_ai.usage.output_tokens"]) == (2, 3)
    assert (seen["server.address"], seen["server.port"]) == ("127.0.0.1", server.port)
    assert seen["http.response.status_code"] == 200
    assert "你好" not in str(seen)
    assert "yes" not in str(seen)


def test_the_span_of_a_stream_is_current_in_its_callbacks(exporter: InMemorySpanExporter) -> None:
    current: set[int] = set()

    def note(_: object = None) -> None:
        current.add(trace.get_current_span().get_span_context().span_id)

    class Process(PipelineProcess[ChatMessagePipelineModel]):
        def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
            note()

    with ScriptedServer(always(STREAM)) as server, client_of(server) as chat:
        chat.addProcess(Process())
        with trace.get_tracer("test").start_as_current_span("controller"):
            watcher = Watcher(chat.sendChatMessageStream(request()).do_action(note), note)
        watcher.wait()
    found = spans(exporter)
    span = found["chat dify"]
    assert span.parent is not None
    assert span.parent.span_id == found["controller"].context.span_id  # type: ignore[union-attr]
    assert span.context is not None
    assert current == {span.context.span_id}
    seen = attributes(span)
    assert seen["dify.task_id"] == "t-1"
    assert seen["dify.stream.events"] == 3
    assert seen["gen_ai.usage.output_tokens"] == 3
    assert seen["dify.time_to_first_event_ms"] > 0


def test_the_spans_of_a_workflow(exporter: InMemorySpanExporter) -> None:
    ids = {"task_id": "t-1", "workflow_run_id": "w-1"}
    data = {"id": "w-1", "status": "succeeded", "outputs": {"text": "secret"}}
    events = [event("workflow_started", **ids), event("workflow_finished", **ids, data=data)]
    whole = response(json.dumps({**ids, "data": data}).encode())
    for body in (whole, stream(*events)):
        with ScriptedServer(always(body)) as server, client_of(server, WORKFLOW) as workflow:
            if body is whole:
                WORKFLOW.send(workflow)
            else:
                Watcher(WORKFLOW.stream(workflow)).wait()
    found = spans(exporter)
    for name in ("runWorkflow", "runWorkflowStream"):
        seen = attributes(found[name])
        assert (seen["dify.workflow_run_id"], seen["dify.task_id"]) == ("w-1", "t-1")
        assert (seen["gen_ai.operation.name"], seen["http.response.status_code"]) == (name, 200)
        assert "secret" not in str(seen)
    assert attributes(found["runWorkflowStream"])["dify.stream.events"] == 2


def test_a_call_within_a_callback_is_a_child_of_the_stream(exporter: InMemorySpanExporter) -> None:
    def script(peer: Any) -> None:
        while seen := peer.receive():
            peer.send(STREAM if b"streaming" in seen.body else response(b'{"name":"x"}'))

    with ScriptedServer(script) as server, client_of(server) as chat:
        asked = chat.sendChatMessageStream(request()).take(1).do_action(lambda _: chat.info())
        Watcher(asked).wait()
        wait_until(lambda: "chat dify" in spans(exporter))
    found = spans(exporter)
    assert found["info"].parent is not None
    assert found["info"].parent.span_id == found["chat dify"].context.span_id  # type: ignore[union-attr]


@both_facades
def test_the_span_of_what_fails(facade: Facade, exporter: InMemorySpanExporter) -> None:
    refused = dify_error("401 UNAUTHORIZED", "unauthorized", "No app-secret")
    with ScriptedServer(always(refused)) as server, client_of(server, facade) as chat:
        with pytest.raises(UnauthorizedException):
            facade.send(chat)
        Watcher(facade.stream(chat)).wait()
    for span in exporter.get_finished_spans():
        assert span.status.status_code is trace.StatusCode.ERROR
        assert attributes(span)["error.type"] == "UnauthorizedException"
        assert attributes(span)["http.response.status_code"] == 401
        assert "app-secret" not in span.to_json()
    assert len(exporter.get_finished_spans()) == 2


def test_prompts_and_answers_when_told(exporter: InMemorySpanExporter) -> None:
    for body in (OK, STREAM):
        exporter.clear()
        with ScriptedServer(always(body)) as server:
            with client_of(server, telemetry_content=True) as chat:
                if body == OK:
                    chat.send(request())
                else:
                    Watcher(chat.sendChatMessageStream(request())).wait()
        seen = attributes(spans(exporter)["chat dify"])
        [asked] = json.loads(seen["gen_ai.input.messages"])
        [answered] = json.loads(seen["gen_ai.output.messages"])
        assert asked == {"role": "user", "parts": [{"type": "text", "content": "你好"}]}
        assert answered["parts"][0]["content"] == ("yes" if body == OK else "ab")


def test_metrics(collected: tuple[InMemorySpanExporter, InMemoryMetricReader]) -> None:
    with ScriptedServer(always(STREAM)) as server:
        with client_of(server) as chat:
            Watcher(chat.sendChatMessageStream(request())).wait()
        points: dict[str, list[Any]] = {}
        data = collected[1].get_metrics_data()
        assert data is not None
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            points[metric.name] = [
                point
                for point in metric.data.data_points
                if (point.attributes or {}).get("server.port") == server.port
            ]
    [duration] = points["gen_ai.client.operation.duration"]
    [first] = points["gen_ai.client.operation.time_to_first_chunk"]
    assert 0 < first.sum <= duration.sum < 30
    assert COMMON.items() <= dict(duration.attributes).items()
    tokens = points["gen_ai.client.token.usage"]
    assert {p.attributes["gen_ai.token.type"]: p.sum for p in tokens} == {"input": 2, "output": 3}


def test_nothing_is_imported_without_it() -> None:
    code = """
import sys
from dify_java_compat import ClientConfig, RequestsDifyChat
RequestsDifyChat("http://localhost", ClientConfig(headers={"X-A": "1"}))
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
assert not [name for name in sys.modules if name.endswith((".telemetry", ".listening"))]
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_without_opentelemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dify_java_compat._http.telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r'pip install "dify-java-compat\[otel\]"'):
        RequestsDifyChat("http://localhost", ClientConfig(telemetry=True))
