"""What the emulator saw: the last requests."""

import json
import re
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

_KEPT = 1000
_SECRET_HEADERS = ("authorization", "x-api-key")
_KEY = re.compile(r"\b(app|recoup)-[\w-]+")


def masked(text: str) -> str:
    """The text without the keys in it."""
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
    headers: Headers
    body: Any

    def __repr__(self) -> str:
        shown = f"{self.query!r}, headers={self.headers!r}, body={self.body!r}"
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
    """The last requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=_KEPT)

    def note(self, request: Request) -> Any:
        """Keep the request; its body."""
        body: Any = None
        with suppress(HTTPException):
            # A body that cannot be read is the handler's affair.
            body = _body(request)
        seen = Seen(
            request.method,
            request.path,
            request.args.to_dict(),
            Headers(request.headers),
            body,
        )
        with self._lock:
            self._seen.append(seen)
        return body

    def requests(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)
