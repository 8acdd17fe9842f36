"""Failures of requests, urllib3 or the server, as exceptions of ours."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from requests import RequestException
from requests import exceptions as failure
from urllib3.exceptions import HTTPError, ReadTimeoutError

from ..errors import ConnectionException, DifyException
from .deadline import Deadline
from .request import HttpRequest

SEND_FAILURES = (RequestException, HTTPError, OSError)
READ_FAILURES = (HTTPError, OSError, ValueError)


def send_failure(
    error: Exception, request: HttpRequest, deadline: Deadline, base_url: str
) -> DifyException:
    """One of SEND_FAILURES, met before the response's headers were there, as it is raised."""
    if isinstance(error, failure.ConnectTimeout):
        return deadline.timed_out("connect")
    if isinstance(error, failure.ReadTimeout):
        return deadline.timed_out("read")
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(base_url))
    text = f"no answer from {origin}: {root_cause_text(error)}"
    return ConnectionException(text, **request.context())


def read_failure(error: Exception, request: HttpRequest, deadline: Deadline) -> DifyException:
    """One of READ_FAILURES, met in the body of a response, as it is raised."""
    if isinstance(error, ReadTimeoutError):
        return deadline.timed_out("read")
    what = "stream" if request.streams else "response"
    text = f"the {what} was cut: {root_cause_text(error)}"
    return ConnectionException(text, **request.context())


def code_and_message(text: str) -> tuple[str | None, str | None]:
    """Dify's own, of an error's body; None for what it does not have."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(body, dict):
        return None, None
    code, message = body.get("code"), body.get("message") or body.get("error")
    return (
        code if isinstance(code, str) else None,
        message if isinstance(message, str) else None,
    )


def plain_text(html: str) -> str:
    """The text of a page, on one line."""
    return " ".join(re.sub(r"<[^<>]*>", " ", html).split())


def retry_after(value: str | None) -> float | None:
    """The seconds of a `Retry-After` header, which may be a number or a date."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return None


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
