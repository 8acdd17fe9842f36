"""May a request be sent again, and after how long: rules, no I/O.

Whatever may have cost money is not sent twice. A GET changes nothing, so it is repeated after most
failures; any other method only where the server cannot have begun to work on it.
"""

from __future__ import annotations

import random

from requests import exceptions as failure
from urllib3.exceptions import ClosedPoolError, NewConnectionError

from ..errors import DifyException, HttpClientException
from .deadline import Deadline
from .redirects import MAX_REDIRECTS, redirect_target
from .request import HttpRequest

MAX_RETRY_AFTER = 30.0  # seconds; a server that asks for more gets no further request

_FIRST_DELAY, _JITTER = 0.2, 0.2


class Attempts:
    """The attempts of one request: where the next one goes, and after how long.

    `url` is that of the next attempt.
    """

    def __init__(self, request: HttpRequest, base_url: str, max_retries: int) -> None:
        self.url = base_url + request.path
        self._method = request.method
        self._max_retries = max_retries
        self._retries = self._redirects = 0

    def follow(self, status: int, location: str | None) -> bool:
        """Whether the response leads elsewhere; `url` is then the one to ask."""
        if self._redirects == MAX_REDIRECTS:
            return False
        target = redirect_target(self._method, self.url, status, location)
        if target is None:
            return False
        self.url = target
        self._redirects += 1
        return True

    def delay_after(self, error: DifyException, deadline: Deadline) -> float | None:
        """Seconds until the next attempt, which is then counted; None to give up."""
        delay = delay_before(error, self._retries + 1, self._method, self._max_retries)
        if delay is None or not deadline.allows(delay):
            return None
        self._retries += 1
        return delay


def delay_before(error: DifyException, attempt: int, method: str, max_retries: int) -> float | None:
    """Seconds to wait before sending the request again after `error`; None to give up.

    `attempt` is the number of that retry, 1 for the first. The delays double from 0.2 s on, a fifth
    more or less, so that clients that failed together do not come back together. A `Retry-After`
    that is longer is respected up to MAX_RETRY_AFTER.
    """
    if attempt > max_retries or not may_send_again(error, method):
        return None
    delay = _FIRST_DELAY * 2.0 ** (attempt - 1) * random.uniform(1 - _JITTER, 1 + _JITTER)
    retry_after = getattr(error, "retry_after", None) or 0.0
    return max(delay, retry_after) if retry_after <= MAX_RETRY_AFTER else None


def may_send_again(error: DifyException, method: str) -> bool:
    """Whether sending the request again can do no harm, and may help."""
    if isinstance(error, HttpClientException):
        is_refused = error.status_code == 429 and error.code == "too_many_requests"
        return is_refused or (method == "GET" and error.status_code >= 500)
    if getattr(error, "phase", None) == "total":
        return False
    if _never_connected(error.__cause__):
        return True
    return method == "GET" and not isinstance(error.__cause__, failure.SSLError)


def was_not_seen(error: Exception) -> bool:
    """Whether the server cannot have begun to work on a request that failed so."""
    return isinstance(error, DifyException) and may_send_again(error, "POST")


def _never_connected(cause: BaseException | None) -> bool:
    """Whether requests failed before there was a connection to send anything on."""
    if isinstance(cause, failure.ConnectTimeout):
        return True
    inner = cause.args[0] if cause is not None and cause.args else None
    reason = getattr(inner, "reason", inner)  # of a MaxRetryError
    return isinstance(reason, (ClosedPoolError, NewConnectionError))
