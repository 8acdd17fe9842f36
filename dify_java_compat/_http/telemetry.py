"""Spans and metrics by OpenTelemetry's conventions for generative AI; read when it is switched on.

https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from ..errors import DifyException
from .hooks import Call

try:
    from opentelemetry import metrics, trace
except ImportError as error:
    raise ImportError(
        'telemetry needs OpenTelemetry: pip install "dify-java-compat[otel]"'
    ) from error

__all__ = ["Telemetry"]

_NAME = "dify_java_compat"
# of the facade's methods, those that the conventions have a word for
_OPERATIONS = {"send": "chat", "sendChatMessageStream": "chat"}
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4**power for power in range(14))


class Telemetry:
    """A listener that makes a span of each call, and three metrics.

    A span is a child of the one that is current where the call is made, or the stream subscribed
    to, and is current itself in the call, and in a stream's hooks and callbacks. Prompts and
    answers are in it only with `content`. Needs no more than OpenTelemetry's API.
    """

    def __init__(self, base_url: str, content: bool) -> None:
        self._tracer = trace.get_tracer(_NAME)
        meter = metrics.get_meter(_NAME)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "Duration of a call",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._first = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "Time from a stream's start to its first item",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens of a prompt and of its answer",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        address = urlsplit(base_url)
        self._server: dict[str, Any] = {
            "server.address": address.hostname or "",
            "server.port": address.port or {"https": 443}.get(address.scheme, 80),
        }
        self._content = content
        self._spans: WeakKeyDictionary[Call, Any] = WeakKeyDictionary()
        self._texts: WeakKeyDictionary[Call, list[str]] = WeakKeyDictionary()

    def on_start(self, call: Call) -> None:
        attributes = {**self._common(call), "dify.operation": call.operation}
        span = self._tracer.start_span(
            self._name(call), kind=trace.SpanKind.CLIENT, attributes=attributes
        )
        self._spans[call] = span
        if self._content and call.prompt is not None and span.is_recording():
            span.set_attribute("gen_ai.input.messages", _message("user", call.prompt))

    @contextlib.contextmanager
    def activate(self, call: Call) -> Iterator[None]:
        """Within it the call's span is the current one."""
        span = self._spans.get(call)
        if span is None:
            yield
            return
        # the call's end ends it and has its error; here it is only lent
        with trace.use_span(span, False, record_exception=False, set_status_on_exception=False):
            yield

    def on_item(self, call: Call, item: Any) -> None:
        """Keep the text of an answer, where it is wanted."""
        if self._content and isinstance(text := getattr(item, "answer", None), str):
            self._texts.setdefault(call, []).append(text)

    def on_end(self, call: Call) -> None:
        span = self._spans.pop(call, None)
        common = self._common(call)
        if call.error is not None:
            common["error.type"] = type(call.error).__name__
        self._measure(call, common)
        if span is None:
            return
        span.set_attributes({**common, **_attributes(call)})
        if texts := self._texts.pop(call, None):
            span.set_attribute("gen_ai.output.messages", _message("assistant", "".join(texts)))
        if call.error is not None:
            text = str(call.error) if isinstance(call.error, DifyException) else ""
            span.set_status(trace.StatusCode.ERROR, text or type(call.error).__name__)
        span.end()

    def _measure(self, call: Call, common: dict[str, Any]) -> None:
        if call.milliseconds is not None:
            self._duration.record(call.milliseconds / 1000.0, common)
        if call.first_event_milliseconds is not None:
            self._first.record(call.first_event_milliseconds / 1000.0, self._common(call))
        for kind, count in _token_counts(call):
            self._tokens.record(count, {**self._common(call), "gen_ai.token.type": kind})

    def _name(self, call: Call) -> str:
        operation = _OPERATIONS.get(call.operation, call.operation)
        return f"{operation} dify" if operation == "chat" else operation

    def _common(self, call: Call) -> dict[str, Any]:
        return {
            "gen_ai.operation.name": _OPERATIONS.get(call.operation, call.operation),
            "gen_ai.provider.name": "dify",
            **self._server,
        }


def _token_counts(call: Call) -> Iterator[tuple[str, int]]:
    for kind, name in (("input", "prompt_tokens"), ("output", "completion_tokens")):
        count = getattr(call.usage, name, None)
        if isinstance(count, int):
            yield kind, count


def _attributes(call: Call) -> dict[str, Any]:
    found = {
        "gen_ai.conversation.id": call.conversation_id,
        "gen_ai.response.id": call.message_id,
        "dify.task_id": call.task_id,
        "dify.workflow_run_id": call.workflow_run_id,
        "http.response.status_code": call.status,
        "dify.stream.events": call.events if call.streams else None,
        "dify.stream.disposed": True if call.is_cancelled else None,
        "dify.time_to_first_event_ms": call.first_event_milliseconds,
    }
    found |= {f"gen_ai.usage.{kind}_tokens": count for kind, count in _token_counts(call)}
    return {name: value for name, value in found.items() if _is_attribute(value)}


def _is_attribute(value: Any) -> bool:
    """Whether a span takes it: Dify's ids are kept as they came, whatever their type."""
    return isinstance(value, (str, int, float))


def _message(role: str, text: str) -> str:
    parts = [{"type": "text", "content": text}]
    return json.dumps([{"role": role, "parts": parts}], ensure_ascii=False)
