"""The bytes that a server sends: HTTP responses, chunks, and the frames of Dify's event streams."""

from __future__ import annotations

import json
from typing import Any

TASK, MESSAGE, CONVERSATION = "t-1", "m-1", "c-1"
"""The ids that every event of `event` bears."""

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
CLOSING_STREAM_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


# has a field of what each operation promises
ANY_RESULT = json.dumps(
    {
        "result": "success",
        "data": [],
        "answer": "yes",
        "id": "i-1",
        "name": "n",
        "text": "t",
        "job_id": "j-1",
        "tool_icons": {},
        "title": "t",
        "form_content": "f",
        "welcome": "w",
        "stopped": False,
        "workflow_run_id": "w-1",
        "opening_statement": "o",
        "icon": "i",
    }
).encode()


def response(
    body: bytes = ANY_RESULT,
    status: str = "200 OK",
    content_type: str = "application/json",
    headers: str = "",
) -> bytes:
    """A whole response with its length; `headers` are further lines, each with its CRLF."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + headers.encode() + b"\r\n" + body


def dify_error(status: str, code: str, text: str) -> bytes:
    """A response that says no, as Dify words it."""
    return response(json_bytes({"code": code, "message": text, "status": int(status[:3])}), status)


def json_bytes(value: Any) -> bytes:
    """Compact JSON, unescaped as in Dify's streams; half a character is written as it is."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def chunk(data: bytes) -> bytes:
    return b"%X\r\n%b\r\n" % (len(data), data)


def chunks(*frames: bytes) -> bytes:
    """A chunked body without its last chunk, a chunk a frame."""
    return b"".join(map(chunk, frames))


def stream(*frames: bytes) -> bytes:
    """A whole chunked stream, a chunk a frame."""
    return STREAM_HEAD + chunks(*frames) + LAST_CHUNK


def data_frame(value: Any) -> bytes:
    """A frame whose data is that value in JSON."""
    return b"data: %b\n\n" % json_bytes(value)


def event(name: str, **fields: Any) -> bytes:
    """A frame of Dify's, with the ids t-1, m-1 and c-1."""
    ids = {"task_id": TASK, "message_id": MESSAGE, "conversation_id": CONVERSATION, "id": MESSAGE}
    return data_frame({"event": name, **ids, **fields})


def message(text: str) -> bytes:
    return event("message", answer=text)


def message_end(**usage: Any) -> bytes:
    return event("message_end", metadata={"usage": usage})


def error_event(text: str, code: str = "completion_request_error") -> bytes:
    return data_frame({"event": "error", "status": 400, "code": code, "message": text})


MESSAGE_END = message_end(total_tokens=3)
ERROR = error_event("Run failed", "invalid_param")
PING = b"event: ping\n\n"
