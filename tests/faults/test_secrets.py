"""Keys stay where they belong, and no value of a caller's becomes more than a value."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import json
import logging
import os
import pickle
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, unquote, urlsplit

from werkzeug.formparser import FormDataParser

from dify_java_compat import (
    ClientConfig,
    FileUploadRequest,
    IllegalArgumentException,
    RequestsDifyChat,
)
from tests.support.facade import arguments
from tests.support.frames import ERROR, MESSAGE_END, message, response, stream
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import request

from .table import Seen, row
from .test_calls import METHODS, STREAMS

SECRET = "app-Tr0ub4dor8and3CorrectHorse"
OK = response()


def client_of(server: ScriptedServer, **config: Any) -> RequestsDifyChat:
    return RequestsDifyChat(server.url, ClientConfig(**config), api_key=SECRET)


def values_for(method: str) -> dict[str, Any]:
    """Arguments for a method, without a key of their own."""
    values = arguments(method)
    values.pop("api_key", None)
    for value in values.values():
        if hasattr(value, "api_key"):
            value.api_key = None
    return values


def outcome(client: RequestsDifyChat, method: str, **changed: Any) -> Any:
    try:
        result = getattr(client, method)(**{**values_for(method), **changed})
        return list(result) if method in STREAMS else result
    except Exception as error:
        return error


# -- where the key goes ------------------------------------------------------------------------


@row("secrets", "a .netrc file for the server", ".netrc 里有该服务端的条目")
def test_a_netrc_file_does_not_replace_the_key(seen: Seen) -> None:
    with tempfile.TemporaryDirectory() as home, ScriptedServer(always(OK)) as server:
        for name in (".netrc", "_netrc"):
            path = Path(home, name)
            path.write_text("machine 127.0.0.1 login a password b\ndefault login c password d\n")
            path.chmod(0o600)
        for where in ({"HOME": home}, {"NETRC": str(Path(home, ".netrc"))}):
            with mock.patch.dict(os.environ, where), client_of(server) as client:
                for method in METHODS:
                    outcome(client, method)
        sent = {received.headers["authorization"] for received in server.requests}
        seen.equal("Authorization", sent, {f"Bearer {SECRET}"})
        seen.figures["requests"] = len(server.requests)


@row("secrets", "cookies are set and never sent back", "服务端设置 cookie：从不回传")
def test_cookies_are_never_sent_back(seen: Seen) -> None:
    cookie = "Set-Cookie: session=1; Path=/\r\nSet-Cookie: other=2; Domain=127.0.0.1\r\n"
    statuses = ("200 OK", "400 BAD REQUEST", "500 OH", "308 THERE")
    turn = itertools.count()

    def script(peer: Peer) -> None:
        while received := peer.receive():
            status = statuses[next(turn) % len(statuses)]
            moved = f"Location: {received.target}\r\n" if status[0] == "3" else ""
            peer.send(response(status=status, headers=cookie + moved))

    with ScriptedServer(script) as server, client_of(server, max_retries=0) as client:
        for method in METHODS:
            outcome(client, method)
        seen.equal("cookies", [r for r in server.requests if "cookie" in r.headers], [])
        seen.figures["requests"] = len(server.requests)


BAD_KEYS = {
    "a line break": "app-x\r\nX-Evil: 1",
    "a line feed": "app-x\nX-Evil:1",
    "a trailing line feed": "app-x-secret\n",
    "a NUL": "app-x\0y-secret",
    "a blank": "app-x secret",
    "an accent": "app-é-secret",
    "Chinese": "app-密钥",
    "a lone surrogate": "app-\ud800-secret",
    "blanks only": "   ",
}


@row("secrets", "a key with line breaks, blanks or Chinese", "密钥含换行、空格或中文")
def test_a_key_that_no_header_can_carry_is_refused(seen: Seen) -> None:
    """Refused before anything is sent, to the client as with a call, and not repeated."""
    with ScriptedServer(always(OK)) as server, client_of(server) as client:
        for what, key in BAD_KEYS.items():
            for give in (
                lambda key=key: RequestsDifyChat(server.url, api_key=key),
                lambda key=key: client.parameters(key),
                lambda key=key: client.send(request(api_key=key)),
                lambda key=key: client.sendChatMessageStream(request(api_key=key)),
            ):
                try:
                    give()
                    seen.check(False, f"{what} was taken")
                except IllegalArgumentException as error:
                    text = f"{error!r} {error}"
                    seen.check("secret" not in text and "密钥" not in text, f"{what} is shown")
        seen.equal("connections", server.connections, 0)
    seen.ended = "IllegalArgumentException"


# -- what a caller's value can do --------------------------------------------------------------

IDS = (
    *("../x", "..%2fx", "a/b?c#d", "%2e%2e", "%2e", "%00", "a%0d%0aX: y", "//evil.example/x"),
    *("a\\b", "x;y=z", "x@y:80", "a b+c", "a\r\nX-Evil: 1", "\0", "\t"),
    *("会话-编号", "🎉", "\u2028"),
    *("&user=other", "?user=other", "#", "%", "%zz", "~", "x" * 5000, "会" * 2000, "'\"<>{}|^`"),
)
NO_IDS = ("", ".", "..", None)
ID_FIELDS = (
    *("task_id", "message_id", "conversation_id", "file_id", "annotation_id", "job_id"),
    *("variable_id", "workflow_run_id", "form_token", "end_user_id"),
)


def with_id(method: str, name: str, value: str | None) -> dict[str, Any]:
    """The arguments of a method, with that value as the id that stands in its path."""
    values = values_for(method)
    if name in values:
        return {name: value}
    for argument, dto in values.items():
        if hasattr(dto, name):
            changed = copy.copy(dto)
            setattr(changed, name, value)
            return {argument: changed}
    raise AssertionError(f"{method} has no {name}")


@row(
    "secrets",
    "ids that are paths, queries, escapes, empty, long, Chinese",
    "id 像路径、查询串或转义，或者为空、超长、含中文",
)
def test_an_id_stays_one_segment_of_the_path(seen: Seen) -> None:
    """In every method whose path has an id: one segment of the same path, or refused."""
    calls = refusals = 0
    with ScriptedServer(always(OK)) as server, client_of(server, max_retries=0) as client:
        in_paths = []
        for method in METHODS:
            outcome(client, method)
            path = urlsplit(server.requests[-1].target).path.split("/")
            in_paths += [(method, path, name) for name in ID_FIELDS if name in path]
        for (method, path, name), value in itertools.product(in_paths, IDS):
            outcome(client, method, **with_id(method, name, value))
            target = server.requests[-1].target
            segments = target.partition("?")[0].split("/")
            expected = [value if segment == name else segment for segment in path]
            seen.equal(f"{method}, {name}, {value!r:.40}", [unquote(s) for s in segments], expected)
            seen.check(target.isascii() and "#" not in target, f"{method}: {target!r:.80}")
            if "?" in target:
                users = parse_qs(target.partition("?")[2]).get("user", ["user_id"])
                seen.equal(f"{method}: user", users, ["user_id"])
            calls += 1
        before = len(server.requests)
        for (method, _, name), nothing in itertools.product(in_paths, NO_IDS):
            error = outcome(client, method, **with_id(method, name, nothing))
            refused = isinstance(error, IllegalArgumentException) and name in str(error)
            seen.check(refused, f"{method}, {name}, {nothing!r}: {error!r:.80}")
            refusals += 1
        seen.equal("sent after all", len(server.requests), before)
        seen.equal("more headers", [r for r in server.requests if "x-evil" in r.headers], [])
    seen.figures |= {"methods with an id": len(in_paths), "calls": calls, "refused": refusals}


TEXTS = (
    *("a&user=other", "x\r\nX-Evil: 1", '"},{"', "\\", "\0\x1f", "%2e%2e/", "#?&="),
    *("你好 🎉\u2028\u2029\x85", "' OR 1=1 --", "${jndi:ldap://x}", "x" * 100_000),
)


@row(
    "secrets", "texts in bodies and queries arrive as they are", "请求体和查询参数中的文字原样到达"
)
def test_texts_arrive_as_they_are(seen: Seen) -> None:
    with ScriptedServer(always(OK)) as server, client_of(server, max_retries=0) as client:
        for text in TEXTS:
            client.send(request(content=text, user_id=text, inputs={text: text}))
            body = json.loads(server.requests[-1].body)
            seen.equal(f"{text!r:.30}: query", body["query"], text)
            seen.equal(f"{text!r:.30}: user", (body["user"], body["inputs"]), (text, {text: text}))
            if len(text) > 10_000:
                continue
            client.messagesSuggested("m", user_id=text)
            query = server.requests[-1].target.partition("?")[2]
            got = parse_qs(query, keep_blank_values=True, strict_parsing=True)
            seen.equal(f"{text!r:.30}: in a query", got, {"user": [text]})
        seen.equal("more headers", [r for r in server.requests if "x-evil" in r.headers], [])
        seen.figures["requests"] = len(server.requests)


NAMES = (
    *('quo"ted.txt', "new\r\nline.txt", 'x"; filename="y.txt', "back\\slash.txt", "报告 终稿.txt"),
    *("🎉.txt", "semi;colon.txt", "per%22cent.txt", "tab\t.txt", "\u2028.txt", "a" * 300 + ".txt"),
    *('x"\r\nContent-Type: text/html\r\n\r\n<b>', "../../etc/passwd", "--boundary--", "é.txt"),
)


def escaped(name: str) -> str:
    """As browsers do it: these three, and nothing else."""
    return name.translate({10: "%0A", 13: "%0D", 34: "%22"})


@row("secrets", "file names with quotes, line breaks, Chinese", "文件名含引号、换行、中文")
def test_file_names_arrive_and_inject_nothing(seen: Seen) -> None:
    """Each form has one file, its bytes untouched, under its name, and one user."""
    with ScriptedServer(always(response(b'{"id":"f-1"}'))) as server, client_of(server) as client:
        for name in NAMES:
            file = (name, b"content", "text/plain")
            client.fileUpload(FileUploadRequest(file=file, user_id="用户"))
            received = server.requests[-1]
            boundary = received.headers["content-type"].partition("boundary=")[2]
            _, fields, files = FormDataParser().parse(
                io.BytesIO(received.body),
                "multipart/form-data",
                len(received.body),
                {"boundary": boundary},
            )
            seen.equal(f"{name!r}: fields", dict(fields), {"user": "用户"})
            seen.equal(f"{name!r}: files", list(files), ["file"])
            received_file = files["file"]
            seen.equal(f"{name!r}: name", escaped(received_file.filename or ""), escaped(name))
            seen.equal(f"{name!r}: content", received_file.read(), b"content")
            seen.equal(f"{name!r}: type", received_file.content_type, "text/plain")
            received_file.close()
    seen.figures["names"] = len(NAMES)


# -- what is shown -----------------------------------------------------------------------------


class Everything(logging.Handler):
    """All that any logger says."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextlib.contextmanager
def everything_logged() -> Iterator[list[str]]:
    handler = Everything()
    names = (None, "dify_java_compat", "urllib3", "requests")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    loggers[0].addHandler(handler)
    try:
        yield handler.lines
    finally:
        loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def echo(peer: Peer) -> None:
    """Say the key back: in a header, in a body, in an address."""
    statuses = itertools.cycle(("400 X", "500 X", "307 X", "200 OK", "401 X"))
    for status in statuses:
        received = peer.receive()
        if received is None:
            return
        key = received.headers["authorization"]
        where = f"Location: https://elsewhere.example/?{key[7:]}\r\n" if status[0] == "3" else ""
        body = json.dumps({"code": "x", "message": f"{key} is no key", "auth": key}).encode()
        peer.send(response(body, status, headers=f"{where}X-Key: {key}\r\n"))


def echo_page(peer: Peer) -> None:
    while received := peer.receive():
        page = f"<html><h1>Not for {received.headers['authorization']}</h1></html>"
        peer.send(response(page.encode(), content_type="text/html"))


def echo_stream(peer: Peer) -> None:
    received = peer.receive()
    if received is not None:
        key = received.headers["authorization"]
        error = ERROR.replace(b"Run failed", f"Run failed for {key}".encode())
        peer.send(stream(message("x"), error))


def echo_garbage(peer: Peer) -> None:
    received = peer.receive()
    if received is not None:
        peer.send(stream(message("x"), f"data: {{{received.headers['authorization']}\n\n".encode()))


def reset_after_the_request(peer: Peer) -> None:
    peer.receive()
    peer.reset()


SCENES: dict[str, Callable[[Peer], None]] = {
    "a result": always(OK),
    "a stream": always(stream(message("x"), MESSAGE_END)),
    "the key in errors": echo,
    "the key in a page": echo_page,
    "the key in an error event": echo_stream,
    "the key in an event that is none": echo_garbage,
    "closed": lambda peer: None,
    "reset": lambda peer: peer.reset(),
    "reset after the request": reset_after_the_request,
    "no HTTP": lambda peer: peer.send(b"SSH-2.0\r\n\r\n"),
    "silence": Peer.wait_closed,
    "a cut stream": always(stream(message("x"))[:-20]),
}


# in these the frames hold an event of the server's, with all that it says
ECHOING_EVENTS = {"the key in an error event", "the key in an event that is none"}


@row(
    "secrets",
    "what is logged, raised, pickled and traced has no key",
    "日志、异常、pickle 和调用栈中都没有密钥",
    seconds=600,
)
def test_no_text_shows_the_key(seen: Seen) -> None:
    """Every method in a dozen scenes: each text there is, with the locals of every frame."""
    methods = sorted({"fileUpload", "send", "parameters", *STREAMS}) if seen.short else METHODS
    texts = 0

    def look(what: str, text: str) -> None:
        nonlocal texts
        texts += 1
        found = text.find(SECRET)
        seen.check(found < 0, f"{what}: {text[max(0, found - 300) :][:400]}")

    def look_at(what: str, error: Exception, *, with_locals: bool = True) -> None:
        trace = traceback.TracebackException.from_exception(error, capture_locals=with_locals)
        look(f"{what}: the traceback", "".join(trace.format()))
        look(f"{what}: the exception", f"{error!r} {error} {vars(error)!r}")
        if with_locals:  # a partial answer has the events as they were sent
            look(f"{what}: its pickle", pickle.dumps(error).decode("latin-1"))

    config = ClientConfig(
        max_retries=0,
        read_timeout=0.2,
        sse_read_timeout=0.2,
        first_event_timeout=0.2,
        log_binary_body=True,
    )
    calls = 0
    with everything_logged() as logged:
        for (scene, script), method in itertools.product(SCENES.items(), methods):
            with ScriptedServer(script) as server:
                with RequestsDifyChat(server.url, config, api_key=SECRET) as client:
                    result = outcome(client, method)
                    look(f"{scene}: the client", f"{client!r} {vars(client)!r}")
            calls += 1
            if isinstance(result, Exception):
                whole = scene not in ECHOING_EVENTS
                look_at(f"{scene}, {method}", result, with_locals=whole)
        with RequestsDifyChat("http://127.0.0.1:9", config, api_key=SECRET) as refused:
            look_at("refused", outcome(refused, "send"))
    for line in logged:
        look("a log line", line)
    seen.figures |= {"calls": calls, "texts": texts, "log lines": len(logged)}
    seen.check(len(logged) > calls, "little was logged")
