"""The last requests to the emulator."""

import json
import re
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

_MAX_REQUESTS = 1000
_MAX_BYTES = 32 * 1024 * 1024  # of the bodies together; the last request is kept in any case
_SECRET_HEADERS = ("authorization", "x-api-key")
_KEY = re.compile(r"\b(app|recoup)-[\w-]+")


def masked(text: str) -> str:
    """The text with ``***`` in place of each key."""
    return _KEY.sub("***", text)


class Headers(dict[str, str]):
    """The headers of a request. Their ``repr`` shows no key."""

    def __repr__(self) -> str:
        return repr(
            {
                name: "***" if name.lower() in _SECRET_HEADERS else masked(value)
                for name, value in self.items()
            }
        )


@dataclass(frozen=True, repr=False)
class RecordedRequest:
    """One request to the emulator. Its ``repr`` shows no key.

    ``path`` is without the query, which is in ``query``. The names of ``headers`` are in
    canonical spelling (``Content-Type``). ``body`` is the JSON value, or a dict of the fields of
    a form, in which each file is a dict of filename, content_type and size in bytes; the bytes
    of the body where it is neither, None where there is none.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Headers
    body: Any

    def __repr__(self) -> str:
        parts = f"{self.query!r}, headers={self.headers!r}, body={self.body!r}"
        return f"RecordedRequest({self.method} {self.path}, query={masked(parts)})"


def _body(request: Request) -> Any:
    if request.mimetype == "multipart/form-data":
        fields: dict[str, Any] = request.form.to_dict()
        for name, file in request.files.items():
            size = len(file.read())
            file.seek(0)
            kind = file.content_type
            fields[name] = {"filename": file.filename, "content_type": kind, "size": size}
        return fields
    data = request.get_data()
    if not data:
        return None
    with suppress(ValueError, RecursionError):
        return json.loads(data)
    return data


class Watch:
    """Keeps the last requests: at most a thousand, and of large ones fewer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[tuple[RecordedRequest, int]] = deque()
        self._bytes = 0

    def record(self, request: Request) -> Any:
        """Keep the request; its body."""
        body: Any = None
        with suppress(HTTPException):
            # The handler deals with a body that cannot be read.
            body = _body(request)
        recorded = RecordedRequest(
            request.method,
            request.path,
            request.args.to_dict(),
            Headers(request.headers),
            body,
        )
        size = 0 if isinstance(body, dict) and request.files else len(request.get_data())
        with self._lock:
            self._requests.append((recorded, size))
            self._bytes += size
            while len(self._requests) > 1 and (
                len(self._requests) > _MAX_REQUESTS or self._bytes > _MAX_BYTES
            ):
                self._bytes -= self._requests.popleft()[1]
        return body

    def requests(self) -> list[RecordedRequest]:
        with self._lock:
            return [recorded for recorded, _ in self._requests]
