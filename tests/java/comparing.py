"""Ours beside Java's: the same scenario, and every place where the two are not the same.

A place is a path: `request.body.user`, `result.data[].createdAt`, `items[].data.status`, `thrown`.
Before it stands `+` for what ours alone has, `-` for what Java's alone has.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from dify_java_compat import (
    AnnotationReplyActionEnum,
    ChatMessageSendRequest,
    ClientConfig,
    ConnectionException,
    DecodeException,
    DiftChatException,
    DifyChat,
    DifyFile,
    DifyWorkflow,
    HttpClientException,
    IllegalArgumentException,
    MessageFeedbackRequest,
    RequestsDifyChat,
    RequestsDifyWorkflow,
    ResponseEntity,
    StreamInterruptedException,
    iterate,
)
from dify_java_compat._stream.observable import Observable
from tests.contract.calls import parts_of
from tests.recordings.library import DATA, Recording
from tests.support.replay import replay
from tests.support.server import RecordedRequest, ScriptedServer

from .scenarios import Scenario

VECTORS = Path(__file__).with_name("vectors")

Vector = dict[str, Any]

_MADE_OF: dict[str, Any] = {
    "file": lambda file: DifyFile(**{**file, "content": base64.b64decode(file["content"])}),
    "files": lambda files: [ChatMessageSendRequest.ChatMessageFile(**file) for file in files],
    "rating": MessageFeedbackRequest.Rating.__getitem__,
    "action": AnnotationReplyActionEnum,
}

# what a family of Java's exceptions is called here, and ours that answers to it
_OURS: dict[str, tuple[type[Exception], ...]] = {
    "argument": (IllegalArgumentException,),
    "decode": (DecodeException,),
    "connection": (ConnectionException, StreamInterruptedException),
}
_JAVAS = {
    "java.lang.IllegalArgumentException": "argument",
    "java.io.EOFException": "connection",
}
_DECODING = "io.github.guoshiqiufeng.dify.client.core.codec.exception.JsonException"


@functools.cache
def vectors() -> dict[str, Vector]:
    """Java's, by the scenario's name."""
    return {
        vector["name"]: vector
        for file in sorted(VECTORS.glob("*.json"))
        for vector in json.loads(file.read_bytes()).get("vectors", [])
    }


def named(name: str) -> Scenario:
    """What a vector tells the doings of."""
    vector = vectors()[name]
    return Scenario(name, vector["method"], vector["arguments"], vector["answer"])


@functools.cache
def _made_answers() -> dict[str, str]:
    found: dict[str, str] = json.loads((VECTORS / "answers.json").read_bytes())
    return found


def served(name: str) -> bytes:
    """The answer that Java was given."""
    made = _made_answers().get(name)
    return Recording(DATA / name).raw if made is None else made.encode()


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def ours(scenario: Scenario) -> Vector:
    """What our client does in a scenario, told as Java's driver tells it."""
    told: Vector = {}
    config = ClientConfig(max_retries=0)
    with ScriptedServer(replay(served(scenario.answer))) as server:
        of_workflows, name = _facade_and_name(scenario)
        made = RequestsDifyWorkflow if of_workflows else RequestsDifyChat
        with made(server.url, config) as client:
            try:
                result = getattr(client, name)(*_arguments(scenario))
                if isinstance(result, Observable):
                    told["items"] = []
                    for item in iterate(result):
                        told["items"].append(_told(item))
                else:
                    told["result"] = _told(result)
            except DiftChatException as error:
                told["thrown"] = _thrown_by_ours(error)
        told["requests"] = [_request(received) for received in server.requests]
    return told


def _facade_and_name(scenario: Scenario) -> tuple[bool, str]:
    """Whether it is of workflow apps; the method's own name."""
    facade, _, name = scenario.method.rpartition(".")
    return facade == "DifyWorkflow", name


def _arguments(scenario: Scenario) -> list[Any]:
    of_workflows, name = _facade_and_name(scenario)
    hints = typing.get_type_hints(getattr(DifyWorkflow if of_workflows else DifyChat, name))
    request = next(iter(hints.values()))
    if not dataclasses.is_dataclass(request) or scenario.arguments == [None]:
        return scenario.arguments
    given = {
        name: _MADE_OF[name](value) if name in _MADE_OF and value is not None else value
        for name, value in scenario.arguments[0].items()
    }
    return [request(**given)]  # type: ignore[operator]


def _told(result: Any) -> Any:
    if isinstance(result, ResponseEntity):
        body = base64.b64encode(result.body).decode() or None
        headers = {name: [value] for name, value in result.headers.items()}
        return without_nulls({"statusCode": result.statusCode, "headers": headers, "body": body})
    return without_nulls(json.loads(result.to_json()) if hasattr(result, "to_json") else result)


def _request(received: RecordedRequest) -> Any:
    path, _, query = received.target.partition("?")
    kind = received.headers.get("content-type", "")
    told: dict[str, Any] = {
        "method": received.method,
        "path": unquote(path),
        "query": [list(pair) for pair in parse_qsl(query, keep_blank_values=True)],
        "headers": {name: [value] for name, value in received.headers.items()},
    }
    if kind.startswith("multipart/"):
        told["body"] = [
            {**vars(part), "content": base64.b64encode(part.content).decode()}
            for part in parts_of(kind, received.body)
        ]
    elif received.body:
        told["body"] = json.loads(received.body)
    return told


def _thrown_by_ours(error: DiftChatException) -> dict[str, Any]:
    if isinstance(error, HttpClientException):
        told = {"family": f"http {error.status_code}", "code": error.code}
        return {name: value for name, value in told.items() if value is not None}
    found = (family for family, classes in _OURS.items() if isinstance(error, classes))
    return {"family": next(found, type(error).__name__)}


def _thrown_by_java(thrown: dict[str, Any]) -> dict[str, Any]:
    """The family of an exception; its own name where it has none."""
    name = thrown["class"]
    if thrown.get("cause") == _DECODING:
        family = "decode"
    elif name.endswith(("DifyClientException", "HttpClientException")):
        family = f"http {thrown['status']}"
    else:
        family = _JAVAS.get(name, name.rpartition(".")[2])
    return {"family": family}


def comparable(vector: Vector) -> Vector:
    """A vector of either side as it is compared: the order of members and parts does not count."""
    told: Vector = {name: vector[name] for name in ("result", "items", "thrown") if name in vector}
    if "class" in told.get("thrown", ()):
        told["thrown"] = _thrown_by_java(told["thrown"])
    if isinstance(result := told.get("result"), dict) and "statusCode" in result:
        # Java writes the outcome of `isSuccessful()` beside what there is of an answer without JSON
        told["result"] = {name: result[name] for name in result if name != "successful"}
        headers = result["headers"].items()
        told["result"]["headers"] = {name.lower(): value for name, value in headers}
    requests = [_comparable_request(request) for request in vector["requests"]]
    assert len(requests) <= 1, "one call is one request"
    return {**told, **({"request": requests[0]} if requests else {})}


def _comparable_request(request: dict[str, Any]) -> dict[str, Any]:
    query = request.get("query") or []
    assert len({name for name, _ in query}) == len(query)
    headers = request["headers"]
    told = {
        "method": request["method"],
        "path": request["path"],
        "query": dict(query),
        "authorization": headers.get("authorization"),
    }
    if (body := request.get("body")) is not None:
        told["type"] = headers["content-type"][0].partition(";")[0]
        told["body"] = body
        if isinstance(body, list):
            told["body"] = {part["name"]: without_nulls(part) for part in body}
    return told


def differences(mine: Vector, java: Vector) -> set[str]:
    """The places where two comparable vectors are not the same."""
    both = mine.keys() & java.keys()
    if ("thrown" in mine) == ("thrown" in java) or "items" in both:
        return set(_differences(mine, java, ""))
    # one has a result and the other an exception, perhaps before anything was sent
    if "request" not in both:
        return {"thrown"}
    return {"thrown", *_differences(mine["request"], java["request"], "request")}


def _differences(mine: Any, java: Any, where: str) -> Iterator[str]:
    if isinstance(mine, dict) and isinstance(java, dict):
        for name in {**java, **mine}:
            path = f"{where}.{name}" if where else name
            if name not in java:
                yield f"+{path}"
            elif name not in mine:
                yield f"-{path}"
            else:
                yield from _differences(mine[name], java[name], path)
    elif isinstance(mine, list) and isinstance(java, list) and len(mine) == len(java):
        for item, other in zip(mine, java, strict=True):
            yield from _differences(item, other, f"{where}[]")
    elif mine != java or isinstance(mine, bool) != isinstance(java, bool):
        yield where


def compare(scenario: Scenario) -> set[str]:
    """Where ours is not as Java's vector of the scenario tells."""
    return differences(comparable(ours(scenario)), comparable(vectors()[scenario.name]))


@functools.cache
def compared(name: str) -> set[str]:
    """The same, by the scenario's name and once."""
    return compare(named(name))
