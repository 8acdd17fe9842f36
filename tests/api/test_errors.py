"""The exceptions: their tree, what they say, and that they travel."""

import copy
import pickle
import re
import threading

import pytest
import requests
import urllib3

from dify_java_compat import (
    BadRequestException,
    ChatMessageSendResponse,
    ConnectionException,
    DecodeException,
    DiftChatException,
    DifyException,
    ForbiddenException,
    HttpClientException,
    IllegalArgumentException,
    NotChatAppException,
    NotFoundException,
    PayloadTooLargeException,
    ServerErrorException,
    StreamDecodeException,
    StreamErrorException,
    StreamException,
    StreamInterruptedException,
    TimeoutException,
    TooManyRequestsException,
    UnauthorizedException,
    UnsupportedMediaTypeException,
    errors,
)

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, DifyException) and value is not DifyException
]
IDS = {
    "task_id": "t-1",
    "message_id": "m-1",
    "conversation_id": "c-1",
    "workflow_run_id": "w-1",
}
WHERE = {"operation": "send", "method": "POST", "path": "/v1/chat-messages"}


def drawn_tree() -> dict[str, str]:
    """Each class of the docstring's drawing, and its parent."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"    ((?:[│ ] {3})*)(?:([├└])── )?(\w+Exception)\b", line)
        if drawn:
            depth = len(drawn[1]) // 4 + bool(drawn[2])
            path[depth:] = [drawn[3]]
            if depth:
                parents[drawn[3]] = path[depth - 1]
    return parents


def test_the_tree_is_the_one_that_is_drawn() -> None:
    assert drawn_tree() == {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES}


def test_javas_misspelt_name_is_the_root() -> None:
    assert DiftChatException is DifyException


def test_an_illegal_argument_is_a_value_error() -> None:
    assert issubclass(IllegalArgumentException, ValueError)
    assert not issubclass(ConnectionException, (OSError, ValueError))


@pytest.mark.parametrize(
    ("status", "code", "cls"),
    [
        (400, None, BadRequestException),
        (400, "invalid_param", BadRequestException),
        (400, "not_chat_app", NotChatAppException),
        (401, "unauthorized", UnauthorizedException),
        (403, None, ForbiddenException),
        (404, "not_found", NotFoundException),
        (404, "not_chat_app", NotFoundException),
        (413, "file_too_large", PayloadTooLargeException),
        (415, None, UnsupportedMediaTypeException),
        (429, "too_many_requests", TooManyRequestsException),
        (429, "rate_limit_error", TooManyRequestsException),
        (500, None, ServerErrorException),
        (502, None, ServerErrorException),
        (599, None, ServerErrorException),
        (302, None, HttpClientException),
        (405, None, HttpClientException),
        (418, "not_chat_app", HttpClientException),
    ],
)
def test_the_class_of_a_status(status: int, code: str | None, cls: type) -> None:
    assert errors.http_error(status, code) is cls


@pytest.mark.parametrize("cls", CLASSES)
def test_it_names_the_call_the_request_and_the_ids(cls: type[DifyException]) -> None:
    error = cls("it went wrong", **WHERE, **IDS)
    assert str(error) == (
        "send: POST /v1/chat-messages: it went wrong"
        " [task_id=t-1, message_id=m-1, conversation_id=c-1, workflow_run_id=w-1]"
    )
    assert error.args == ("it went wrong",)


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({}, "text"),
        ({"operation": "send"}, "send: text"),
        ({"method": "GET", "path": "/v1/messages"}, "GET /v1/messages: text"),
        ({"task_id": "t"}, "text [task_id=t]"),
        ({"task_id": None, "message_id": ""}, "text"),
    ],
)
def test_it_names_what_is_known(context: dict[str, str], text: str) -> None:
    assert str(DifyException("text", **context)) == text


def test_what_is_known_is_not_overwritten() -> None:
    error = StreamException("cut", task_id="first")
    error.add_context(task_id="second", message_id="m", conversation_id=None)
    assert (error.task_id, error.message_id, error.conversation_id) == ("first", "m", None)


def test_a_misspelt_attribute_is_refused() -> None:
    with pytest.raises(TypeError, match="TimeoutException has no attribute 'fase'"):
        TimeoutException("late", fase="read")


def cause_of_a_library(cls: type[DifyException]) -> Exception:
    return requests.ConnectionError(urllib3.exceptions.ProtocolError(f"under {cls.__name__}"))


@pytest.mark.parametrize("cls", CLASSES)
def test_it_can_be_pickled_with_its_cause(cls: type[DifyException]) -> None:
    error = cls("text", **WHERE, **IDS, partial=ChatMessageSendResponse(answer="half"))
    error.__cause__ = cause_of_a_library(cls)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    assert again.partial == ChatMessageSendResponse(answer="half")
    assert type(again.__cause__) is requests.ConnectionError
    assert str(again.__cause__) == str(error.__cause__)


@pytest.mark.parametrize("cls", CLASSES)
def test_it_can_be_copied(cls: type[DifyException]) -> None:
    error = cls("text", **IDS)
    assert vars(copy.copy(error)) == vars(copy.deepcopy(error)) == vars(error)
    assert copy.copy(error).__cause__ is None


def test_a_chain_of_causes_is_pickled() -> None:
    error, middle, last = DifyException("a"), DecodeException("b"), ValueError("c")
    error.__cause__, middle.__cause__ = middle, last
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again.__cause__, DecodeException)
    assert isinstance(again.__cause__.__cause__, ValueError)


class WithALock(Exception):
    """As the exceptions of many a library, it cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("held")
        self.lock = threading.Lock()


def test_a_cause_that_cannot_be_pickled_is_told() -> None:
    error = ConnectionException("text")
    error.__cause__ = WithALock()
    cause = pickle.loads(pickle.dumps(error)).__cause__
    assert isinstance(cause, DifyException)
    assert str(cause) == "WithALock: held"


def test_the_attributes_of_a_status() -> None:
    error = NotFoundException(
        "text",
        status_code=404,
        response_body="{}",
        code="not_found",
        message="Conversation Not Exists.",
        retry_after=2.0,
    )
    assert (error.statusCode, error.responseBody) == (404, "{}")
    assert (error.code, error.message) == ("not_found", "Conversation Not Exists.")
    assert error.retry_after == 2.0


def test_the_attributes_that_are_not_given() -> None:
    assert HttpClientException().status_code == -1
    assert HttpClientException().response_body is None
    assert TimeoutException("x", phase="idle").phase == "idle"
    assert StreamErrorException("x", status=400, code="c", message="m").status == 400
    assert StreamDecodeException("x", data=b"x").data == b"x"
    assert StreamInterruptedException().task_id is None
