"""What the responses of a server tell the doctor: rules, no I/O."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .. import (
    AppInfoResponse,
    ConnectionException,
    DecodeException,
    DifyException,
    ForbiddenException,
    HttpClientException,
    NotChatAppException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
    UnauthorizedException,
)
from .arrivals import Arrivals, Verdict
from .language import N_, tr, translated
from .report import FAILED, NOTE, OK, SKIPPED, Finding

NO_KEY = "none"  # sent where there is no key: Dify says then that it is Dify

_DOCKER = N_("on the server: docker compose ps, docker compose logs {service}")
_MODES = {
    "chat": N_("a chat assistant"),
    "agent-chat": N_("an agent"),
    "advanced-chat": N_("a chatflow"),
    "agent": N_("a new agent"),
}
_OTHER_MODES = {
    "workflow": N_(
        "it takes inputs and has no chat: use RequestsDifyWorkflow in Python, or the key of a chat"
        " assistant, an agent or a chatflow"
    ),
    "completion": N_(
        "text generation apps have no chat: use the key of a chat assistant, an agent or a chatflow"
    ),
}


class Heads:
    """An interceptor that keeps the heads of responses."""

    def __init__(self) -> None:
        self.last: Mapping[str, str] = {}
        self.status = 0
        self.version: str | None = None
        self._by_operation: dict[str, Mapping[str, str]] = {}

    def intercept(self, chain: Any) -> Any:
        """Let the request through; keep what came."""
        self.last, self.status = {}, 0
        response = chain.proceed(chain.request())
        self.last = {name.lower(): value for name, value in response.headers.items()}
        self.status = response.status
        self.version = self.last.get("x-version") or self.version
        self._by_operation[response.request.operation] = self.last
        return response

    def copied(self) -> Heads:
        """As it is now."""
        return copy.copy(self)

    def of_stream(self) -> Mapping[str, str]:
        """The head of the last stream."""
        return self._by_operation.get("sendChatMessageStream", {})


def between(head: Mapping[str, str]) -> str:
    """The proxies that say so in a response's head; empty for none."""
    server, via = head.get("server", ""), head.get("via", "")
    own = ("gunicorn", "werkzeug", "python")  # Dify's own
    names = [] if not server or server.lower().startswith(own) else [server]
    return ", ".join(names + ([f"Via {via}"] if via else []))


def behind(head: Mapping[str, str]) -> str:
    """A clause on the proxies of a response's head."""
    names = between(head)
    return tr(", behind {names}", names=names) if names else ""


def address_advice(url: str) -> str:
    """What to do about an address that is none."""
    if "@" in url:
        return tr("leave out the user; the key goes into DIFY_API_KEY or --api-key")
    if "://" not in url:
        host = url.strip().lstrip("/")
        return tr("write http:// or https:// before it: http://{host}", host=host)
    return tr("an address looks like https://dify.example.org/v1, without ? and #")


def key_advice(key: str) -> str:
    """What to do about a key that Dify does not take."""
    if key.lower().startswith("bearer"):
        return tr("give the key alone, without Bearer")
    if key.strip("\"'") != key or key.strip() != key:
        return tr("there are quotation marks or blanks in it: leave them out")
    if key.startswith("dataset-"):
        return tr("that is the key of a knowledge base; an app has its own, which begins with app-")
    if not key.startswith("app-"):
        return tr(
            "keys of apps begin with app-: in Dify open the app, then API Access, API Key; is"
            " DIFY_API_KEY set to another?"
        )
    return tr(
        "in Dify open the app, then API Access, API Key, and copy it again; it holds for that app"
        " on that server alone"
    )


def is_from_dify(failure: DifyException, head: Mapping[str, str]) -> bool:
    """Whether Dify's API sent what failed, and not something before it or in its place."""
    if not isinstance(failure, HttpClientException) or 300 <= failure.status_code < 400:
        return False
    return failure.code is not None or ("x-version" in head and failure.status_code != 404)


def other_addresses(url: str) -> list[str]:
    """Where Dify's API may be on the same server: paths that are part of this one."""
    parts = urlsplit(url.strip())
    path = re.sub(r"/+", "/", parts.path).rstrip("/")
    found = [path.partition("/v1")[0]]
    while path:
        path = path.rpartition("/")[0]
        found.append(path)
    origin = f"{parts.scheme}://{parts.netloc}"
    tried = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return [origin + each for each in dict.fromkeys(found) if each != tried]


def no_api(failure: DifyException, heads: Heads, better: str | None, wants_tls: bool) -> Finding:
    """The finding where something else than Dify's API responded, or nothing.

    `better` is where the API is; `wants_tls`: the port speaks TLS, and the address is http.
    """
    text, advice = _no_api(failure, heads)
    if wants_tls:
        advice = tr("this port wants TLS: write https:// in place of http://")
    if better is not None:
        advice = tr("Dify's API is at {url}: use that as --url", url=better)
    return Finding("api", FAILED, text, advice)


def _no_api(failure: DifyException, heads: Heads) -> tuple[str, str]:
    text, head, status = translated(str(failure.args[0])), heads.last, heads.status
    if isinstance(failure, TimeoutException):
        advice = tr("the port is open, but nothing comes: is Dify still starting, or overloaded?")
        return text, f"{advice} {tr(_DOCKER, service='api')}"
    if isinstance(failure, ConnectionException):
        return text, tr("what listens on that port speaks no HTTP: is the port right?")
    if "HTTPS port" in (getattr(failure, "response_body", None) or ""):
        return text, tr("this port wants TLS: write https:// in place of http://")
    if 300 <= status < 400:
        location = head.get("location", "").partition("?")[0].removesuffix("/info")
        text = tr("the server redirects to {url}", url=location)
        return text, tr("use that as --url, where it is Dify's")
    if status in (502, 503, 504):
        text = tr("a proxy responds, but Dify's API behind it does not: HTTP {n}", n=status)
        return text + behind(head), tr(_DOCKER, service="api nginx")
    if status in (401, 403, 407):
        text = tr("something before Dify wants a login, or forbids it: HTTP {n}", n=status)
        return text + behind(head), tr("ask whoever runs the proxy or firewall in between")
    if "x-version" in head:
        text = tr("Dify is there, but its API is not at this path: HTTP {n}", n=status)
    elif head.get("content-type", "").lower().startswith("text/html"):
        text = tr("a web page came in place of Dify's API: HTTP {n}", n=status) + behind(head)
    advice = tr(
        "is that the API's address? Dify shows it under API Access; it is another than that of"
        " Dify's own pages where these have a port of their own, and may have a path before /v1"
    )
    return text, advice


def key_and_app(
    key: str | None, failure: DifyException | None, app: AppInfoResponse | None
) -> Iterator[Finding]:
    """What Dify said when it was asked for the app of a key."""
    if key is None:
        text = tr("no key given")
        yield Finding("key", FAILED, text, tr("give --api-key, or set DIFY_API_KEY"))
        return
    if isinstance(failure, UnauthorizedException):
        yield Finding("key", FAILED, translated(str(failure.args[0])), key_advice(key))
        return
    yield Finding("key", OK, tr("the key is accepted"))
    if failure is not None:
        yield Finding("app", FAILED, translated(str(failure.args[0])), _app_advice(failure))
        return
    mode, name = app.mode if app else None, (app.name if app else None) or ""
    if mode is None:
        yield Finding("app", NOTE, tr('"{name}"; the server does not say of which kind', name=name))
    elif mode in _MODES:
        kind = tr(_MODES[mode])
        yield Finding(
            "app", OK, tr('"{name}", {kind} (mode {mode})', name=name, kind=kind, mode=mode)
        )
    else:
        text = tr('"{name}" is no chat app, but of mode {mode}', name=name, mode=mode)
        yield Finding("app", FAILED, text, tr(_OTHER_MODES.get(mode, _OTHER_MODES["completion"])))


def _app_advice(failure: DifyException) -> str:
    if isinstance(failure, ForbiddenException):
        return tr("switch the app's backend service API on, in Dify on the app's overview page")
    return tr(_DOCKER, service="api")


def stream_failure(failure: DifyException, arrivals: Arrivals) -> Finding:
    """The finding where a question had no whole answer."""
    text = translated(str(failure.args[0]))
    message = getattr(failure, "message", None) or ""
    if "required in input form" in message:
        advice = tr(
            "the app wants inputs, which the doctor does not know; give them in Python or in a"
            " batch. --no-question leaves this step out"
        )
        return Finding("stream", NOTE, text, advice)
    return Finding("stream", FAILED, text, _stream_advice(failure, message, arrivals))


def _stream_advice(failure: DifyException, message: str, arrivals: Arrivals) -> str:
    if "not published" in message or getattr(failure, "code", None) == "app_unavailable":
        return tr("publish the app in Dify")
    if isinstance(failure, NotChatAppException):
        return tr(_OTHER_MODES["workflow"])
    if isinstance(failure, StreamErrorException):
        return tr(
            "Dify took the question, and the app failed: its model's key, quota or name; see the"
            " app's logs in Dify, and Settings, Model Provider"
        )
    if isinstance(failure, TimeoutException):
        advice = tr("Dify took the question and says nothing: its model or its worker is stuck")
        return f"{advice}; {tr(_DOCKER, service='worker')}"
    if isinstance(failure, (StreamInterruptedException, ConnectionException)):
        return tr(
            "the connection was cut after {count} events: a proxy's time limit (nginx:"
            " proxy_read_timeout 3600s), or Dify was restarted",
            count=len(arrivals.times),
        )
    if isinstance(failure, DecodeException):
        return tr(
            "a proxy in between changes the response of streams: let it pass them on as they are"
        )
    return tr(_DOCKER, service="api")


def buffering(arrivals: Arrivals, head: Mapping[str, str]) -> Finding:
    """Whether something on the way held events back."""
    verdict, count = arrivals.verdict(), len(arrivals.times)
    if verdict is Verdict.ONE_BY_ONE:
        text = tr("none: events came one by one, at {count} moments", count=arrivals.moments)
        return Finding("buffering", OK, text + behind(head))
    if verdict is Verdict.UNKNOWN:
        text = tr("the answer was too short or too fast to tell") + behind(head)
        return Finding("buffering", SKIPPED, text)
    if verdict is Verdict.HELD_BACK:
        text = tr(
            "the stream is held back: the answer took {expected:.1f} s on the server, and its"
            " {count} events came within {span:.2f} s",
            expected=arrivals.expected,
            count=count,
            span=arrivals.span,
        )
    else:
        text = tr(
            "the stream is held back: its {count} events came at {moments} moments, many at once",
            count=count,
            moments=arrivals.moments,
        )
    return Finding("buffering", FAILED, text + behind(head), _buffering_advice(head))


def _buffering_advice(head: Mapping[str, str]) -> str:
    names = between(head).lower()
    if "nginx" in names or "openresty" in names:
        return tr(
            "nginx collects responses by default: set proxy_buffering off; in its location of /v1,"
            " and leave text/event-stream out of gzip_types"
        )
    return tr(
        "find the proxy, gateway or virus scanner on the way, and switch off its buffering and"
        " compression of text/event-stream (nginx: proxy_buffering off;)"
    )
