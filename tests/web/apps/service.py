"""A service as teams have one: tenants, spans, hooks, a listener, and answers that are kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dify_java_compat import (
    Call,
    CallListener,
    ChatMessagePipelineModel,
    ChatMessageSendRequest,
    ClientConfig,
    InterceptedResponse,
    Interceptor,
    InterceptorChain,
    PipelineContext,
    PipelineProcess,
    RequestsDifyChat,
)

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
seen: dict[str, Any] = {"hook": [], "operator": [], "kept": [], "calls": []}


@contextlib.contextmanager
def request_of(name: str | None) -> Iterator[None]:
    """What a middleware does around a request: whose it is, and its span."""
    token = tenant.set(name or "nobody")
    try:
        with trace.get_tracer("service").start_as_current_span("request"):
            yield
    finally:
        tenant.reset(token)


def note(where: str) -> None:
    span = format(trace.get_current_span().get_span_context().span_id, "x")
    seen[where].append([tenant.get(), span])


class Hook(PipelineProcess[ChatMessagePipelineModel]):
    def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
        note("hook")


class TenantHeader(Interceptor):
    def intercept(self, chain: InterceptorChain) -> InterceptedResponse:
        return chain.proceed(chain.request().with_header("X-Tenant", tenant.get()))


class Times(CallListener):
    def on_end(self, call: Call) -> None:
        if call.streams:
            times = (call.first_event_milliseconds, call.milliseconds)
            seen["calls"].append([call.status, call.events, call.is_cancelled, *times])


def stream_of(query: Mapping[str, Any]) -> Any:
    config = ClientConfig(
        stop_on_dispose=True, interceptors=[TenantHeader()], listeners=[Times()], telemetry=True
    )
    chat = RequestsDifyChat(query["dify"], config, api_key="app-chat")
    chat.addProcess(Hook())
    text: list[str] = []

    def keep(item: Any) -> None:
        note("operator")
        text.append(item.answer or "")

    asked = ChatMessageSendRequest(user_id="u-1", content="Hi")
    return (
        chat.sendChatMessageStream(asked)
        .do_action(keep)
        .finally_action(lambda: seen["kept"].append("".join(text)))
    )


def seen_so_far() -> dict[str, Any]:
    """What was noted, and of each span its name, its id and its parent's."""
    spans = [
        [span.name, format(span.context.span_id, "x"), format(span.parent.span_id, "x")]
        if span.parent is not None
        else [span.name, format(span.context.span_id, "x"), None]
        for span in exporter.get_finished_spans()
        if span.context is not None
    ]
    return {**seen, "spans": spans}
