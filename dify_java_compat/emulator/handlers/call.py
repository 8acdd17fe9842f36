"""One request on its way to a handler: authorised, routed, its body read and its user known."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from werkzeug.wrappers import Request

from ..apps.app import App
from ..apps.catalog import APPS
from ..http.errors import ApiError, ServerCrash, bad_request, invalid_param, not_json, unauthorized
from ..model.replies import ReplySource
from ..runs.background import BackgroundRuns
from ..runs.run import Runs
from ..store.state import EndUser, State

# Where an operation looks for its user; None is an operation that knows no user.
UserPlace = Literal["json", "query", "form", None]
DEFAULT_USER = "DEFAULT-USER"
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Settings:
    """Speeds, in seconds: between two tokens, of silence before a ping, of patience with forms.

    ``quirks``: whether the real server's own faults are copied.
    """

    token_pause: float
    ping_seconds: float
    form_seconds: float
    quirks: bool


@dataclass(frozen=True)
class Call:
    """What a handler gets."""

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


def client_gone(request: Request) -> Callable[[], bool]:
    """Tells, whenever asked, whether the client has closed its connection."""
    found: Callable[[], bool] = request.environ.get("emulator.client_gone", lambda: False)
    return found


def authorize(request: Request) -> App:
    """The app whose key the request bears."""
    header = request.headers.get("Authorization", "").strip()
    if " " not in header:
        raise unauthorized("Authorization header must be provided and start with 'Bearer'")
    scheme, key = header.split(None, 1)
    if scheme.lower() != "bearer":
        raise unauthorized("Authorization scheme must be 'Bearer'")
    for app in APPS:
        if app.key == key:
            if not app.api_enabled:
                raise ApiError(403, "forbidden", "The app's API service has been disabled.")
            return app
    raise unauthorized("Access token is invalid")


def json_body(request: Request) -> dict[str, Any]:
    """The body as a JSON object, to be asked for its user."""
    body = _json(request)
    if not isinstance(body, dict):
        correct = bad_request("The body must be a JSON object.")
        raise ServerCrash("every JSON body is taken for an object", correct, session=True)
    return body


def json_payload(request: Request) -> dict[str, Any] | Any:
    """The body for a model to judge, which takes all that is empty for an empty object."""
    return _json(request) or {}


def _json(request: Request) -> Any:
    if not request.is_json:
        raise not_json()
    try:
        return json.loads(request.get_data())
    except ValueError:
        raise bad_request() from None


def user_name(
    request: Request, body: Mapping[str, Any], place: UserPlace, *, required: bool
) -> str:
    """The caller's user, or the default one where none is given and none is needed."""
    given: Any = None
    if place == "json":
        given = body.get("user")
    elif place == "query":
        given = request.args.get("user")
    elif place == "form":
        given = request.form.get("user")
    if not given and required:
        raise invalid_param("Arg user must be provided.")
    name = str(given) if given else DEFAULT_USER
    reject_nul(name)
    if len(name) > _LONGEST_NAME:
        correct = invalid_param(f"A user has at most {_LONGEST_NAME} characters.")
        raise ServerCrash("the column is too short", correct, session=True)
    return name


def reject_nul(text: str) -> None:
    """Refuse what the real server's database refuses in a text."""
    if "\0" in text:
        raise invalid_param("A string literal cannot contain NUL (0x00) characters.")
