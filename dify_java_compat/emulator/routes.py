"""The table of operations, and the way of a request through it."""

import io
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Request

from . import chat, history, media
from .calls import Call, Settings, UserPlace, authorize, json_body, user_name
from .errors import ApiError, ServerCrash, not_chat_app
from .replies import HTML, Reply, crash_reply, error_reply
from .runs import Runs
from .state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger("dify_java_compat.emulator")


@dataclass(frozen=True)
class Route:
    """One operation: where it is, who answers it, where its user stands, who may use it."""

    method: str
    path: str
    handler: Callable[[Call], Reply]
    user: UserPlace = None
    user_required: bool = False
    chat_only: bool = True


_CONVERSATION = "/conversations/<uuid:conversation_id>"
_MESSAGE = "/messages/<uuid:message_id>"
ROUTES = (
    Route("POST", "/chat-messages", chat.send, "json", user_required=True),
    Route(
        "POST", "/chat-messages/<string:task_id>/stop", chat.stop, "json", user_required=True
    ),
    Route("GET", "/messages", history.list_messages, "query"),
    Route(
        "POST", f"{_MESSAGE}/feedbacks", history.rate_message, "json",
        user_required=True, chat_only=False,
    ),
    Route(
        "GET", f"{_MESSAGE}/suggested", history.suggest_questions, "query", user_required=True
    ),
    Route("GET", "/conversations", history.list_conversations, "query"),
    Route("DELETE", _CONVERSATION, history.delete_conversation, "json"),
    Route("POST", f"{_CONVERSATION}/name", history.rename_conversation, "json"),
    Route("POST", "/text-to-audio", media.text_to_audio, "json", chat_only=False),
    Route("POST", "/audio-to-text", media.audio_to_text, "form", chat_only=False),
    Route("POST", "/files/upload", media.upload, "form", chat_only=False),
    Route("GET", "/parameters", media.parameters, chat_only=False),
    Route("GET", "/info", media.info, chat_only=False),
)  # fmt: skip


class _Request(Request):
    """A request whose uploads stay in memory, where its body is already."""

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return io.BytesIO()


class Dispatcher:
    """The WSGI application."""

    def __init__(self, state: State, runs: Runs, settings: Settings) -> None:
        self._state = state
        self._runs = runs
        self._settings = settings
        self._map = Map([Rule(f"/v1{r.path}", methods=[r.method], endpoint=r) for r in ROUTES])

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = _Request(environ)
        reply = self._reply(request)
        logger.debug("%s %s %s", request.method, request.path, reply.status)
        start_response(reply.status_line, reply.header_list(request.headers.get("Origin")))
        return reply.chunks()

    def _reply(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except ApiError as error:
            return error_reply(error)
        except RequestRedirect as redirect:
            page = redirect.get_response(request.environ)
            location = ("Location", redirect.new_url)
            return Reply(308, page.get_data(), HTML, (location,), cors=False)
        except MethodNotAllowed:
            message = "The method is not allowed for the requested URL."
            return error_reply(ApiError(405, "method_not_allowed", message), cors=False)
        except NotFound as error:
            # The framework's own page: no route has this path, or the id in it is no UUID.
            # Only the prefix itself is far enough inside to get the CORS headers.
            page = error.get_response(request.environ)
            return Reply(404, page.get_data(), HTML, cors=request.path == "/v1/")
        except HTTPException as error:
            status, name = error.code or 500, error.name.lower().replace(" ", "_")
            return error_reply(ApiError(status, name, error.description or ""))
        except ServerCrash:
            return crash_reply()
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return crash_reply()

    def _answer(self, request: Request) -> Reply:
        route, ids = self._map.bind_to_environ(request.environ).match()
        assert isinstance(route, Route)
        app = authorize(request)
        body = json_body(request) if route.user == "json" else {}
        name = user_name(request, body, route.user, required=route.user_required)
        user = self._state.end_user(app.id, name)
        if route.chat_only and not app.chats:
            raise not_chat_app()
        names = {key: str(value) for key, value in ids.items()}
        call = Call(request, app, user, body, names, self._state, self._runs, self._settings)
        return route.handler(call)
