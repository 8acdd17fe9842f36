"""What a test sees and does behind the client's back: requests noted, streams cut."""

import json
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from .replies import PING

_KEPT = 1000
_SECRET_HEADERS = ("authorization", "x-api-key")
_KEY = re.compile(r"\b(app|recoup)-[\w-]+")


def masked(text: str) -> str:
    """The text without the keys in it."""
    return _KEY.sub("***", text)


@dataclass(frozen=True, repr=False)
class Seen:
    """One request. Its ``repr`` shows no key.

    ``path`` is without the query, which is in ``query``; the names of ``headers`` are in
    canonical spelling (``Content-Type``). ``body`` is the JSON value; of a form, its fields, and
    of each file a dict of filename, content_type and size; bytes where it is neither; None where
    there is none.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    def __repr__(self) -> str:
        headers = {
            name: "***" if name.lower() in _SECRET_HEADERS else value
            for name, value in self.headers.items()
        }
        shown = f"{self.query!r}, headers={headers!r}, body={self.body!r}"
        return f"Seen({self.method} {self.path}, query={masked(shown)})"


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
    """The last requests, and how the next stream is to be cut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=_KEPT)
        self._cut_after: int | None = None

    def note(self, request: Request) -> None:
        body: Any = None
        with suppress(HTTPException):
            # A body that cannot be read is the handler's affair.
            body = _body(request)
        seen = Seen(
            request.method,
            request.path,
            request.args.to_dict(),
            dict(request.headers),
            body,
        )
        with self._lock:
            self._seen.append(seen)

    def requests(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    def cut_next(self, after_events: int) -> None:
        with self._lock:
            self._cut_after = after_events

    def cut(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """The stream as it is, or up to where it is to be cut."""
        with self._lock:
            after, self._cut_after = self._cut_after, None
        return chunks if after is None else _cut(iter(chunks), after)


def _cut(chunks: Iterator[bytes], after: int) -> Iterator[bytes]:
    """So many events, then a connection that breaks; the run does not learn of it."""
    try:
        for chunk in chunks:
            if after <= 0:
                break
            yield chunk
            after -= chunk != PING
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    raise ConnectionAbortedError("cut on demand")
