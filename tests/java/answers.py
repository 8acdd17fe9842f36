"""The answers of the scenarios, by name: recorded ones, and a few made where none was recorded."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any

from dify_java_compat.models import EVENT_DATA
from tests.contract.responses import event_stream, response
from tests.contract.spec.facts import EVENTS, FROZEN_STREAMS
from tests.recordings.asking import operation_of
from tests.recordings.library import DATA, Recording, recordings

from .whole import whole_answers

IDS = {
    "task_id": "c3800678-a077-43df-a102-53f23ed20b88",
    "message_id": "2e4f6a8b-1c3d-5e7f-9a0b-2c4d6e8f0a1b",
    "conversation_id": "9d3a2f1b-6c7d-4e8f-a0b1-c2d3e4f5a6b7",
    "created_at": 1705407629,
}
ENDED = {"event": "message_end", **IDS, "metadata": {"usage": {"total_tokens": 42}}}

# tells of things that the others have: half a megabyte in one event
LEFT_OUT = {"chat-send-big"}
# like others in shape, not in what their text holds
KEPT = {"chat-send-newlines"}

# an answer with every field the Java SDK knows: this and the method's name
WHOLE = "whole-"

STATUSES = (400, 401, 403, 404, 413, 415, 429, 500, 502, 503)


def reply(event: str, **fields: Any) -> dict[str, Any]:
    return {"event": event, **IDS, **fields}


def framed(*lines: str, head: str = "text/event-stream; charset=utf-8") -> bytes:
    """A stream of these very lines, LF after each, in one chunk."""
    body = "".join(line + "\n" for line in lines).encode()
    start = f"HTTP/1.1 200 OK\r\nContent-Type: {head}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return start.encode() + b"%X\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def _text(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


HELLO = reply("message", answer="你好 👋")
_LOG = {
    "node_execution_id": "e1", "id": "l2", "label": "CALL 时钟", "parent_id": "l1", "error": None,
    "status": "success", "data": {"output": {"arguments": {"时区": "UTC"}, "seconds": 3}},
    "metadata": {"provider": "langgenius/clock", "icon": "🕐"}, "node_id": "agent_node",
}  # fmt: skip
_BRANCH = {
    "parallel_id": "p", "parallel_branch_id": "b", "parent_parallel_id": "pp",
    "parent_parallel_start_node_id": "s", "iteration_id": "i", "loop_id": "l", "created_at": 1,
}  # fmt: skip

# the terminal ones that end a stream have streams of their own
_EVERY = sorted({*EVENTS, *EVENT_DATA} - {"error", "ping", "message_end"})

# streams whose framing or events no recorded server sends
STREAMS: dict[str, bytes] = {
    "stream-short": event_stream([HELLO, ENDED]),
    "stream-every-event": event_stream(
        [reply(name, **({"data": {"id": "号"}} if name in EVENT_DATA else {})) for name in _EVERY]
        + [ENDED]
    ),
    "stream-agent-log": event_stream([reply("agent_log", data=_LOG), ENDED]),
    "stream-parallel-branches": event_stream(
        [
            reply("parallel_branch_started", data=_BRANCH),
            reply("parallel_branch_finished", data={**_BRANCH, "error": "坏了"}),
            ENDED,
        ]
    ),
    "stream-unknown-event": event_stream([reply("seen_by_nobody", data={"new": 1}), ENDED]),
    "stream-ping-with-data": event_stream([{"event": "ping"}, HELLO, ENDED]),
    "stream-data-null": event_stream([reply("workflow_started", data=None), ENDED]),
    "stream-data-is-text": event_stream([reply("node_started", data="text"), ENDED]),
    "stream-created-at-is-text": event_stream([{**HELLO, "created_at": "1705407629"}, ENDED]),
    "stream-answer-is-number": event_stream([{**HELLO, "answer": 7}, ENDED]),
    "stream-without-event": event_stream([{**IDS, "answer": "a"}, ENDED]),
    "stream-tool-labels": event_stream(
        [reply("agent_thought", id="t", position=1, tool="clock", message_files=["f"], thought="想",
               tool_labels={"clock": {"zh_Hans": "时钟"}, "count": 2, "odd": None}), ENDED]
    ),
    "stream-agent-thought-nulls": event_stream(
        [reply("agent_thought", id="t", position=None, thought=None, observation=None, tool=None,
               tool_labels=None, tool_input=None, message_files=None), ENDED]
    ),
    "stream-node-error": event_stream(
        [{"event": "node_finished", **IDS, "workflow_run_id": "r", "data": {
            "id": "n", "node_id": "llm", "node_type": "llm", "index": 1, "status": "failed",
            "error": "模型坏了", "elapsed_time": 1.75, "inputs": None, "process_data": None,
            "outputs": {"值": [1, 2.5, None, {"深": True}]}, "created_at": 1,
            "execution_metadata": {"total_tokens": 3, "total_price": "0.000012"}}}, ENDED]
    ),
    "stream-error-event": event_stream(
        [HELLO, {"event": "error", **IDS, "status": 400, "code": "invalid_param", "message": "坏"}]
    ),
    "stream-cut": event_stream([HELLO], whole=False),
    "stream-without-end": event_stream([HELLO]),
    "stream-empty": framed(),
    "stream-no-space": framed("data:" + _text(HELLO), "", "data: " + _text(ENDED), ""),
    "stream-crlf": framed(f"data: {_text(HELLO)}\r", "\r", f"data: {_text(ENDED)}\r", "\r"),
    "stream-comment": framed(": here", "", "id: 1", "data: " + _text(HELLO), "",
                             "data: " + _text(ENDED), ""),
    "stream-event-lines": framed("event: message", "data: " + _text(HELLO), "",
                                 "event: message_end", "data: " + _text(ENDED), ""),
    "stream-two-data-lines": framed('data: {"event":"message",', 'data: "answer":"a"}', "",
                                    "data: " + _text(ENDED), ""),
    "stream-malformed-event": framed("data: " + _text(HELLO), "", 'data: {"event": half}', "",
                                     "data: " + _text(ENDED), ""),
    "stream-array-event": framed("data: [1]", "", "data: " + _text(ENDED), ""),
    "stream-done-mark": framed("data: " + _text(HELLO), "", "data: " + _text(ENDED), "",
                               "data: [DONE]", ""),
    "stream-last-event-open": framed("data: " + _text(HELLO), "", "data: " + _text(ENDED)),
    "stream-is-json": response(200, {"answer": "no stream"}),
    **{f"stream-of-dify-{name}": event_stream(events) for name, events in FROZEN_STREAMS.items()},
}  # fmt: skip

# every byte of it is a character: what the Java SDK makes of others is one scenario's question
ASCII = {"bytes-ascii": response(200, b"ID3 bytes", "audio/mpeg")}

# Java reads these as times and writes them anew
TIMES = {
    "times-ending-in-zeros": response(
        200,
        {"data": [{"created_at": "2026-01-02T03:04:05.670000", "updated_at": "2026-01-02T03:04:00"},
                  {"created_at": "2026-01-02T03:04:05.123456", "updated_at": None}]},
    )
}  # fmt: skip

PLAIN: dict[str, bytes] = {
    "object-empty": response(200, {}),
    "object-unknown-field": response(200, {"banana": {"unknown": [1]}}),
    "object-id-is-number": response(200, {"id": 7}),
    "json-null": response(200, None),
    "json-array": response(200, [1]),
    "json-half": response(200, b'{"id": '),
    "html-200": response(200, "<html>登录</html>".encode(), "text/html"),
    "nothing-200": response(200, b""),
    "nothing-204": b"HTTP/1.1 204 No Content\r\n\r\n",
}


def refusal(status: int) -> dict[str, Any]:
    return {"code": "invalid_param", "message": f"不行 {status}", "status": status}


ERRORS: dict[str, bytes] = {
    **{f"error-{status}": response(status, refusal(status)) for status in STATUSES},
    "error-404-html": response(404, b"<html>no</html>", "text/html"),
    "error-502-html": response(502, b"<html>no</html>", "text/html"),
    "error-500-empty": response(500, b""),
    "error-400-half": response(400, b'{"code": '),
    "error-308": response(308, b""),
}


def shape(value: Any, where: str = "") -> frozenset[str]:
    """The paths and types of a JSON value."""
    below: Iterable[frozenset[str]] = ()
    if isinstance(value, dict):
        below = (shape(item, f"{where}.{name}") for name, item in value.items())
    elif isinstance(value, list):
        below = (shape(item, f"{where}[]") for item in value)
    return frozenset({f"{where}: {type(value).__name__}"}).union(*below)


def _kind(recording: Recording) -> tuple[Any, ...]:
    """What two recordings have in common that one scenario is enough for."""
    head = operation_of(recording), recording.status, recording.content_type
    if recording.is_stream:
        shapes = (shape(event, event["event"]) for event in recording.events)
        return (*head, frozenset().union(*shapes), recording.ending)
    try:
        return (*head, shape(recording.json))
    except ValueError:
        return head


@functools.cache
def recorded() -> dict[str, list[Recording]]:
    """By the facade's method, one recording of each kind of answer it got."""
    found: dict[str, list[Recording]] = {}
    kinds: set[tuple[Any, ...]] = set()
    for recording in recordings():
        operation = operation_of(recording)
        if operation is None or recording.name in LEFT_OUT or not (DATA / recording.name).exists():
            continue
        kind = _kind(recording)
        if kind not in kinds or recording.name in KEPT:
            kinds.add(kind)
            found.setdefault(operation, []).append(recording)
    return found


def is_made(name: str) -> bool:
    return name in _made()


@functools.cache
def _made() -> dict[str, bytes]:
    whole = {WHOLE + method: made for method, made in whole_answers().items()}
    return {**STREAMS, **ASCII, **TIMES, **PLAIN, **ERRORS, **whole}


def raw(name: str) -> bytes:
    """The bytes of an answer."""
    return _made()[name] if is_made(name) else Recording(DATA / name).raw
