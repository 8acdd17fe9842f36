"""The errors of a Dify server, with its own codes and wording.

An ``ApiError`` raised anywhere below a route becomes the JSON body
``{"code": ..., "message": ..., "status": ...}``.
"""

import difflib

from werkzeug.http import HTTP_STATUS_CODES

from .ids import without_ids

# Dify's framework adds "did you mean" to a 404 on a path that resembles known routes.
_LOOK_ALIKES = {
    "/v1/chat-messages": (
        "/v1/chat-messages or /api/chat-messages or /v1/chat-messages/<string:task_id>/stop"
    ),
    "/v1/messages": "/v1/messages or /v1/chat-messages or /api/messages",
    "/v1/conversations": (
        "/v1/conversations or /api/conversations or /v1/conversations/<uuid:c_id>"
    ),
    "/v1/conversations/<id>/variables": "/v1/conversations/<uuid:c_id>/variables",
}


_FORM = "/form/human_input/"
_FORM_ROUTES = ("/v1{}<token>", "/api{}<token>", "/api{}<token>/upload-token")


def _near_forms(path: str) -> str:
    """The routes of forms that resemble ``path``, as Python finds them; the nearest first."""
    if not path.startswith(f"/v1{_FORM}"):
        return ""
    routes = [route.format(_FORM) for route in _FORM_ROUTES]
    spelled = {one.replace("<token>", ""): one for one in routes}
    near = difflib.get_close_matches(path, spelled)
    return " or ".join(spelled[one].replace("<token>", "<string:form_token>") for one in near)


class ApiError(Exception):
    """A response with an error status: HTTP status, Dify's code, message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid_param(message: str) -> ApiError:
    return ApiError(400, "invalid_param", message)


def bad_request(
    message: str = "The browser (or proxy) sent a request that this server could not understand.",
    *,
    code: str = "bad_request",
) -> ApiError:
    return ApiError(400, code, message)


def unauthorized(message: str) -> ApiError:
    return ApiError(401, "unauthorized", message)


def not_found(message: str, path: str = "") -> ApiError:
    """A 404; ``path`` is the request's path, for the suffix the real server adds to some."""
    similar = _LOOK_ALIKES.get(without_ids(path)) or _near_forms(path)
    if similar:
        hint = f"You have requested this URI [{path}] but did you mean {similar} ?"
        message = f"{message.rstrip('.')}. {hint}"
    return ApiError(404, "not_found", message)


def not_chat_app() -> ApiError:
    return ApiError(
        400, "not_chat_app", "Please check if your app mode matches the right API route."
    )


def not_workflow_app() -> ApiError:
    return ApiError(
        400, "not_workflow_app", "Please check if your app mode matches the right API route."
    )


def app_unavailable() -> ApiError:
    message = "App unavailable, please check your app configurations."
    return ApiError(400, "app_unavailable", message)


def not_json() -> ApiError:
    return ApiError(
        415,
        "unsupported_media_type",
        "Did not attempt to load JSON data because the request Content-Type was not"
        " 'application/json'.",
    )


def on_demand(status: int) -> ApiError:
    """An error with that status, for a test; ``ValueError`` where it is not one of errors."""
    phrase = HTTP_STATUS_CODES.get(status)
    if phrase is None or status < 400:
        raise ValueError(f"{status} is not the status of an error")
    return ApiError(status, phrase.lower().replace(" ", "_"), f"{phrase}, on demand.")


class GatewayFailure(Exception):
    """A failure of the real server's app, for which its web server sends an HTML page."""


class ServerCrash(Exception):
    """A bug of the real server, which it meets with a 500.

    ``correct``: the error of a server without the bug. ``session``: whether it fails after it
    touched the session, which shows in a header. ``error``: the 500, where it is not the usual
    one.
    """

    def __init__(
        self,
        reason: str,
        correct: ApiError | None = None,
        *,
        session: bool = False,
        error: ApiError | None = None,
    ) -> None:
        super().__init__(reason)
        self.correct = correct
        self.session = session
        self.error = error
