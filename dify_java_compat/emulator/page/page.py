"""The page for a browser at ``/``, and the JSON that it is made of.

Neither is Dify's. The page calls the apps as every client does, through ``/v1``.
"""

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from werkzeug.wrappers import Request

from ..apps.app import App
from ..apps.catalog import apps_of
from ..http.origin import is_local_name
from ..http.reply import HTML, Reply, json_reply
from ..store.state import State
from ..version import Version
from ..watch import RecordedRequest, Watch, masked

_PREFIX = "/_emulator/"
# The most conversations and requests on the page, and the most characters of a body.
_MAX_ROWS = 50
_MAX_BODY = 4000
_INLINE = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)
_PLAIN = "text/plain; charset=utf-8"
_PRIVATE = (
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
)


class Page:
    """The responses for the paths that are the emulator's own."""

    def __init__(self, state: State, watch: Watch, version: Version) -> None:
        self._state = state
        self._apps = apps_of(version)
        self._watch = watch

    def respond(self, request: Request) -> Reply | None:
        """The response; None where the path is none of these."""
        if request.path == "/":
            return _page() if request.method in ("GET", "HEAD") else None
        if not request.path.startswith(_PREFIX):
            return None
        if not _is_own_page(request):
            text = b"Only the emulator's own page, under localhost or an IP address, may ask."
            return _own(403, text, _PLAIN)
        if request.path == f"{_PREFIX}state" and request.method in ("GET", "HEAD"):
            return json_reply(self._state_data(), headers=_PRIVATE, dify=False)
        return _own(404, b"There is nothing here.", _PLAIN)

    def _state_data(self) -> dict[str, Any]:
        keys = {app.id: app.key for app in self._apps}
        return {
            "apps": [_app(app) for app in self._apps],
            "conversations": [
                {
                    "id": row["id"],
                    "name": row["name"],
                    "key": keys.get(row["app_id"], ""),
                    "user": row["user"],
                    "messages": row["messages"],
                }
                for row in self._state.latest_conversations(_MAX_ROWS)
            ],
            "requests": [_request(recorded) for recorded in self._watch.requests()[-_MAX_ROWS:]],
        }


def _own(status: int, body: bytes, kind: str, *headers: tuple[str, str]) -> Reply:
    return Reply(status, body, kind, (*_PRIVATE, *headers), dify=False)


def _is_own_page(request: Request) -> bool:
    """Whether the request is not from another site, nor to a host name that may be one's."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    return is_local_name(request.headers.get("Host", ""))


@cache
def _page() -> Reply:
    """The page, under a policy that lets it run and load nothing but itself."""
    content = files("dify_java_compat.emulator.page").joinpath("page.html").read_bytes()
    allowed = {
        tag.decode(): base64.b64encode(hashlib.sha256(text).digest()).decode()
        for tag, text in _INLINE.findall(content)
    }
    policy = (
        f"default-src 'none'; script-src 'sha256-{allowed['script']}'; "
        f"style-src 'sha256-{allowed['style']}'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return _own(200, content, HTML, ("Content-Security-Policy", policy))


def _app(app: App) -> dict[str, Any]:
    marks = {
        "off": not app.api_enabled,
        "unpublished": not app.published,
        "limited": app.max_runs is not None,
        "moderated": app.moderation is not None,
    }
    fields = [
        {
            "kind": kind,
            "variable": spec["variable"],
            "label": spec["label"],
            "required": spec["required"],
            "options": list(spec.get("options") or ()),
        }
        for entry in app.parameters["user_input_form"]
        for kind, spec in entry.items()
        if not kind.startswith("file")
    ]
    return {
        "key": app.key,
        "mode": app.mode,
        "marks": [mark for mark, holds in marks.items() if holds],
        "form": fields,
    }


def _request(recorded: RecordedRequest) -> dict[str, Any]:
    """A request without its headers, every key in it masked."""
    value = recorded.body
    if isinstance(value, bytes):
        body = value[:_MAX_BODY].decode(errors="replace")
    else:
        body = "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)
    body = masked(body)
    return {
        "method": recorded.method,
        "path": masked(recorded.path),
        "query": {masked(name): masked(value) for name, value in recorded.query.items()},
        "body": body if len(body) <= _MAX_BODY else f"{body[:_MAX_BODY]}…",
    }
