"""What a failure of requests, urllib3 or the server is in our terms."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from requests import RequestException


def code_and_message(text: str) -> tuple[str | None, str | None]:
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
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def retry_after(value: str | None) -> float | None:
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return None


def root_cause_text(error: BaseException) -> str:
    """The innermost cause, which says what happened without the wrapping."""
    wrapped = (getattr(error, "reason", None), *error.args[:1], *error.args[-1:], error.__cause__)
    inner = next((cause for cause in wrapped if isinstance(cause, BaseException)), None)
    return root_cause_text(inner) if inner else str(error) or type(error).__name__


def stripped(error: Exception) -> Exception:
    """Without the requests and frames, which carry the key: errors get pickled, logged and shown.

    Those of all its causes too.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        if isinstance(link, RequestException):
            link.request = link.response = None
        link = link.__cause__ or link.__context__
    return error
