"""What a browser is to know of an exception: a status, and Dify's own words if there are some."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from .._dto.names import camel
from ..errors import (
    ID_NAMES,
    ConnectionException,
    DifyException,
    HttpClientException,
    IllegalArgumentException,
    PipelineException,
    StreamErrorException,
    TimeoutException,
)

__all__ = ["failure_body", "failure_headers", "log_failure", "status_of"]

logger = logging.getLogger("dify_java_compat")


def status_of(error: BaseException) -> int:
    """The status for an exception of ours; 500 for any other.

    Dify's own where it sent one; 400 for an argument that cannot work, 504 for silence, 502 for
    anything else that is wrong behind the service.
    """
    if isinstance(error, IllegalArgumentException):
        return 400
    if isinstance(error, HttpClientException):
        return error.status_code if 400 <= error.status_code < 600 else 502
    if isinstance(error, StreamErrorException):
        status = error.status
        return status if isinstance(status, int) and 400 <= status < 600 else 502
    if isinstance(error, TimeoutException):
        return 504
    if isinstance(error, PipelineException) or not isinstance(error, DifyException):
        return 500
    return 502


def failure_body(error: BaseException) -> dict[str, Any]:
    """Status, code and message, as Dify's own errors have them, and the ids that are known.

    No address, no path and, but for Dify's words, nothing of what the service does inside.
    """
    status = status_of(error)
    code = getattr(error, "code", None) or _CODES.get(status, "dify_error")
    body: dict[str, Any] = {"status": status, "code": code, "message": _message(error)}
    return body | dict(_ids(error))


def failure_headers(error: BaseException) -> dict[str, str]:
    """`Retry-After`, where Dify sent one."""
    seconds = getattr(error, "retry_after", None)
    return {} if seconds is None else {"Retry-After": str(max(0, round(seconds)))}


def log_failure(error: BaseException) -> None:
    """One line for an exception of ours; what is a bug, with its traceback."""
    if isinstance(error, DifyException):
        logger.warning("a stream to a browser ended in %s: %s", type(error).__name__, error)
    else:
        logger.error("a stream to a browser ended in a bug", exc_info=error)


_CODES = {
    400: "invalid_param",
    500: "internal_server_error",
    502: "bad_gateway",
    504: "gateway_timeout",
}


def _ids(error: BaseException) -> Iterator[tuple[str, str]]:
    for name in ID_NAMES:
        if value := getattr(error, name, None):
            yield camel(name), value


def _message(error: BaseException) -> str:
    if not isinstance(error, DifyException):
        return "Internal Server Error"
    if message := getattr(error, "message", None):
        return str(message)
    if isinstance(error, TimeoutException):
        return "Dify did not respond in time"
    if isinstance(error, (ConnectionException, PipelineException)):
        return "Dify cannot be reached" if isinstance(error, ConnectionException) else "Failed"
    return str(error.args[0] if error.args else "") or type(error).__name__
