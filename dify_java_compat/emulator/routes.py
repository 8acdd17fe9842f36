"""The table of operations, and the way of a request through it."""

import io
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Request

from .faults.kinds import Faults
from .handlers import (
    annotations,
    app_info,
    completion,
    history,
    human_forms,
    media,
    messages,
    recoup,
    variables,
    workflow_app,
    workflow_runs,
)
from .handlers.call import Call, Settings, UserPlace, authorize, json_body, json_payload, user_name
from .handlers.recoup import Recoup
from .http.errors import ApiError, Breakdown, ServerCrash, invalid_param, not_chat_app
from .http.reply import HTML, Reply, crash_reply, error_reply, options_reply
from .http.response_writer import Wire, html_page
from .model.replies import Model
from .page.page import Page
from .runs.background import Lives
from .runs.run import Runs
from .store.state import State
from .watch import Watch

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
    json: bool = False
    """Whether the body must be JSON although no user is in it."""
    chat_only: bool = False


def _of_chats(
    method: str,
    path: str,
    handler: Callable[[Call], Reply],
    user: UserPlace,
    required: bool = False,
) -> Route:
    return Route(method, path, handler, user, required, chat_only=True)


_CONVERSATION = "/conversations/<uuid:conversation_id>"
_VARIABLES = f"{_CONVERSATION}/variables"
_MESSAGE = "/messages/<uuid:message_id>"
_ANNOTATION = "/apps/annotations/<uuid:annotation_id>"
_REPLY = "/apps/annotation-reply/<string:action>"
ROUTES = (
    _of_chats("POST", "/chat-messages", messages.send, "json", True),
    _of_chats("POST", "/chat-messages/<string:task_id>/stop", messages.stop, "json", True),
    _of_chats("GET", "/messages", history.list_messages, "query"),
    Route("POST", f"{_MESSAGE}/feedbacks", history.rate_message, "json", True),
    _of_chats("GET", f"{_MESSAGE}/suggested", history.suggest_questions, "query", True),
    Route("GET", "/app/feedbacks", history.list_feedbacks),
    _of_chats("GET", "/conversations", history.list_conversations, "query"),
    _of_chats("DELETE", _CONVERSATION, history.delete_conversation, "json"),
    _of_chats("POST", f"{_CONVERSATION}/name", history.rename_conversation, "json"),
    _of_chats("GET", _VARIABLES, variables.list_variables, "query"),
    _of_chats(
        "PUT", f"{_VARIABLES}/<uuid:variable_id>", variables.update_variable, "json"
    ),
    Route("POST", "/text-to-audio", media.text_to_audio, "json"),
    Route("POST", "/audio-to-text", media.audio_to_text, "form"),
    Route("POST", "/files/upload", media.upload, "form"),
    Route("GET", "/files/<uuid:file_id>/preview", media.preview, "query"),
    Route("GET", "/parameters", app_info.parameters),
    Route("GET", "/info", app_info.info),
    Route("GET", "/meta", app_info.meta),
    Route("GET", "/site", app_info.site),
    Route("GET", "/end-users/<uuid:end_user_id>", app_info.end_user),
    Route("GET", "/apps/annotations", annotations.list_annotations),
    Route("POST", "/apps/annotations", annotations.create_annotation, json=True),
    Route("PUT", _ANNOTATION, annotations.update_annotation, json=True),
    Route("DELETE", _ANNOTATION, annotations.delete_annotation),
    Route("POST", _REPLY, annotations.switch_reply, json=True),
    Route("GET", f"{_REPLY}/status/<uuid:job_id>", annotations.reply_status),
    Route("POST", "/completion-messages", completion.complete, "json", True),
    Route(
        "POST", "/completion-messages/<string:task_id>/stop", completion.stop_completion,
        "json", True,
    ),
    Route("POST", "/workflows/run", workflow_app.run_workflow, "json", True),
    Route("POST", "/workflows/<string:workflow_id>/run", workflow_app.run_version, "json", True),
    Route(
        "POST",
        "/workflows/tasks/<string:task_id>/stop",
        workflow_app.stop_workflow,
        "json",
        True,
    ),
    Route("GET", "/workflows/run/<string:run_id>", workflow_runs.show_run),
    Route("GET", "/workflow/<uuid:run_id>/events", workflow_runs.stream_events, "query", True),
    Route("GET", "/workflows/logs", workflow_runs.list_logs),
    Route("GET", "/form/human_input/<string:form_token>", human_forms.show_form),
    Route("POST", "/form/human_input/<string:form_token>", human_forms.submit_form, "json", True),
)  # fmt: skip


@dataclass(frozen=True)
class OtherRoute:
    """An operation of another server, at the root: neither Dify's prefix nor its keys."""

    method: str
    path: str
    handler: Callable[[Request, str, Recoup], Reply]


OTHER_ROUTES = (OtherRoute("POST", "/api/chat/<string:chat_id>/stop", recoup.stop_chat),)


class _Request(Request):
    """A request whose uploads stay in memory, where its body is already."""

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return io.BytesIO()


# One for all emulators: to compile it takes most of the time in which one starts.
_MAP = Map(
    [
        *(Rule(f"/v1{one.path}", methods=[one.method], endpoint=one) for one in ROUTES),
        *(Rule(one.path, methods=[one.method], endpoint=one) for one in OTHER_ROUTES),
    ]
)


class Dispatcher:
    """The WSGI application."""

    def __init__(
        self,
        state: State,
        runs: Runs,
        lives: Lives,
        model: Model,
        settings: Settings,
        faults: Faults,
        watch: Watch,
    ) -> None:
        self._state = state
        self._runs = runs
        self._lives = lives
        self._model = model
        self._settings = settings
        self._faults = faults
        self._recoup = Recoup()
        self._watch = watch
        self._page = Page(state, watch)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = _Request(environ)
        reply = self._page.answer(request)
        if reply is None:
            reply, pieces = self._dify(request)
        else:
            pieces = reply.chunks()
        logger.debug("%s %s %s", request.method, request.path, reply.status)
        start_response(reply.status_line, reply.header_list(request.headers.get("Origin")))
        return pieces

    def _dify(self, request: Request) -> tuple[Reply, Iterable[bytes]]:
        """Dify's answer, and the pieces of it that get through."""
        body = self._watch.note(request)
        wire: Wire = request.environ["emulator.wire"]
        return self._faults.answer(
            request.method,
            request.path,
            body if isinstance(body, dict) else {},
            wire,
            lambda: self._reply(request),
        )

    def _reply(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except ApiError as error:
            return error_reply(error)
        except RequestRedirect as redirect:
            page = redirect.get_response(request.environ)
            location = ("Location", redirect.new_url)
            return Reply(308, page.get_data(), HTML, (location,), cors=False)
        except MethodNotAllowed as error:
            if request.method == "OPTIONS":
                return options_reply(error.valid_methods or (), dict(request.headers))
            message = "The method is not allowed for the requested URL."
            return error_reply(ApiError(405, "method_not_allowed", message), cors=False)
        except NotFound as error:
            # The framework's own page: no route has this path, or the id in it is no UUID.
            # Only the prefix itself is far enough inside to get the CORS headers.
            page = error.get_response(request.environ)
            return Reply(404, page.get_data(), HTML, cors=request.path == "/v1/")
        except UnicodeEncodeError as error:
            # Half a pair of surrogates, which no database stores.
            return error_reply(invalid_param(str(error)))
        except HTTPException as error:
            status, name = error.code or 500, error.name.lower().replace(" ", "_")
            return error_reply(ApiError(status, name, error.description or ""))
        except Breakdown:
            wire: Wire = request.environ["emulator.wire"]
            wire.recorded, wire.closes = html_page(500, [])
            return Reply(500, b"")
        except ServerCrash as crash:
            if crash.error is not None and self._settings.quirks:
                return error_reply(crash.error)
            if crash.instead is None or self._settings.quirks:
                return crash_reply(vary_cookie=crash.session)
            return error_reply(crash.instead)
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return crash_reply()

    def _answer(self, request: Request) -> Reply:
        route, ids = _MAP.bind_to_environ(request.environ).match()
        if isinstance(route, OtherRoute):
            return route.handler(request, ids["chat_id"], self._recoup)
        assert isinstance(route, Route)
        app = authorize(request)
        body: dict[str, Any] = {}
        if route.user == "json":
            body = json_body(request)
        elif route.json:
            body = json_payload(request)
        name = user_name(request, body, route.user, required=route.user_required)
        user = self._state.end_user(app.id, name)
        if route.chat_only and not app.chats:
            raise not_chat_app()
        names = {key: str(value) for key, value in ids.items()}
        return route.handler(
            Call(
                request, app, user, body, names,
                self._state, self._runs, self._lives, self._model, self._settings,
            )
        )  # fmt: skip
