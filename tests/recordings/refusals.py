"""The exception that each status must become, written down again on purpose."""

from __future__ import annotations

from dify_java_compat import (
    BadRequestException,
    ForbiddenException,
    HttpClientException,
    NotChatAppException,
    NotFoundException,
    PayloadTooLargeException,
    ServerErrorException,
    TooManyRequestsException,
    UnauthorizedException,
    UnsupportedMediaTypeException,
)

_CLASSES: dict[int, type[HttpClientException]] = {
    400: BadRequestException,
    401: UnauthorizedException,
    403: ForbiddenException,
    404: NotFoundException,
    413: PayloadTooLargeException,
    415: UnsupportedMediaTypeException,
    429: TooManyRequestsException,
}


def class_of(status: int, code: str | None) -> type[HttpClientException]:
    if (status, code) == (400, "not_chat_app"):
        return NotChatAppException
    if status >= 500:
        return ServerErrorException
    return _CLASSES.get(status, HttpClientException)
