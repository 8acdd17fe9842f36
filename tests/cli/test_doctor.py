"""`dify-chat doctor`: what it says of each way in which a server may not work."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from dify_java_compat.emulator import DifyEmulator
from tests.support import sockets
from tests.support.frames import (
    PING,
    dify_error,
    error_event,
    message,
    response,
    stream,
)
from tests.support.nginx import NGINX, nginx
from tests.support.server import Peer, ScriptedServer, always

from .history import as_server
from .processes import Live, prepared, run
from .servers import KEY, Server, held, message_end

INFO = response(b'{"name":"Mine","mode":"chat"}')
STEPS = ["address", "name", "connection", "TLS", "API", "version", "key", "app", "stream"]
STEPS += ["buffering"]
COUNTED = stream(*(message(f"{n} ") for n in range(20)), message_end(time_to_generate=0.0))


@dataclass(frozen=True)
class Report:
    """What was printed: by step, its status and text, and the advice after ` -> `."""

    code: int
    lines: dict[str, str]
    rest: str
    out: str

    @property
    def failed(self) -> str:
        """The step that failed, with its text and its advice."""
        (found,) = [
            f"{step}: {line.removeprefix('FAILED ')}"
            for step, line in self.lines.items()
            if line.startswith("FAILED ")
        ]
        return found


def examined(url: str, key: str | None = KEY, *args: str, **env: str) -> Report:
    keys = {} if key is None else {"DIFY_API_KEY": key}
    ended = run("doctor", "--url", url, *args, env={**keys, **env})
    assert ended.err == ""
    assert key is None or key.startswith("app-c") or key not in ended.out
    body, _, rest = ended.out.partition("\n\n")
    lines: dict[str, str] = {}
    step = ""
    for line in body.splitlines():
        if advice := re.match(r" +-> (.*)", line):
            lines[step] += f" -> {advice[1]}"
        else:
            status, step, text = re.split(r"  +", line, maxsplit=2)
            lines[step] = f"{status} {text}"
    assert list(lines) == STEPS[: len(lines)]
    return Report(ended.code, lines, rest.strip(), ended.out)


def failed(url: str, key: str | None = KEY, *args: str, **env: str) -> str:
    report = examined(url, key, *args, **env)
    assert report.code == 1
    return report.failed


# -- what works ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unhurried() -> Iterator[DifyEmulator]:
    """A model slow enough for its tokens to be seen apart on a busy machine."""
    with DifyEmulator(token_pause=0.04) as running:
        yield running


@pytest.mark.parametrize(
    ("app", "kind"),
    [("chat", "a chat assistant"), ("agent-chat", "an agent"), ("advanced-chat", "a chatflow")],
)
def test_all_works(unhurried: DifyEmulator, app: str, kind: str) -> None:
    report = examined(unhurried.base_url, unhurried.keys[app])
    assert report.code == 0, report.out
    assert report.rest == "everything works"
    assert report.lines["app"].endswith(f", {kind} (mode {app})")
    assert report.lines["version"] == "ok Dify 1.14.2"
    assert re.match(r"ok \d+ events, the first after [\d.]+ s, ", report.lines["stream"])
    assert re.match(r"ok none: events came one by one, at \d+ moments$", report.lines["buffering"])


def test_a_1_12_says_its_version_in_a_header() -> None:
    with DifyEmulator(version="1.12", token_pause=0) as emulator:
        report = examined(emulator.base_url, emulator.keys["chat"])
    assert (report.code, report.lines["version"]) == (0, "ok Dify 1.12.1")


def test_its_conversation_is_deleted(dify_emulator: DifyEmulator) -> None:
    assert examined(dify_emulator.base_url, dify_emulator.keys["chat"]).code == 0
    asked = [each for each in dify_emulator.requests if each.path == "/v1/chat-messages"]
    assert [each.body["auto_generate_name"] for each in asked] == [False]
    assert dify_emulator.requests[-1].method == "DELETE"


def test_nothing_is_asked_where_nothing_is_to_be_asked(dify_emulator: DifyEmulator) -> None:
    report = examined(dify_emulator.base_url, dify_emulator.keys["chat"], "--no-question")
    assert (report.code, report.rest) == (0, "everything works")
    assert report.lines["stream"] == "- no question was asked (--no-question)"
    assert {each.method for each in dify_emulator.requests} == {"GET"}


def test_the_word_may_come_behind_the_options(dify_emulator: DifyEmulator) -> None:
    env = as_server(dify_emulator, dify_emulator.keys["chat"])
    for arguments in (("--user", "ann", "doctor"), ("doctor", "--user", "ann")):
        assert "everything works" in run(*arguments, env=env).out
    ended = run("--", "doctor", env=env)  # a prompt like any other
    assert ended.out.startswith('You said: "doctor".')


def test_json(dify_emulator: DifyEmulator) -> None:
    env = as_server(dify_emulator, dify_emulator.keys["workflow"])
    ended = run("doctor", "--json", env={**env, "LC_ALL": "zh_CN.UTF-8"})
    whole: dict[str, Any] = json.loads(ended.out)
    assert (ended.code, whole["ok"]) == (1, False)
    statuses = [(each["step"], each["status"]) for each in whole["steps"]]
    assert statuses[3:] == [
        ("tls", "skipped"),
        ("api", "ok"),
        ("version", "ok"),
        ("key", "ok"),
        ("app", "failed"),
    ]
    assert whole["unchecked"] == ["stream", "buffering"]
    assert "工作流应用" in whole["steps"][-1]["advice"]


def test_chinese(dify_emulator: DifyEmulator) -> None:
    env = as_server(dify_emulator, dify_emulator.keys["chat"])
    ended = run("doctor", env={**env, "LANG": "zh_CN.UTF-8", "LC_ALL": ""})
    assert ended.code == 0
    for line in ended.out.splitlines():
        assert not re.search(r"[a-z]{3,} [a-z]{3,}", re.sub("“.*?”", "", line)), line
    assert "全部正常" in ended.out


# -- address, name, connection -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("dify.example.org:80", "must look like http://host:port or https://host/v1, not"),
        (
            "dify.example.org:80",
            "-> write http:// or https:// before it: http://dify.example.org:80",
        ),
        ("http://me:secret@host", "-> leave out the user; the key goes into DIFY_API_KEY"),
        ("http://host/v1?x=1", "-> an address looks like https://dify.example.org/v1, without ?"),
        ("http://host:99999", "-> an address looks like https://dify.example.org/v1"),
    ],
)
def test_an_address_that_is_none(url: str, says: str) -> None:
    found = failed(url)
    assert found.startswith("address: ")
    assert says in found
    assert "secret" not in found


def test_a_name_that_is_unknown() -> None:
    found = failed("http://no-such-host.invalid")
    assert found.startswith("name: no-such-host.invalid is not found: ")
    assert found.endswith("-> is it spelt right, and known to the DNS or VPN of this machine?")


def test_a_port_where_nobody_listens() -> None:
    with sockets.refusing_port() as port:
        report = examined(f"http://127.0.0.1:{port}")
    assert report.failed == (
        f"connection: 127.0.0.1 refuses connections to port {port} -> is Dify running there"
        " (docker compose ps), and is that its port? Its web server has 80 or 443, its API alone"
        " 5001"
    )
    assert report.rest == "not checked: TLS, API, version, key, app, stream, buffering"


def test_a_proxy_of_the_environment_is_named_without_its_password() -> None:
    with sockets.refusing_port() as port:
        proxy = f"http://me:geheim@127.0.0.1:{port}"
        report = examined("http://dify.invalid", http_proxy=proxy)
    assert f" (the proxy http://127.0.0.1:{port} of the environment)" in report.failed
    assert "geheim" not in report.out


# -- TLS -----------------------------------------------------------------------------------------


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate that signs itself, as most of those that people make."""
    authority = trustme.CA()
    path = folder / "own.pem"
    authority.cert_pem.write_to_path(str(path))
    key = folder / "own.key"
    authority.private_key_pem.write_to_path(str(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    return context


def test_a_certificate_that_signs_itself(tmp_path: Path) -> None:
    context = self_signed(tmp_path)
    with ScriptedServer(always(INFO), tls=context) as server:
        found = failed(server.url)
    assert re.match(r"TLS: the certificate is not accepted: self.signed certificate -> ", found)
    assert "name the certificate's file with REQUESTS_CA_BUNDLE=/path/cert.pem" in found


def test_a_certificate_of_an_own_authority() -> None:
    context, path = sockets.tls()
    with ScriptedServer(always(INFO), tls=context) as server:
        found = failed(server.url)
        assert "certificate is not accepted: unable to get local issuer certificate" in found
        assert "REQUESTS_CA_BUNDLE=/path/ca.pem in the environment" in found
        report = examined(server.url, KEY, "--no-question", REQUESTS_CA_BUNDLE=path)
        assert report.code == 0
        assert report.lines["TLS"] == "ok the certificate is accepted"


def test_a_certificate_for_another_name() -> None:
    context, path = sockets.tls()
    with ScriptedServer(always(INFO), tls=context) as server:
        url = server.url.replace("localhost", "127.0.0.1")
        found = failed(url, REQUESTS_CA_BUNDLE=path)
    assert "certificate is not valid for '127.0.0.1'" in found
    assert found.endswith(
        "-> use the name that the certificate is for, or have one made for this address"
    )


def test_http_and_https_mixed_up(dify_emulator: DifyEmulator) -> None:
    found = failed(dify_emulator.base_url.replace("http:", "https:"))
    assert found.startswith("TLS: no TLS connection comes about: ")
    assert found.endswith("-> this port speaks without TLS: write http:// in place of https://")
    context, _ = sockets.tls()
    with ScriptedServer(always(INFO), tls=context) as server:
        found = failed(server.url.replace("https:", "http:"))
    assert found.startswith("API: ")
    assert found.endswith("-> this port wants TLS: write https:// in place of http://")


# -- the API -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/dify/v1", "/v1/chat-messages", "/console/api", "/v1/v1"])
def test_a_path_where_the_api_is_not(dify_emulator: DifyEmulator, path: str) -> None:
    origin = dify_emulator.base_url.removesuffix("/v1")
    found = failed(origin + path)
    assert found == (
        "API: Dify is there, but its API is not at this path: HTTP 404 -> Dify's API is at"
        f" {origin}/v1: use that as --url"
    )


def test_a_double_slash(dify_emulator: DifyEmulator) -> None:
    url = dify_emulator.base_url.replace("/v1", "//v1")
    report = examined(url, dify_emulator.keys["chat"], "--no-question")
    assert report.code == 0
    assert report.lines["address"] == (
        f"note requests go to {dify_emulator.base_url} -> write single slashes: where a client"
        " sends a double one, Dify redirects or responds 404"
    )


def test_v1_that_is_missing_is_added(dify_emulator: DifyEmulator) -> None:
    origin = dify_emulator.base_url.removesuffix("/v1")
    report = examined(origin, dify_emulator.keys["chat"], "--no-question")
    added = "(/v1 is added; curl and other clients need it written)"
    assert report.lines["address"] == f"ok requests go to {origin}/v1 {added}"


WEB_PAGE = b"<html><title>Dify</title><body>Welcome"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            response(WEB_PAGE, content_type="text/html", headers="Server: nginx/1.22\r\n"),
            "a web page came in place of Dify's API: HTTP 200, behind nginx/1.22 -> is that the"
            " API's address? Dify shows it under API Access",
        ),
        (
            response(WEB_PAGE, "404 Not Found", "text/html"),
            "a web page came in place of Dify's API: HTTP 404 -> is that the API's address?",
        ),
        (
            response(b"<html>Bad Gateway", "502 Bad Gateway", "text/html", "Server: nginx\r\n"),
            "a proxy responds, but Dify's API behind it does not: HTTP 502, behind nginx -> on the"
            " server: docker compose ps, docker compose logs api nginx",
        ),
        (
            response(b"", "301 X", headers="Location: https://dify.example.org/v1/info\r\n"),
            "the server redirects to https://dify.example.org/v1 -> use that as --url",
        ),
        (
            response(b"<html>", "401 X", "text/html", "Via: 1.1 corp\r\n"),
            "something before Dify wants a login, or forbids it: HTTP 401, behind Via 1.1 corp",
        ),
        (
            response(b"The plain HTTP request was sent to HTTPS port", "400 X", "text/html"),
            "-> this port wants TLS: write https:// in place of http://",
        ),
        (
            b"-ERR unknown command\r\n",
            "-> what listens on that port speaks no HTTP: is the port right?",
        ),
    ],
)
def test_something_else_than_dify(answer: bytes, says: str) -> None:
    with ScriptedServer(always(answer)) as server:
        found = failed(server.url)
    assert found.startswith("API: ")
    assert says in found


def test_a_server_that_is_silent() -> None:
    def silent(peer: Peer) -> None:
        peer.receive()
        peer.closing.wait()

    how = (
        "-c",
        "import sys, dify_java_compat.cli.doctor as d; d._READ_SECONDS = 0.5;"
        " from dify_java_compat.cli.main import main; sys.exit(main())",
    )
    with ScriptedServer(silent) as server:
        ended = run("doctor", how=how, env={"DIFY_URL": server.url, "DIFY_API_KEY": KEY})
    assert ended.code == 1
    assert "nothing came for 0.5 s" in ended.out
    assert (
        "the port is open, but nothing comes: is Dify still starting, or overloaded?" in ended.out
    )


# -- key and app ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "no key given -> give --api-key, or set DIFY_API_KEY"),
        (
            KEY,
            "Access token is invalid -> in Dify open the app, then API Access, API Key, and copy",
        ),
        ("sk-1234567890", "Access token is invalid -> keys of apps begin with app-"),
        ("dataset-1234567890", "-> that is the key of a knowledge base; an app has its own"),
        ('"app-1234567890"', "-> there are quotation marks or blanks in it: leave them out"),
        ("Bearer app-1234567890", "-> give the key alone, without Bearer"),
    ],
)
def test_a_wrong_key(dify_emulator: DifyEmulator, key: str | None, says: str) -> None:
    url = dify_emulator.base_url
    keys = {} if key is None else {"DIFY_API_KEY": key}
    ended = run("doctor", "--url", url, env=keys)
    assert ended.code == 1
    assert says in re.sub(r"\n +", " ", ended.out)
    assert re.search("^FAILED  key ", ended.out, re.MULTILINE)
    assert key is None or key not in ended.out
    assert "app-1234567890" not in ended.out


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (
            "app-workflow",
            'app: "Emulator workflow" is no chat app, but of mode workflow -> it takes inputs and'
            " has no chat: use RequestsDifyWorkflow in Python, or the key of a chat assistant, an"
            " agent or a chatflow",
        ),
        (
            "app-completion",
            'app: "Emulator completion" is no chat app, but of mode completion -> text generation'
            " apps have no chat: use the key of a chat assistant, an agent or a chatflow",
        ),
        (
            "app-disabled",
            "app: status 403, forbidden: The app's API service has been disabled. -> switch the"
            " app's backend service API on, in Dify on the app's overview page",
        ),
        (
            "app-unpublished",
            "stream: status 400, invalid_param: Workflow not published -> publish the app in Dify",
        ),
    ],
)
def test_an_app_that_cannot_be_asked(dify_emulator: DifyEmulator, key: str, says: str) -> None:
    ended = run("doctor", env=as_server(dify_emulator, key))
    assert ended.code == 1
    found = re.sub(r"\n +", " ", ended.out)
    step, _, text = says.partition(": ")
    assert re.search(rf"^FAILED  {step} +{re.escape(text)}$", found, re.MULTILINE), ended.out


def test_an_app_that_wants_inputs(dify_emulator: DifyEmulator) -> None:
    ended = run("doctor", env=as_server(dify_emulator, "app-required"))
    assert ended.code == 0
    assert (
        "note    stream      status 400, invalid_param: name is required in input form" in ended.out
    )
    assert "-> the app wants inputs, which the doctor does not know" in ended.out


# -- stream and buffering ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            stream(message("a"), error_event("quota", "provider_quota_exceeded")),
            "provider_quota_exceeded: quota -> Dify took the question, and the app failed: its"
            " model's key, quota or name; see the app's logs in Dify",
        ),
        (
            stream(message("a"), message("b")),
            "-> the connection was cut after 2 events: a proxy's time limit (nginx:"
            " proxy_read_timeout 3600s), or Dify was restarted",
        ),
        (
            response(WEB_PAGE, content_type="text/html"),
            "-> a proxy in between changes the response of streams: let it pass them on",
        ),
        (
            dify_error("500 X", "unknown", "Internal Server Error"),
            "-> on the server: docker compose ps, docker compose logs api",
        ),
        (
            dify_error("400 X", "not_chat_app", "Please check if your app mode matches"),
            "-> it takes inputs and has no chat: use RequestsDifyWorkflow in Python",
        ),
    ],
)
def test_a_stream_that_fails(answer: bytes, says: str) -> None:
    with Server(info=INFO, chat_messages=answer) as server:
        found = failed(server.url)
    assert found.startswith("stream: ")
    assert says in found


needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx")


@needs_nginx
@pytest.mark.parametrize("app", ["chat", "advanced-chat"])
def test_nginx_with_its_defaults_holds_the_stream_back(
    unhurried: DifyEmulator, tmp_path: Path, app: str
) -> None:
    with nginx(unhurried.port, tmp_path) as port:
        report = examined(f"http://127.0.0.1:{port}", unhurried.keys[app])
    assert report.code == 1
    assert report.rest == "not everything works"
    assert report.failed.startswith("buffering: the stream is held back: ")
    assert ", behind nginx/" in report.failed
    assert report.failed.endswith(
        "-> nginx collects responses by default: set proxy_buffering off; in its location of /v1,"
        " and leave text/event-stream out of gzip_types"
    )
    assert ", behind nginx/" in report.lines["API"]


@needs_nginx
def test_nginx_that_passes_streams_on(unhurried: DifyEmulator, tmp_path: Path) -> None:
    with nginx(unhurried.port, tmp_path, "proxy_buffering off;") as port:
        report = examined(f"http://127.0.0.1:{port}", unhurried.keys["chat"])
    assert report.code == 0, report.out
    assert re.match("ok none: events came one by one, .* behind nginx/", report.lines["buffering"])


def test_a_short_answer_that_comes_at_once_though_the_server_spoke_for_long() -> None:
    answer = stream(*(message(f"{n} ") for n in range(20)), message_end(time_to_generate=3.0))
    with Server(info=INFO, chat_messages=answer) as server:
        found = failed(server.url)
    assert re.match(
        r"buffering: the stream is held back: the answer took 3\.0 s on the server, and its 21"
        r" events came within 0\.\d\d s -> find the proxy, gateway or virus scanner on the way",
        found,
    )


def test_a_model_that_is_fast_is_no_proxy() -> None:
    with Server(info=INFO, chat_messages=COUNTED) as server:
        report = examined(server.url)
    assert report.code == 0
    assert report.lines["buffering"] == "- the answer was too short or too fast to tell"


# -- Ctrl-C --------------------------------------------------------------------------------------


def test_ctrl_c_in_the_middle_of_the_stream_stops_the_answer() -> None:
    how = prepared(
        "import dify_java_compat.cli.arrivals as a; add = a.Arrivals.add; a.Arrivals.add = lambda"
        " *values: (add(*values), print('an event', file=sys.stderr, flush=True))"
    )
    answer = held(PING, message("one "), until=lambda server: server.stopped, then=(message_end(),))
    with Server(info=INFO, chat_messages=answer) as server:
        with Live("doctor", how=how, env=server.env) as live:
            live.err("an event")
            live.interrupt()
            ended = live.end()
        assert server.stopped.is_set()
    assert (ended.code, ended.err) == (130, "an event\n")
    assert ended.out.endswith("\nnot checked: stream, buffering\n")


def test_ctrl_c_while_a_server_is_silent() -> None:
    def silent(server: Server, peer: Peer) -> None:
        server.closing.wait()

    with Server(info=silent) as server, Live("doctor", env=server.env) as live:
        live.out("ok      connection")
        live.interrupt()
        ended = live.end()
    assert (ended.code, ended.err) == (130, "")
    assert "not checked: TLS, API, " in ended.out


def test_the_key_is_shown_nowhere() -> None:
    for key in (KEY, "dataset-like-key"):
        text = dify_error("401 X", "unauthorized", f"you sent {key}")
        with Server(info=text) as server:
            for arguments in ((), ("--json",)):
                ended = run("doctor", "--api-key", key, *arguments, env={"DIFY_URL": server.url})
                assert "you sent" in ended.out
                assert key not in ended.out + ended.err


def test_without_a_server_it_says_what_it_needs() -> None:
    ended = run("doctor")
    assert (ended.code, ended.out) == (2, "")
    assert "the doctor needs a server: --url and --api-key" in ended.err
