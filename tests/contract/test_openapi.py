"""Dify's API description, fact by fact: each has its place here, and what has none is listed.

The facts are frozen in `spec/operations.json`; where the description itself lies beside this
checkout, it is walked, and the frozen facts must be its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from dify_java_compat import (
    BadRequestException,
    DifyChatflow,
    DifyException,
    HttpClientException,
    IllegalArgumentException,
    RequestsDifyChat,
    ResponseEntity,
)
from dify_java_compat._api.operation import Operation
from tests.recordings.comparing import differences, mistyped, undeclared
from tests.recordings.refusals import class_of
from tests.support import facade
from tools.rows import ROWS

from .calls import parts_of
from .responses import client_of_response, response
from .spec.digest import Described, digest
from .spec.facts import DESCRIPTION, DOCUMENTED, FROZEN, FROZEN_STREAMS

OPERATIONS = list(ROWS.values())

# documented fields of requests that are never sent, and why
NOT_SENT = {
    (
        "textToAudio",
        "streaming",
    ): "Java has none, and the server answers the same for true and false",
}
# what is sent although the description does not know it, and why
SENT_BESIDES = {
    ("send", "trace_id"): "the server takes it",
    ("sendChatMessageStream", "trace_id"): "the server takes it",
}
# what must be given although the description does not require it, and why
DEMANDED = {
    ("fileUpload", "user"): "the server would take the file for its default user's",
}
# documented fields of answers that the result has no place for, and why
NO_PLACE = {
    ("stopMessagesStream", "result"): "Java's void: it is success whatever was asked",
    ("messagesSuggested", "result"): "Java's List<String>: the data alone",
}

# where a text comes from whose field has another name; constants are the method's own
SOURCES = {
    "query": "content",
    "user": "user_id",
    "created_at__before": "created_at_before",
    "created_at__after": "created_at_after",
    "rating": "dislike",
    "as_attachment": "true",
    "include_state_snapshot": "true",
    "continue_on_pause": "true",
}
MODES = {"send": "blocking", "sendChatMessageStream": "streaming"}


ADD_IT = "its signature goes into chatflow.py, its line into _api/plain_calls.py"


def name_of(row: Operation[Any]) -> str:
    return f"{row.method} {row.path}"


def implemented(method: str) -> bool:
    """Whether the client has the method itself, not only from the facade, where it does nothing."""
    return getattr(RequestsDifyChat, method) is not getattr(DifyChatflow, method)


# the others are for test_every_row_is_documented_or_said_not_to_be
DESCRIBED = [row for row in OPERATIONS if name_of(row) in DOCUMENTED]
each_row = pytest.mark.parametrize("row", DESCRIBED, ids=lambda row: row.name)


def test_the_frozen_facts_are_the_description_s() -> None:
    assert len(FROZEN["operations"]) == 31
    assert len(FROZEN["events"]) == 28
    if DESCRIPTION:
        assert digest(DESCRIPTION) == FROZEN
        assert Described(DESCRIPTION).streams() == FROZEN_STREAMS


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_an_operation_has_a_public_method(operation: str) -> None:
    methods = [row.name for row in OPERATIONS if name_of(row) == operation]
    assert methods, f"{operation} is new in the description: add its row to _api/operations.py"
    for method in methods:
        for cls in (RequestsDifyChat, DifyChatflow):
            assert callable(getattr(cls, method, None)), f"{cls.__name__} lacks {method}: {ADD_IT}"


def test_every_row_is_documented_or_said_not_to_be() -> None:
    undocumented = {name_of(row) for row in OPERATIONS} - set(DOCUMENTED)
    assert undocumented == set(facade.UNDOCUMENTED), (
        f"the description has no {undocumented ^ set(facade.UNDOCUMENTED)}, or has it by now: "
        "mend UNDOCUMENTED in tests/support/facade.py, or, with a newer description, write "
        "spec/operations.json anew by `python -m tests.contract.spec.digest DESCRIPTION`"
    )


def test_every_row_has_a_method_and_every_method_a_row() -> None:
    rows, methods = {row.name for row in OPERATIONS}, set(facade.METHODS)
    assert not rows - methods, f"{rows - methods} have a row, but no method: {ADD_IT}"
    assert not methods - rows, f"{methods - rows}: add a row to _api/operations.py"
    missing = {name for name in rows if not implemented(name)}
    assert not missing, f"{missing} are only declared: add them to _api/plain_calls.py"


@each_row
def test_every_parameter_and_field_is_sent(row: Operation[Any]) -> None:
    documented = DOCUMENTED[name_of(row)]
    with client_of_response(response(400, {})) as (chat, server):
        with contextlib.suppress(DifyException):
            facade.call(chat, row.name)
        (request,) = server.requests
    path, _, query = request.target.partition("?")
    by_place: dict[str, set[str]] = {"path": set(), "query": set()}
    for name, place in documented["parameters"].items():
        by_place[place].add(name)
    segments = {name: facade._value(name, str) for name in by_place["path"]}
    if row.takes and "Reply" in row.takes.__name__:
        segments["action"] = "disable"  # the one segment that is not an id
    assert path == "/v1" + row.path.format_map(segments)
    asked = dict(parse_qsl(query))
    assert set(asked) == by_place["query"]
    check_texts(row, asked)
    kind = request.headers.get("content-type", "").partition(";")[0]
    assert [kind] == ([*documented["body"]] or [""])
    fields = set(documented["body"].get(kind, ()))
    given = {name for name in fields if (row.name, name) not in NOT_SENT}
    if kind == "multipart/form-data":
        parts = parts_of(request.headers["content-type"], request.body)
        assert {part.name for part in parts} == given
        check_texts(row, {p.name: p.content.decode() for p in parts if not p.filename})
    elif kind:
        body = json.loads(request.body)
        besides = {name for operation, name in SENT_BESIDES if operation == row.name}
        assert set(paths_in(body)) == given | besides
        check_texts(row, body)
        check_types(documented["body"][kind], body)


@each_row
def test_what_is_required_is_enough(row: Operation[Any]) -> None:
    demanded = {name for operation, name in DEMANDED if operation == row.name}
    required = {*DOCUMENTED[name_of(row)]["required"]} | demanded
    places = (*row.query, *(row.body or ()))
    fields = {place.field for place in places if place.wire in required} | required
    with client_of_response(response(400, {})) as (chat, server):
        with pytest.raises(BadRequestException):
            facade.call(chat, row.name, fields)
        assert len(server.requests) == 1
        for name in demanded:
            (field,) = (place.field for place in places if place.wire == name)
            with pytest.raises(IllegalArgumentException, match=field):
                facade.call(chat, row.name, fields - {field})


def paths_in(value: Any, path: str = "") -> list[str]:
    """The dotted paths of a body, as deep as the description goes."""
    if isinstance(value, dict) and path in ("", "files[]"):
        at = f"{path}." if path else ""
        return [found for name, below in value.items() for found in paths_in(below, at + name)]
    if isinstance(value, list):
        return [found for item in value for found in paths_in(item, f"{path}[]")]
    return [path]


def check_texts(row: Operation[Any], given: dict[str, Any]) -> None:
    for name, value in given.items():
        if name == "response_mode":
            assert value == MODES[row.name]
        elif isinstance(value, str) and not value.isdigit():
            assert value == SOURCES.get(name, name)


JSON_TYPES: dict[str, Any] = {"string": str, "number": float, "boolean": bool, "object": dict}


def check_types(fields: dict[str, str], body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name in fields and fields[name] != "any":
            assert type(value) is JSON_TYPES[fields[name]], name


@pytest.mark.parametrize("exception", [*NOT_SENT, *SENT_BESIDES, *NO_PLACE])
def test_an_exception_is_one(exception: tuple[str, str]) -> None:
    operation, field = exception
    (row,) = (row for row in OPERATIONS if row.name == operation)
    facts = DOCUMENTED[name_of(row)]
    known = {name for kind in facts["body"].values() for name in kind}
    known |= {
        name for kinds in facts["answers"].values() for kind in kinds.values() for name in kind
    }
    assert (field in known) != (exception in SENT_BESIDES)


def sample(fields: dict[str, str]) -> dict[str, Any]:
    """An object that has every field there is."""
    values = {"string": "text", "integer": 1, "number": 0.5, "boolean": True}
    whole: dict[str, Any] = {}
    for path, kind in fields.items():
        at = whole
        *above, last = path.split(".")
        for part in above:
            below: Any = at.setdefault(part.removesuffix("[]"), [{}] if part[-1] == "]" else {})
            at = below[0] if part[-1] == "]" else below
        value: Any = values.get(kind, {"key": "text"})
        at[last.removesuffix("[]")] = [value] if last[-1] == "]" else value
    return whole


ANSWERS = [
    (row, int(status), kind, fields)
    for row in DESCRIBED
    for status, kinds in DOCUMENTED[name_of(row)]["answers"].items()
    for kind, fields in (kinds or {"": {}}).items()
    if (kind == "text/event-stream") == row.streams
]


@pytest.mark.parametrize(
    ("row", "status", "kind", "fields"),
    [answer for answer in ANSWERS if answer[2] != "text/event-stream"],
    ids=lambda value: value.name if isinstance(value, Operation) else "",
)
def test_every_field_of_an_answer_has_a_place(
    row: Operation[Any], status: int, kind: str, fields: dict[str, str]
) -> None:
    content: Any = sample(fields)
    if kind not in ("application/json", ""):
        content = b"bytes"
    with client_of_response(response(status, content if kind else b"", kind)) as (chat, _):
        result = facade.call(chat, row.name)
    without = {name for operation, name in NO_PLACE if operation == row.name}
    if dataclasses.is_dataclass(result) and not isinstance(result, ResponseEntity):
        assert without == set()
        assert differences(result, content) == []
        assert undeclared(result, content) == set(), "add these to their classes in models"
        assert mistyped(result, content) == set()
    elif isinstance(result, ResponseEntity):
        assert (result.status_code, result.body) == (status, content)
        assert result.headers["content-type"] == kind
    elif isinstance(result, list):
        assert result == content["data"]
        assert set(fields) - {"data[]"} == without
    else:
        assert result is None
        assert set(fields) == without


def test_every_documented_answer_is_tried() -> None:
    assert len(ANSWERS) == len(DESCRIBED)
    tried = sum(len(fields) for *_, fields in ANSWERS)
    assert tried >= 324


ERRORS = [
    (row, status, code) for row in DESCRIBED for status, code in DOCUMENTED[name_of(row)]["errors"]
]


@pytest.mark.parametrize(
    ("row", "status", "code"), ERRORS, ids=lambda value: getattr(value, "name", str(value))
)
def test_an_error_is_the_exception_of_its_status(
    row: Operation[Any], status: int, code: str
) -> None:
    said = {"status": status, "code": code, "message": "说明 why"}
    with client_of_response(response(status, said)) as (chat, server):
        with pytest.raises(HttpClientException) as raised:
            facade.call(chat, row.name)
        assert len(server.requests) == 1
    error = raised.value
    assert type(error) is class_of(status, code)
    assert (error.status_code, error.code, error.message) == (status, code, "说明 why")
    assert error.operation == row.name
    # 412, a form's own status, is the only one without a class
    assert type(error) is not HttpClientException or status == 412


def test_a_sample_has_every_field() -> None:
    assert sample({"a[].b.c": "number", "a[].d[]": "string", "e": "object"}) == {
        "a": [{"b": {"c": 0.5}, "d": ["text"]}],
        "e": {"key": "text"},
    }
