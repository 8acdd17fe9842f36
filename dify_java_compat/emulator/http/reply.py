"""What a handler returns, and the three JSON dialects of a Dify server."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

from ..version import Version
from .errors import ApiError

EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"
PING = b"event: ping\n\n"


@dataclass(frozen=True)
class Reply:
    """One HTTP response. An iterator as ``body`` is a stream of chunks, each sent at once."""

    status: int
    body: bytes | Iterator[bytes]
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    cors: bool = True
    dify: bool = True
    """Whether it is Dify's; another server knows none of its headers."""
    vary_cookie: bool = False
    early_headers: tuple[tuple[str, str], ...] = ()
    """The headers before that of the content type."""

    @property
    def status_line(self) -> str:
        return f"{self.status} {HTTP_STATUS_CODES[self.status].upper()}"

    def header_list(self, origin: str | None, version: Version) -> list[tuple[str, str]]:
        """The headers in the order the real server sends them."""
        headers = [*self.early_headers, ("Content-Type", self.content_type)]
        if isinstance(self.body, bytes) and self.status != 204:
            headers.append(("Content-Length", str(len(self.body))))
        headers += self.headers
        if not self.dify:
            return headers
        if self.cors:
            headers += [
                ("Access-Control-Allow-Origin", origin or "*"),
                ("Access-Control-Expose-Headers", "X-Env, X-Trace-Id, X-Version"),
            ]
            if origin:
                headers.append(("Vary", "Origin"))
        headers += [("X-Version", version.full), ("X-Env", "PRODUCTION")]
        if self.vary_cookie or version.varies_by_cookie:
            headers.append(("Vary", "Cookie"))
        return headers

    def chunks(self) -> Iterable[bytes]:
        return [self.body] if isinstance(self.body, bytes) else self.body


def json_reply(value: Any, status: int = 200, **more: Any) -> Reply:
    """JSON as ujson writes it: compact, ASCII, escaped slashes, a newline at the end."""
    text = json.dumps(value, separators=(",", ":")).replace("/", "\\/")
    return Reply(status, f"{text}\n".encode(), **more)


def blocking_reply(value: Any, *, vary_cookie: bool) -> Reply:
    """A chat's reply as a whole: plain ``json.dumps``, and the only JSON with a charset."""
    body = json.dumps(value).encode()
    return Reply(200, body, "application/json; charset=utf-8", vary_cookie=vary_cookie)


def compact(value: Any) -> str:
    """JSON as orjson writes events: compact, nothing escaped that need not be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode_event(event: Any) -> bytes:
    """One server-sent event, which is sent as one HTTP chunk."""
    return f"data: {compact(event)}\n\n".encode()


def error_reply(error: ApiError, **more: Any) -> Reply:
    body = {"code": error.code, "message": error.message, "status": error.status}
    if error.status == 401:
        more["headers"] = (("WWW-Authenticate", 'Bearer realm="api"'),)
    return json_reply(body, error.status, **more)


def options_reply(methods: Iterable[str], request_headers: Mapping[str, str]) -> Reply:
    """The methods of a path, with what a browser's preflight request asks for."""
    headers = [("Allow", ", ".join(sorted({*methods, "OPTIONS"})))]
    if request_headers.get("Access-Control-Request-Method"):
        names = request_headers.get("Access-Control-Request-Headers")
        if names:
            headers.append(("Access-Control-Allow-Headers", names))
        headers.append(("Access-Control-Allow-Methods", "DELETE, GET, OPTIONS, PATCH, POST, PUT"))
    return Reply(200, b"", HTML, tuple(headers))


def crash_reply(*, vary_cookie: bool = False) -> Reply:
    """The 500 for a bug in a handler, whose keys are in another order than those of errors."""
    body = {"message": "Internal Server Error", "code": "unknown", "status": 500}
    return json_reply(body, 500, vary_cookie=vary_cookie)
