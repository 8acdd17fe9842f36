"""Failures of requests, urllib3 or the server, as exceptions of ours."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote, urlsplit

from requests import RequestException
from requests import exceptions as failure
from requests.utils import select_proxy
from urllib3.exceptions import HTTPError, ReadTimeoutError

from ..errors import ConnectionException, DecodeException, DifyException
from .deadline import Deadline
from .decoding import UnknownEncodingError
from .head import MAX_DIGITS
from .request import HttpRequest

# not Exception: one that a signal handler raises, as Celery's does, is the caller's own
SEND_FAILURES = (
    *(RequestException, HTTPError, HTTPException, OSError),
    *(ValueError, TypeError, AttributeError, LookupError),  # of a proxy's settings, mostly
)
READ_FAILURES = (HTTPError, OSError, ValueError)

_MAX_EVENT_STREAM = 65536  # characters that are looked through for an event
# where gateways put the reason, the first that has one counts
_REASONS = (
    *("message", "msg", "error", "error_msg", "errmsg", "errormessage", "error_description"),
    *("detail", "details", "description", "title", "reason", "errors", "response"),
)
_CODES = ("code", "error_code", "errorcode", "errcode", "type")  # the last only of an inner one
_INNER = ("error", "response")
_DEEPEST = 16  # objects within objects


def send_failure(
    error: Exception,
    request: HttpRequest,
    deadline: Deadline,
    base_url: str,
    proxies: Mapping[str, str] | None = None,
) -> DifyException:
    """One of SEND_FAILURES, met before the response's headers were there, as it is raised.

    A proxy that `proxies` has for `base_url` is named where no connection came about.
    """
    proxy = proxy_for(base_url, proxies or {})
    through = f" (proxy {redacted_proxy(proxy)})" if proxy else ""
    if deadline.is_over:  # the connection was interrupted for it
        return deadline.timed_out("total")
    if isinstance(error, failure.ConnectTimeout):
        timeout = deadline.timed_out("connect")
        timeout.args = (timeout.args[0] + through,)
        return timeout
    if isinstance(error, failure.ReadTimeout):
        return deadline.timed_out("read")
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(base_url))
    text = f"no answer from {origin}{through}: {_cause_text(error, request, proxies)}"
    return ConnectionException(text, **request.context())


def read_failure(error: Exception, request: HttpRequest, deadline: Deadline) -> DifyException:
    """One of READ_FAILURES, met in the body of a response, as it is raised."""
    if isinstance(error, ReadTimeoutError) or deadline.is_over:
        return deadline.timed_out("read")
    if isinstance(error, UnknownEncodingError):
        return DecodeException(_cause_text(error, request), **request.context())
    what = "stream" if request.streams else "response"
    text = f"the {what} was cut: {_cause_text(error, request)}"
    return ConnectionException(text, **request.context())


def proxy_for(base_url: str, proxies: Mapping[str, str]) -> str | None:
    """The proxy that requests takes for an address; None for none."""
    return select_proxy(base_url, dict(proxies)) or None


def redacted_proxy(proxy: str) -> str:
    """A proxy's address without its user and password."""
    scheme, mark, rest = proxy.rpartition("://")
    return scheme + mark + rest.partition("/")[0].rpartition("@")[2]


def _cause_text(
    error: BaseException, request: HttpRequest, proxies: Mapping[str, str] | None = None
) -> str:
    """The innermost cause's text, and the causes themselves, without the key and passwords."""

    def redact(text: str) -> str:
        text = request.redact(text)
        for proxy in (proxies or {}).values():
            user, at, _ = proxy.rpartition("://")[2].rpartition("@")
            for secret in {user, user.partition(":")[2], unquote(user.partition(":")[2])}:
                text = text.replace(secret, "***") if at and secret else text
        return text

    text = redact(root_cause_text(error))
    link: BaseException | None = error
    while link is not None:
        if redact(text_of_link := str(link)) != text_of_link:
            link.args = (redact(text_of_link),)
        for name, value in vars(link).items():  # the line of a BadStatusLine, say
            if isinstance(value, str):
                setattr(link, name, redact(value))
        link = link.__cause__ or link.__context__
    return text


def code_and_message(text: str) -> tuple[str | None, str | None]:
    """The code and the reason in an error's body: Dify's, or those of a gateway.

    None for what it does not have. OpenAI's form, `{"error": {...}}`, Aliyun's and Tencent's, whose
    names begin with capitals, a reason that is an object or a list, and an error sent as an event
    stream are read as well.
    """
    body = json_body(text)
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return None, None
    parts = [_lowered(body)]
    for _ in range(2):
        inner = next(
            (parts[-1][name] for name in _INNER if isinstance(parts[-1].get(name), dict)), None
        )
        if inner is not None:
            parts.append(_lowered(inner))
    found = (
        part.get(name)
        for n, part in enumerate(parts)
        for name in _CODES[: len(_CODES) if n else -1]
    )
    code = next((value for value in found if isinstance(value, str) and value), None)
    return code, reason_of(body)


def reason_of(body: Any, depth: int = 0) -> str | None:
    """The words of an error's JSON that are for a person; None where it has none."""
    if isinstance(body, str):
        return body or None
    if depth > _DEEPEST:
        return None
    if isinstance(body, list) and body and isinstance(body[0], dict):
        return reason_of(body[0], depth + 1) or _compact(body)
    if not isinstance(body, dict):
        return None
    body = _lowered(body)
    for name in _REASONS:
        value = body.get(name)
        if isinstance(value, dict):
            words = reason_of(value, depth + 1) or (_compact(value) if name not in _INNER else None)
            if words:
                return words
        elif isinstance(value, list) and value:
            return _compact(value)
        elif isinstance(value, str) and value:
            return value
    return None


def _lowered(body: dict[str, Any]) -> dict[str, Any]:
    """`body` with names in small letters; one that was so already counts more."""
    return {**{name.lower(): value for name, value in body.items()}, **body}


def _compact(value: Any) -> str | None:
    """An object or a list in one line; None for an empty one."""
    try:
        return json.dumps(value, ensure_ascii=False) if value else None
    except RecursionError:
        return None


def json_body(text: str) -> Any:
    """The JSON of a body, that of the first event where it is an event stream; None for none.

    JSON that is a text with JSON in it is read twice, as gateways write it.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith(("data:", "event:", "id:", ":")):
        lines = (line for line in text[:_MAX_EVENT_STREAM].splitlines() if line[:5] == "data:")
        text = next(lines, "")[5:]
    try:
        body = json.loads(text, parse_int=_integer)
        return json.loads(body, parse_int=_integer) if isinstance(body, str) else body
    except (ValueError, RecursionError):
        return None


def _integer(digits: str) -> int | str:
    """An integer; its digits where Python would not read so many."""
    return int(digits) if len(digits) < MAX_DIGITS else digits


def plain_text(html: str) -> str:
    """The text of a page, on one line."""
    return " ".join(re.sub(r"<[^<>]*>", " ", html).split())


def retry_after(value: str | None) -> float | None:
    """The seconds of a `Retry-After` header, which may be a number or a date."""
    if not value:
        return None
    try:
        if value.isascii() and value.strip().isdecimal():
            seconds = float(value)
        else:
            moment = parsedate_to_datetime(value)
            seconds = max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
    except Exception:  # the date may be anything, and so may what its parser raises
        return None
    return seconds if math.isfinite(seconds) else None


def root_cause_text(error: BaseException) -> str:
    """The text of the innermost cause, which says what happened without the wrapping."""
    wrapped = (getattr(error, "reason", None), *error.args[:1], *error.args[-1:], error.__cause__)
    inner = next((cause for cause in wrapped if isinstance(cause, BaseException)), None)
    return root_cause_text(inner) if inner else str(error) or type(error).__name__


def stripped(error: Exception) -> Exception:
    """`error` and all its causes, without the requests and frames that hold the key.

    Exceptions get pickled, logged and shown.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        if isinstance(link, RequestException):
            link.request = link.response = None
        link = link.__cause__ or link.__context__
    return error
