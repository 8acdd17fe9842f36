"""The bytes of Dify's answers, made by code in the shapes that a real server was recorded with.

Each text begins with MARK and a number of its own, so that whoever reads a stream can tell which
texts are missing, changed or out of place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.frames import PING, data_frame

MARK = "⟦"
UPLOAD_BYTES = 100_000_000

_IDS = {
    "conversation_id": "3decd98a-4830-4850-b5ff-0e9ac89d6e23",
    "message_id": "a4c478a7-bb2a-49c2-bdb1-68a9b10ee85f",
    "created_at": 1795167080,
    "task_id": "004b6a91-ecf8-4576-81d3-d533ffb74a93",
}
_RUN = {**_IDS, "workflow_run_id": "287f0b8d-f897-4a0b-b724-146463a094fb"}
_WORDS = (
    "Hello",
    " this",
    " is",
    " 你好",
    "，",
    "世界",
    " Emoji 😀🎉",
    " naïve",
    " “quoted”",
    "。",
)

Wire = dict[str, Any]
Event = tuple[bytes, str | None]  # a frame and the text that a reader must get out of it


@dataclass(frozen=True)
class Stream:
    """An answer: its frames, one chunk each, and the texts in them."""

    frames: list[bytes]
    texts: list[str]


def _numbered(number: int, text: str) -> str:
    return f"{MARK}{number:06}{text}"


def _message(number: int, text: str) -> Event:
    said = _numbered(number, text)
    event = {
        "event": "message",
        **_IDS,
        "id": _IDS["message_id"],
        "answer": said,
        "from_variable_selector": None,
    }
    return data_frame(event), said


def paced_frame(stamp: str) -> bytes:
    """A message event whose answer is `stamp`."""
    event = {"event": "message", **_IDS, "id": _IDS["message_id"], "answer": stamp}
    return data_frame(event)


def end_frame() -> bytes:
    usage = {
        "prompt_tokens": 17,
        "prompt_unit_price": "0.001",
        "prompt_price_unit": "0.001",
        "prompt_price": "0.0000170",
        "completion_tokens": 40,
        "completion_unit_price": "0.002",
        "completion_price_unit": "0.001",
        "completion_price": "0.0000800",
        "total_tokens": 57,
        "total_price": "0.0000970",
        "currency": "USD",
        "latency": 1.238607679999859,
        "time_to_first_token": 0.03,
        "time_to_generate": 1.211,
    }
    metadata: Wire = {"annotation_reply": None, "retriever_resources": [], "usage": usage}
    return data_frame({"event": "message_end", **_IDS, "metadata": metadata, "files": None})


def _messages(count: int) -> Iterator[Event]:
    """Tokens, as a model says them."""
    for number in range(count - 1):
        yield _message(number, _WORDS[number % len(_WORDS)])
    yield end_frame(), None


def _four_kb(count: int) -> Iterator[Event]:
    """Events of about 4 KB: whole paragraphs."""
    text = "".join(_WORDS) * 48
    for number in range(count - 1):
        yield _message(number, text)
    yield end_frame(), None


def _nodes(count: int) -> Iterator[Event]:
    """A chatflow's nodes: each starts, and finishes with its outputs."""
    node: Wire = {
        "id": "d202ac4d-9896-4f93-b4c3-d1380cffae7a",
        "node_id": "code",
        "node_type": "code",
        "index": 1,
        "predecessor_node_id": None,
    }
    where: Wire = {"iteration_id": None, "loop_id": None}
    for number in range(count - 2):
        title = _numbered(number, " Split 拆分")
        if number % 2 == 0:
            name = "node_started"
            data: Wire = {"inputs": None, "inputs_truncated": False, "created_at": 1795167110}
            data |= {"extras": {}, **where, "agent_strategy": None}
        else:
            name = "node_finished"
            outputs = {"n": number, "words": ["one", "two", "three 三"]}
            data = {"inputs": {"q": "one two three"}, "inputs_truncated": False}
            data |= {"process_data": {}, "process_data_truncated": False, "outputs": outputs}
            data |= {"outputs_truncated": False, "status": "succeeded", "error": None}
            data |= {"elapsed_time": 0.991233, "execution_metadata": None}
            data |= {"created_at": 1795167110, "finished_at": 1795167111, "files": [], **where}
        yield data_frame({"event": name, **_RUN, "data": {**node, "title": title, **data}}), title
    outputs = {"answer": "done"}
    data = {"id": _RUN["workflow_run_id"], "status": "succeeded", "outputs": outputs}
    data |= {"error": None, "elapsed_time": 1.2, "total_tokens": 40, "total_steps": 3}
    yield data_frame({"event": "workflow_finished", **_RUN, "data": data}), None
    yield end_frame(), None


def _pings(count: int) -> Iterator[Event]:
    """Every tenth time Dify says that it is still there."""
    for number, event in enumerate(_messages(count)):
        if number % 10 == 5:
            yield PING, None
        yield event


def _separators(count: int) -> Iterator[Event]:
    """Text with U+2028, U+2029 and U+0085, which Dify sends unescaped."""
    for number in range(count - 1):
        yield _message(number, " a\u2028b\u2029c\u0085d")
    yield end_frame(), None


def _huge(count: int) -> Iterator[Event]:
    """Events of 200 KB in one chunk each."""
    for number in range(count - 1):
        yield _message(number, " 大 big" * 22_000)
    yield end_frame(), None


STREAMS: dict[str, Callable[[int], Iterator[Event]]] = {
    "messages": _messages,
    "nodes": _nodes,
    "4kb": _four_kb,
    "pings": _pings,
    "separators": _separators,
    "huge": _huge,
}


def stream(name: str, count: int) -> Stream:
    """The stream `name` with `count` events, those that end it included."""
    events = list(STREAMS[name](count))
    return Stream([frame for frame, _ in events], [text for _, text in events if text is not None])


def parameters_body() -> bytes:
    def switch(**more: Any) -> Wire:
        return {"enabled": True, **more}

    def entry(kind: str, name: str, **more: Any) -> Wire:
        return {kind: {"label": name.title(), "required": False, "variable": name, **more}}

    methods = ["remote_url", "local_file"]
    body = {
        "opening_statement": "Hello {{name}}, 你好!",
        "suggested_questions": ["Who are you?", "你是谁？"],
        "suggested_questions_after_answer": switch(),
        "speech_to_text": switch(),
        "text_to_speech": switch(autoPlay="disabled", language="en-US", voice="alloy"),
        "retriever_resource": switch(),
        "annotation_reply": switch(),
        "more_like_this": {"enabled": False},
        "user_input_form": [
            entry("text-input", "name", default="World", max_length=48),
            entry("paragraph", "bio", default="", max_length=500),
            entry("select", "tier", default="free", options=["free", "pro"]),
        ],
        "sensitive_word_avoidance": {"configs": [], "enabled": False, "type": ""},
        "file_upload": switch(
            allowed_file_extensions=[".JPG", ".PNG"],
            allowed_file_types=["image", "document"],
            allowed_file_upload_methods=methods,
            image=switch(detail="low", number_limits=3, transfer_methods=methods),
            number_limits=3,
        ),
        "system_parameters": {
            "image_file_size_limit": 10,
            "video_file_size_limit": 100,
            "audio_file_size_limit": 50,
            "file_size_limit": 15,
            "workflow_file_upload_limit": 10,
        },
    }
    return _escaped(body)


def messages_body(entries: int = 100) -> bytes:
    def entry(number: int) -> Wire:
        return {
            "id": f"82a1ed1b-bff0-4a83-9a46-{number:012}",
            "conversation_id": _IDS["conversation_id"],
            "parent_message_id": "00000000-0000-0000-0000-000000000000",
            "inputs": {"name": None, "bio": None, "tier": None, "age": None, "agree": None},
            "query": f"question {number}",
            "answer": "".join(_WORDS) * 5,
            "feedback": None,
            "retriever_resources": [],
            "created_at": 1795167261 + number,
            "agent_thoughts": [],
            "message_files": [],
            "status": "normal",
            "error": None,
        }

    data = [entry(number) for number in range(entries)]
    return _escaped({"limit": entries, "has_more": False, "data": data})


def upload_body() -> bytes:
    return _escaped(
        {
            "id": "72fa9618-8f89-4a37-9b33-7e1178a24a67",
            "name": "upload.bin",
            "size": UPLOAD_BYTES,
            "extension": "bin",
            "mime_type": "application/octet-stream",
            "created_by": "6ad1ab0a-73ff-4ac1-b9e4-cdb312f71f13",
            "created_at": 1577836800,
            "preview_url": None,
            "source_url": "http://localhost/files/72fa9618",
        }
    )


def _escaped(body: Wire) -> bytes:
    """As Dify writes what is not a stream: escaped, without blanks."""
    return json.dumps(body, separators=(",", ":")).encode()
