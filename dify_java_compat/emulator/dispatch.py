"""The way of a request: the page, the faults, the route, its handler, and errors back."""

import io
import logging
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Request

from .faults.queue import Faults
from .handlers.call import Call, Settings, authorize, json_body, json_payload, user_name
from .handlers.recoup import Recoup
from .http.errors import ApiError, GatewayFailure, ServerCrash, invalid_param, not_chat_app
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

logger = logging.getLogger("dify_java_compat.emulator")


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
        background: BackgroundRuns,
        replies: ReplySource,
        settings: Settings,
        faults: Faults,
        watch: Watch,
    ) -> None:
        self._state = state
        self._runs = runs
        self._background = background
        self._replies = replies
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
        body = self._watch.record(request)
        writer: ResponseWriter = request.environ["emulator.writer"]
        return self._faults.respond(
            request.method,
            request.path,
            body if isinstance(body, dict) else {},
            writer,
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
        except GatewayFailure:
            writer: ResponseWriter = request.environ["emulator.writer"]
            writer.recorded, writer.closes = html_page(500, [])
            return Reply(500, b"")
        except ServerCrash as crash:
            if crash.error is not None and self._settings.quirks:
                return error_reply(crash.error)
            if crash.correct is None or self._settings.quirks:
                return crash_reply(vary_cookie=crash.session)
            return error_reply(crash.correct)
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
                self._state, self._runs, self._background, self._replies, self._settings,
            )
        )  # fmt: skip
