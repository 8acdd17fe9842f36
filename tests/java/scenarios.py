"""What is asked of both SDKs: every method of Java's, its fields varied by rule, and its answers.

A scenario is a method, its arguments by Java's names, and the name of the answer it gets.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .answers import ERRORS, PLAIN, STREAMS, TIMES, WHOLE, recorded
from .whole import whole_answers

Fields = dict[str, Any]
Odd = dict[str, dict[str, Any]]

KEY = "app-REDACTED"
CHINESE = "你好，世界\u2028“引号”"
EMOJI = "👩‍💻 \U0001f600 naïve"
RESERVED = "a/b?c=d&e%20f+g h#i"


@dataclass(frozen=True)
class Scenario:
    """`name` is `method/what is special`; `arguments` are as Jackson reads them."""

    name: str
    method: str
    arguments: list[Any]
    answer: str

    def described(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Method:
    """`fields` in Java's order, all given; `plain`: they are parameters and not a request's.

    `odd` are further values of a field, by what is odd about them.
    """

    name: str
    answer: str
    fields: Fields
    required: tuple[str, ...] = ()
    plain: bool = False
    odd: Odd | None = None

    def arguments(self, **fields: Any) -> list[Any]:
        given = {**self.fields, **fields}
        return list(given.values()) if self.plain else [given]

    def only(self, *names: str) -> list[Any]:
        if self.plain:
            return [value if name in names else None for name, value in self.fields.items()]
        return [{name: self.fields[name] for name in names}]


def file(name: str | None, kind: str | None, content: bytes = b"RIFF\x00\xff") -> Fields:
    encoded = base64.b64encode(content).decode()
    return {"filename": name, "contentType": kind, "content": encoded}


def message_file(**fields: Any) -> list[Fields]:
    return [fields]


_NUMBERS = {"zero": 0, "negative": -1, "large": 2147483647}
_URL = "https://example.com/图.png?a=b&c"
_MESSAGE: Odd = {
    "inputs": {
        "empty": {},
        "nested": {"名": {"a": [1, 2.5, True, None, "值"]}, "n": 12345678901234567890},
        "null-inside": {"a": None},
    },
    "files": {
        "none": [],
        "remote": message_file(type="image", transferMethod="remote_url", url=_URL),
        "local": message_file(type="document", transferMethod="local_file", uploadFileId="f"),
        "url-alone": message_file(url="https://example.com/a"),
        "pdf-url-alone": message_file(url="https://example.com/a.pdf"),
        "upload-id-alone": message_file(uploadFileId="f"),
        "type-null": message_file(type=None, transferMethod=None, url=_URL),
        "type-empty": message_file(type="", transferMethod="", url=_URL),
        "both": message_file(type="video", transferMethod="remote_url", url=_URL, uploadFileId="f"),
        "two": [*message_file(type="audio", transferMethod="local_file", uploadFileId="f"),
                *message_file(type="custom", transferMethod="remote_url", url=_URL)],
    },
    "autoGenerateName": {"false": False},
}  # fmt: skip
_SEND = {
    "apiKey": KEY, "userId": "user-1", "conversationId": "c-1", "content": "Hello?",
    "files": message_file(type="image", transferMethod="remote_url", url=_URL),
    "inputs": {"name": "value"}, "autoGenerateName": True,
}  # fmt: skip
_FILES: Odd = {
    "file": {
        **{f"name-{n}": file(name, "audio/wav") for n, name in
           [("chinese", "录音 一.wav"), ("emoji", "👋.wav"), ("null", None), ("bare", "sound")]},
        "name-quote": file('a"b.wav', "audio/wav"),
        **{f"type-{kind.replace('/', '-')}": file("a.mp3", kind) for kind in
           ["audio/mp3", "audio/m4a", "audio/amr", "audio/mpga", "audio/mpeg", "audio/x-wav",
            "text/plain", "image/png", "application/octet-stream"]},
        "type-null-mp3": file("a.mp3", None),
        "type-null-wav": file("a.wav", None),
        "type-null-txt": file("a.txt", None),
        "type-null-bare": file("sound", None),
        "type-empty": file("a.wav", ""),
        "empty": file("a.wav", "audio/wav", b""),
    },
}  # fmt: skip
_PAGE = {"apiKey": KEY, "userId": "user-1", "page": 2, "limit": 5}
_REPLY = {
    "apiKey": KEY, "userId": "user-1", "action": "enable", "embeddingProviderName": "openai",
    "embeddingModelName": "text-embedding-3-small", "scoreThreshold": 0.9,
}  # fmt: skip
_QUESTION = {"question": "Why?", "answer": "Because."}
_WHO = {"apiKey": KEY, "userId": "user-1"}

METHODS = (
    Method("send", "chat-send-blocking", _SEND, ("content",), odd=_MESSAGE),
    Method("sendChatMessageStream", "stream-short", _SEND, ("content",), odd=_MESSAGE),
    Method("stopMessagesStream", "chat-stop.stop",
           {"apiKey": KEY, "taskId": "t-1", "userId": "user-1"}, ("taskId",), plain=True),
    Method("messageFeedback", "feedback-like",
           {**_WHO, "messageId": "m-1", "rating": "LIKE", "content": "Good."}, ("messageId",),
           odd={"rating": {"dislike": "DISLIKE", "unlike": "UNLIKE"}}),
    Method("feedbacks", "app-feedbacks", _PAGE, odd={"page": _NUMBERS, "limit": _NUMBERS}),
    Method("conversations", "conversations-list",
           {**_WHO, "lastId": "c-9", "limit": 5, "sortBy": "created_at"},
           odd={"limit": _NUMBERS}),
    Method("messages", "messages-limit2",
           {**_WHO, "conversationId": "c-1", "firstId": "m-9", "limit": 5}, ("conversationId",),
           odd={"limit": _NUMBERS}),
    Method("messagesSuggested", "suggested",
           {"messageId": "m-1", "apiKey": KEY, "userId": "user-1"}, ("messageId",), plain=True),
    Method("deleteConversation", "delete-conversation",
           {"conversationId": "c-1", "apiKey": KEY, "userId": "user-1"}, ("conversationId",),
           plain=True),
    Method("renameConversation", "rename-name",
           {**_WHO, "conversationId": "c-1", "name": "Name", "autoGenerate": False},
           ("conversationId",), odd={"autoGenerate": {"true": True}}),
    Method("parameters", "parameters-chat", {"apiKey": KEY}, plain=True),
    Method("textToAudio", "bytes-ascii", {**_WHO, "text": "Hello", "messageId": "m-1"}),
    Method("audioToText", "audio-to-text-wav", {**_WHO, "file": file("a.wav", "audio/wav")},
           ("file",), odd=_FILES),
    Method("fileUpload", "files-upload-png", {**_WHO, "file": file("a.png", "image/png")},
           ("file", "userId"), odd=_FILES),
    Method("filePreview", "bytes-ascii",
           {**_WHO, "fileId": "f-1", "asAttachment": True}, ("fileId",),
           odd={"asAttachment": {"false": False}}),
    Method("info", "info-chat", {"apiKey": KEY}, plain=True),
    Method("meta", "meta-chat", {"apiKey": KEY}, plain=True),
    Method("site", "site-chat", {"apikey": KEY}, plain=True),
    Method("pageAppAnnotation", "annotation-list", _PAGE,
           odd={"page": _NUMBERS, "limit": _NUMBERS}),
    Method("createAppAnnotation", "annotation-create", {**_WHO, **_QUESTION}),
    Method("updateAppAnnotation", "annotation-update",
           {**_WHO, "annotationId": "a-1", **_QUESTION}, ("annotationId",)),
    Method("deleteAppAnnotation", "annotation-delete", {"annotationId": "a-1", "apiKey": KEY},
           ("annotationId",), plain=True),
    Method("annotationReply", "annotation-reply-enable", _REPLY, ("action",),
           odd={"action": {"disable": "disable"}, "scoreThreshold": {"one": 1, "zero": 0}}),
    Method("queryAnnotationReply", "annotation-reply-status",
           {**_WHO, "action": "enable", "jobId": "j-1"}, ("action", "jobId"),
           odd={"action": {"disable": "disable"}}),
    Method("conversationVariables", "variables-list",
           {**_WHO, "conversationId": "c-1", "variableName": "mood"}, ("conversationId",)),
    Method("updateConversationVariable", "variables-put-string",
           {**_WHO, "conversationId": "c-1", "variableId": "v-1", "value": "glad"},
           ("conversationId", "variableId", "value")),
)  # fmt: skip

_RUN: Fields = {
    "apiKey": KEY, "userId": "user-1",
    "files": message_file(type="image", transferMethod="remote_url", url=_URL),
    "inputs": {"name": "value"},
}  # fmt: skip
_RUN_ODD: Odd = {name: _MESSAGE[name] for name in ("inputs", "files")}
# of the facade of workflow apps; the answers are recordings that other methods have too
WORKFLOW_METHODS = (
    Method("DifyWorkflow.runWorkflow", "workflow-blocking", _RUN, odd=_RUN_ODD),
    Method("DifyWorkflow.runWorkflowStream", "workflow-fail-streaming", _RUN, odd=_RUN_ODD),
    Method("DifyWorkflow.info", "workflow-run", {"workflowRunId": "w-1", "apiKey": KEY},
           ("workflowRunId",), plain=True),
    Method("DifyWorkflow.stopWorkflowStream", "chatflow-stop.stop",
           {"apiKey": KEY, "taskId": "t-1", "userId": "user-1"}, ("taskId",), plain=True),
    Method("DifyWorkflow.logs", "workflow-logs",
           {**_WHO, "keyword": "tea", "status": "succeeded", "page": 2, "limit": 5},
           odd={"page": _NUMBERS, "limit": _NUMBERS}),
)  # fmt: skip
METHODS = (*METHODS, *WORKFLOW_METHODS)

# whose answers are varied further: each way of reading one
READERS = (
    "send",
    "DifyWorkflow.runWorkflow",
    "sendChatMessageStream",
    "stopMessagesStream",
    "conversations",
    "filePreview",
)


def _of_fields(method: Method) -> Iterator[tuple[str, list[Any]]]:
    key = "apikey" if "apikey" in method.fields else "apiKey"
    yield "minimal", method.only(key, *method.required)
    yield "full", method.arguments()
    if not method.plain:
        yield "null-request", [None]
    for name, value in method.fields.items():
        yield f"null-{name}", method.arguments(**{name: None})
        if isinstance(value, str) and value not in ("LIKE", "enable"):
            yield f"empty-{name}", method.arguments(**{name: ""})
            yield f"spaces-{name}", method.arguments(**{name: "  "})
            if name != key:
                yield f"reserved-{name}", method.arguments(**{name: RESERVED})
        for what, odd in ((method.odd or {}).get(name) or {}).items():
            yield f"{name}-{what}", method.arguments(**{name: odd})
    texts = {
        name: value
        for name, value in method.fields.items()
        if isinstance(value, str)
        and (name == "userId" or not name.endswith(("Id", "Key", "key")))
        and value not in ("LIKE", "enable")
    }
    if texts:
        yield "chinese", method.arguments(**dict.fromkeys(texts, CHINESE))
        yield "emoji", method.arguments(**dict.fromkeys(texts, EMOJI))


def _of_answers(method: Method) -> Iterator[str]:
    yield from (recording.name for recording in recorded().get(method.name, ()))
    if method.name == "feedbacks":
        yield from TIMES
    if method.name in whole_answers():
        yield WHOLE + method.name
    if method.name == "sendChatMessageStream":
        yield from STREAMS
    elif method.name != "DifyWorkflow.runWorkflowStream":
        yield "object-empty"
    if method.name in READERS:
        yield from ERRORS
        yield from (name for name in PLAIN if name != "object-empty")


@functools.cache
def scenarios() -> dict[str, list[Scenario]]:
    """By method."""
    return {
        method.name: [
            *(
                Scenario(f"{method.name}/{what}", method.name, arguments, method.answer)
                for what, arguments in _of_fields(method)
            ),
            *(
                Scenario(
                    f"{method.name}/answer-{name}", method.name, method.only(*method.fields), name
                )
                for name in _of_answers(method)
            ),
        ]
        for method in METHODS
    }
