"""Everything the package raises.

::

    DifyException                        (Java's DiftChatException is this class)
    ├── IllegalArgumentException         a bad argument, before any I/O; also a ValueError
    ├── HttpClientException              any status that is not a success (DifyClientException)
    │   ├── BadRequestException          400
    │   │   └── NotChatAppException      400, code not_chat_app
    │   ├── UnauthorizedException        401
    │   ├── ForbiddenException           403
    │   ├── NotFoundException            404
    │   ├── PayloadTooLargeException     413
    │   ├── UnsupportedMediaTypeException  415
    │   ├── TooManyRequestsException     429
    │   └── ServerErrorException         5xx
    ├── ConnectionException              no connection, or one that broke
    ├── TimeoutException                 nothing in time; `phase` says what was waited for
    ├── DecodeException                  an answer that is not what the operation promises
    ├── PipelineException                a process of the caller's own failed; `process` names it
    └── StreamException
        ├── StreamInterruptedException   the stream ended before its terminal event
        ├── StreamErrorException         Dify sent an `error` event, or the run failed
        └── StreamDecodeException        an event that is not a JSON object

Each can be pickled with its cause, and none ever holds an API key.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "BadRequestException",
    "ConnectionException",
    "DecodeException",
    "DiftChatException",
    "DifyClientException",
    "DifyException",
    "ForbiddenException",
    "HttpClientException",
    "IllegalArgumentException",
    "NotChatAppException",
    "NotFoundException",
    "PayloadTooLargeException",
    "PipelineException",
    "ServerErrorException",
    "StreamDecodeException",
    "StreamErrorException",
    "StreamException",
    "StreamInterruptedException",
    "TimeoutException",
    "TooManyRequestsException",
    "UnauthorizedException",
    "UnsupportedMediaTypeException",
]

_LONGEST_EXCERPT = 100
# by which Dify knows a run, its message and its conversation
ID_NAMES = ("task_id", "message_id", "conversation_id", "workflow_run_id")


class DifyException(Exception):
    """Whatever went wrong with Dify; catch this to catch all.

    `operation` is the method of the facade, `method` and `path` are those of the HTTP request, the
    four ids what was known of the run by then. `partial` is the `ChatMessageSendResponse` so far,
    where an answer was being collected. Each is None where it is unknown.
    """

    operation: str | None = None
    method: str | None = None
    path: str | None = None
    task_id: str | None = None
    message_id: str | None = None
    conversation_id: str | None = None
    workflow_run_id: str | None = None
    partial: Any = None

    def __init__(self, text: str = "", **context: Any) -> None:
        super().__init__(text)
        self.add_context(**context)

    def add_context(self, **context: Any) -> None:
        """Set the attributes that are not set yet. TypeError for one that the class has not."""
        for name, value in context.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no attribute {name!r}")
            if value is not None and self.__dict__.get(name) is None:
                setattr(self, name, value)

    def __str__(self) -> str:
        text = super().__str__()
        request = " ".join(part for part in (self.method, self.path) if part)
        where = ": ".join(part for part in (self.operation, request) if part)
        ids = ", ".join(f"{name}={value}" for name in ID_NAMES if (value := getattr(self, name)))
        return (f"{where}: " if where else "") + text + (f" [{ids}]" if ids else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, {**self.__dict__, "__cause__": _picklable(self.__cause__)}


def _picklable(cause: BaseException | None) -> BaseException | None:
    import pickle  # loaded already where an exception is pickled

    try:
        pickle.loads(pickle.dumps(cause))
    except Exception:  # an exception of any library may fail to pickle in any way
        return DifyException(f"{type(cause).__name__}: {cause}")
    return cause


class IllegalArgumentException(DifyException, ValueError):
    """An argument that can never work; raised by the call itself, before any I/O."""


class HttpClientException(DifyException):
    """A status that is not a success.

    `code` and `message` are Dify's own, None where the body is not Dify's JSON (an HTML page of a
    proxy, an empty or broken body); `response_body` is that body as text.
    """

    status_code: int = -1
    response_body: str | None = None
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None

    @property
    def statusCode(self) -> int:
        return self.status_code

    @property
    def responseBody(self) -> str | None:
        return self.response_body


class BadRequestException(HttpClientException):
    """400: Dify refused the request; `code` says why."""


class NotChatAppException(BadRequestException):
    """400 not_chat_app: the key belongs to an app of another kind."""


class UnauthorizedException(HttpClientException):
    """401: the API key is missing or wrong."""


class ForbiddenException(HttpClientException):
    """403: not allowed, or the app's API is switched off."""


class NotFoundException(HttpClientException):
    """404: no such conversation, message or file (for this user), or no such path."""


class PayloadTooLargeException(HttpClientException):
    """413: the file is larger than Dify or a proxy before it takes."""


class UnsupportedMediaTypeException(HttpClientException):
    """415: a file, or a body, of a type Dify does not take."""


class TooManyRequestsException(HttpClientException):
    """429: too many requests at once, or a quota that is used up (`rate_limit_error`)."""


class ServerErrorException(HttpClientException):
    """5xx: Dify, or a proxy before it, failed."""


class ConnectionException(DifyException):
    """No connection could be made, or it broke before the answer was whole."""


class TimeoutException(DifyException):
    """Nothing came in time.

    `phase` is `connect`, `write`, `read`, `idle`, `first_event` or `total`.
    """

    phase: str | None = None


class DecodeException(DifyException):
    """The answer is not what the operation promises; `response_body` is what came instead."""

    response_body: str | None = None


class PipelineException(DifyException):
    """A process that was to see a stream's items raised; the cause is what it raised."""

    process: str | None = None


class StreamException(DifyException):
    """A stream that did not end well; the four ids say how to find its run again."""


class StreamInterruptedException(StreamException):
    """The stream ended before its terminal event, or its body was cut."""


class StreamErrorException(StreamException):
    """Dify sent an `error` event; `status`, `code` and `message` are that event's.

    Or a run failed without one: `message` is the run's error, `status` and `code` are None.
    """

    status: int | None = None
    code: str | None = None
    message: str | None = None


class StreamDecodeException(StreamException):
    """An event that is not a JSON object; `data` is its bytes."""

    data: bytes | None = None


DiftChatException = DifyException
DifyClientException = HttpClientException

_BY_STATUS = {
    400: BadRequestException,
    401: UnauthorizedException,
    403: ForbiddenException,
    404: NotFoundException,
    413: PayloadTooLargeException,
    415: UnsupportedMediaTypeException,
    429: TooManyRequestsException,
}


def http_error(status: int, code: str | None) -> type[HttpClientException]:
    """The class for a status and Dify's code."""
    if status == 400 and code == "not_chat_app":
        return NotChatAppException
    if status >= 500:
        return ServerErrorException
    return _BY_STATUS.get(status, HttpClientException)


def excerpt(value: object) -> str:
    """A value in a message: at most its beginning, and whatever its `repr` does."""
    try:
        return repr(value)[:_LONGEST_EXCERPT]
    except Exception:  # of an integer of thousands of digits, for one
        return f"a {type(value).__name__}"
