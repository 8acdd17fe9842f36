"""The way of a request: the page, the faults, the route, its handler, and errors back."""

import io
import logging
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Request

from .faults.queue import Faults
from .handlers import app_info
from .handlers.call import Call, Settings, authorize, json_body, json_payload, user_name
from .handlers.recoup import Recoup
from .http.errors import ApiError, GatewayFailure, ServerCrash, invalid_param, not_chat_app
from .http.origin import is_foreign
from .http.reply import HTML, Reply, crash_reply, error_reply, options_reply
from .http.response_writer import ResponseWriter, html_page
from .model.replies import ReplySource
from .page.page import Page
from .routes import OTHER_ROUTES, ROUTES, OtherRoute, Route
from .runs.background import BackgroundRuns
from .runs.run import Runs
from .store.state import State
from .watch import Watch

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger: logging.Logger = logging.getLogger("dify_java_compat.emulator")

_FOREIGN = ApiError(
    403,
    "forbidden",
    "A web site, or a name that may be one's, must not use the emulator;"
    " DifyEmulator(cors=True) or --cors allows it.",
)


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
    """The WSGI application.

    A request is for the page, or else it is recorded, and a fault that is waiting for it
    happens to the response. The response is that of the handler of its route, or of the error
    that it raised.
    """

    def __init__(
        self,
        state: State,
        runs: Runs,
        background: BackgroundRuns,
        replies: ReplySource,
        settings: Settings,
        faults: Faults,
        watch: Watch,
        *,
        cors: bool = False,
    ) -> None:
        self._state = state
        self._runs = runs
        self._background = background
        self._replies = replies
        self._settings = settings
        self._faults = faults
        self._cors = cors
        self._recoup = Recoup()
        self._watch = watch
        self._page = Page(state, watch, settings.version)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = _Request(environ)
        reply = self._page.respond(request)
        if reply is None and not self._cors:
            strict = self._replies.has_model
            if is_foreign(request.headers, request.path, strict=strict):
                reply = error_reply(_FOREIGN, cors=False)
        if reply is None:
            reply, pieces = self._respond(request)
        else:
            pieces = reply.chunks()
        logger.debug("%s %s %s", request.method, request.path, reply.status)
        start_response(reply.status_line, self._headers(request, reply))
        return pieces

    def _headers(self, request: Request, reply: Reply) -> list[tuple[str, str]]:
        return reply.header_list(request.headers.get("Origin"), self._settings.version)

    def _respond(self, request: Request) -> tuple[Reply, Iterable[bytes]]:
        """Dify's response, and the pieces of its body that the faults let through."""
        body = self._watch.record(request)
        return self._faults.respond(
            request.method,
            request.path,
            body if isinstance(body, dict) else {},
            request.environ["emulator.writer"],
            lambda: self._reply(request),
        )

    def _reply(self, request: Request) -> Reply:
        """The reply of the handler, or that to the error it raised."""
        try:
            return self._handle(request)
        except HTTPException as error:
            return _framework_reply(request, error)
        except ApiError as error:
            return error_reply(error)
        except UnicodeEncodeError as error:
            # A lone surrogate, which no database stores.
            return error_reply(invalid_param(str(error)))
        except GatewayFailure:
            writer: ResponseWriter = request.environ["emulator.writer"]
            writer.recorded, writer.closes = html_page(500, [])
            return Reply(500, b"")
        except ServerCrash as crash:
            return self._crash_reply(crash)
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return crash_reply()

    def _crash_reply(self, crash: ServerCrash) -> Reply:
        if crash.error is not None and self._settings.quirks:
            return error_reply(crash.error)
        if crash.correct is None or self._settings.quirks:
            return crash_reply(vary_cookie=crash.session)
        return error_reply(crash.correct)

    def _handle(self, request: Request) -> Reply:
        if request.path == "/v1/" and self._settings.version.welcomes:
            return app_info.welcome(self._settings.version)
        route, ids = _MAP.bind_to_environ(request.environ).match()
        if isinstance(route, OtherRoute):
            return route.handler(request, ids["chat_id"], self._recoup)
        assert isinstance(route, Route)
        app = authorize(request, self._settings.version)
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
                self._state, self._runs, self._background, self._replies, self._settings,
            )
        )  # fmt: skip


def _framework_reply(request: Request, error: HTTPException) -> Reply:
    """The reply to an error of werkzeug's: no such route or method, or a body it cannot read."""
    if isinstance(error, RequestRedirect):
        page = error.get_response(request.environ)
        location = ("Location", error.new_url)
        return Reply(308, page.get_data(), HTML, (location,), cors=False)
    if isinstance(error, MethodNotAllowed):
        if request.method == "OPTIONS":
            return options_reply(error.valid_methods or (), dict(request.headers))
        message = "The method is not allowed for the requested URL."
        return error_reply(ApiError(405, "method_not_allowed", message), cors=False)
    if isinstance(error, NotFound):
        # The framework's own page: no route has this path, or the id in it is no UUID. Of these
        # only the prefix itself gets the CORS headers.
        page = error.get_response(request.environ)
        return Reply(404, page.get_data(), HTML, cors=request.path == "/v1/")
    status, name = error.code or 500, error.name.lower().replace(" ", "_")
    return error_reply(ApiError(status, name, error.description or ""))
