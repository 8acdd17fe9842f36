"""What a handler gets of a request: its app, its user, its body, and the emulator's parts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from werkzeug.wrappers import Request

from ..apps.app import App
from ..apps.catalog import apps_of
from ..http.errors import ApiError, ServerCrash, bad_request, invalid_param, not_json, unauthorized
from ..http.payload import Payload
from ..model.replies import ReplySource
from ..runs.background import BackgroundRuns
from ..runs.run import Runs
from ..store.state import EndUser, State
from ..version import Version

# Where in the request an operation has its user; None where it has no user.
UserLocation = Literal["json", "query", "form", None]
DEFAULT_USER = "DEFAULT-USER"
_MAX_NAME = 255


@dataclass(frozen=True)
class Settings:
    """The emulator's settings.

    ``token_pause``: seconds between two tokens. ``ping_seconds``: the silence after which a
    stream sends a ping. ``form_seconds``: how long a form waits. ``linger_seconds``: how long a
    stream stays open that has no end. ``quirks``: whether the bugs of the real server are copied.
    ``version``: which server it is.
    """

    token_pause: float
    ping_seconds: float
    form_seconds: float
    linger_seconds: float
    quirks: bool
    version: Version


@dataclass(frozen=True)
class Call:
    """What a handler gets. ``ids`` are those in the path, by name."""

    request: Request
    app: App
    user: EndUser
    body: Mapping[str, Any]
    ids: Mapping[str, str]
    state: State
    runs: Runs
    background: BackgroundRuns
    replies: ReplySource
    settings: Settings

    @property
    def version(self) -> Version:
        return self.settings.version

    def payload(self, name: str) -> Payload:
        """The body, to be validated; ``name``: that of the real server's model."""
        return Payload(name, self.body, self.version.pydantic)

    def query(self, name: str) -> Payload:
        """The query, to be validated."""
        return Payload(name, self.request.args.to_dict(), self.version.pydantic)


def client_gone(request: Request) -> Callable[[], bool]:
    """A function that says whether the client has closed its connection."""
    check: Callable[[], bool] = request.environ.get("emulator.client_gone", lambda: False)
    return check


def authorize(request: Request, version: Version) -> App:
    """The app whose key the request has; ``ApiError`` where there is none."""
    header = request.headers.get("Authorization", "").strip()
    if " " not in header:
        raise unauthorized("Authorization header must be provided and start with 'Bearer'")
    scheme, key = header.split(None, 1)
    if scheme.lower() != "bearer":
        raise unauthorized("Authorization scheme must be 'Bearer'")
    for app in apps_of(version):
        if app.key == key:
            if not app.api_enabled:
                raise ApiError(403, "forbidden", "The app's API service has been disabled.")
            return app
    raise unauthorized("Access token is invalid")


def json_body(request: Request) -> dict[str, Any]:
    """The body, which must be a JSON object because its user is in it."""
    body = _json(request)
    if not isinstance(body, dict):
        correct = bad_request("The body must be a JSON object.")
        raise ServerCrash("every JSON body is taken for an object", correct, session=True)
    return body


def json_payload(request: Request) -> dict[str, Any] | Any:
    """The body for a ``Payload`` to validate; whatever is empty counts as an empty object."""
    return _json(request) or {}


def _json(request: Request) -> Any:
    if not request.is_json:
        raise not_json()
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):  # or one that nests too deep
        raise bad_request() from None


def user_name(
    request: Request, body: Mapping[str, Any], location: UserLocation, *, required: bool
) -> str:
    """The user of the request; the default one where it names none and none is required."""
    value: Any = None
    if location == "json":
        value = body.get("user")
    elif location == "query":
        value = request.args.get("user")
    elif location == "form":
        value = request.form.get("user")
    if not value and required:
        raise invalid_param("Arg user must be provided.")
    name = str(value) if value else DEFAULT_USER
    reject_nul(name)
    if len(name) > _MAX_NAME:
        correct = invalid_param(f"A user has at most {_MAX_NAME} characters.")
        raise ServerCrash("the column is too short", correct, session=True)
    return name


def reject_nul(text: str) -> None:
    """``ApiError`` for a NUL, which the real server's database does not take in a text."""
    if "\0" in text:
        raise invalid_param("A string literal cannot contain NUL (0x00) characters.")
