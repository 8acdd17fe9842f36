"""Between the client and its server: proxies, and TLS."""

from __future__ import annotations

import base64
import contextlib
import datetime
import os
import ssl
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import trustme

from dify_java_compat import (
    ClientConfig,
    ConnectionException,
    IllegalArgumentException,
    RequestsDifyChat,
    iterate,
)
from tests.support.frames import MESSAGE_END, message, response, stream
from tests.support.proxy import forward
from tests.support.server import ScriptedServer, always
from tests.support.watching import request

from .table import Seen, row

KEY = "app-the-key-of-the-networks-rows"
OK = always(response())
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """These variables, and no others that say where to go and whom to trust."""
    ours = {name for name in os.environ if name.upper() in (*VARIABLES, "CURL_CA_BUNDLE")}
    with mock.patch.dict(os.environ, variables):
        for name in ours - set(variables):
            del os.environ[name]
        yield


def ask(seen: Seen, url: str, **config: Any) -> Exception | None:
    """Make a call by a client of its own; what it raised."""
    with RequestsDifyChat(url, ClientConfig(max_retries=0, **config), api_key=KEY) as client:
        try:
            seen.equal("answer", client.send(request()).answer, "yes")
        except Exception as error:
            return error
    return None


# -- proxies -----------------------------------------------------------------------------------


BASIC = "Basic " + base64.b64encode(b"me:hunter2-of-the-proxy").decode()


@row("calls", "a proxy, by configuration and by environment", "代理：由配置或环境变量指定")
def test_a_proxy_gets_its_password_and_the_server_the_key(seen: Seen) -> None:
    """With a password: that goes to the proxy, is in no text, and the key goes where it should."""
    ways = 0
    with ScriptedServer(OK) as proxy:
        address = proxy.url.replace("//", "//me:hunter2-of-the-proxy@")
        for where in ({"http_proxy": address}, {"all_proxy": address}, {"http": address}):
            by_config = "http" in where
            with environment(**({} if by_config else where)):
                config = {"proxies": where} if by_config else {}
                seen.equal("raised", ask(seen, "http://dify.invalid:5001", **config), None)
            received = proxy.requests[-1]
            seen.equal("target", received.target, "http://dify.invalid:5001/v1/chat-messages")
            seen.equal("to the proxy", received.headers.get("proxy-authorization"), BASIC)
            seen.equal("key", received.headers["authorization"], f"Bearer {KEY}")
            ways += 1
        with ScriptedServer(OK) as server, environment(http_proxy=address, no_proxy="127.0.0.1"):
            seen.equal("raised", ask(seen, server.url), None)
            seen.equal("past the proxy", len(server.requests), 1)
            ways += 1
        seen.equal("through the proxy", len(proxy.requests), 3)
    seen.figures["ways"] = ways


@row("calls", "TLS through a proxy: the proxy never sees the key", "经代理的 TLS：代理看不到密钥")
def test_a_tunnel_hides_the_key_from_the_proxy(seen: Seen) -> None:
    root, context = authority()
    responses = always(stream(message("through"), MESSAGE_END))
    with root.cert_pem.tempfile() as ca, environment():
        with ScriptedServer(responses, context) as server, ScriptedServer(forward) as proxy:
            config = ClientConfig(
                proxies={"https": proxy.url.replace("//", "//me:hunter2-of-the-proxy@")},
                verify=ca,
                max_retries=0,
            )
            with RequestsDifyChat(server.url, config, api_key=KEY) as client:
                items = list(iterate(client.sendChatMessageStream(request())))
            seen.events = len(items)
            seen.equal("events", [item.event for item in items], ["message", "message_end"])
            [connect] = proxy.requests
            seen.equal("method", connect.method, "CONNECT")
            seen.equal("to the proxy", connect.headers.get("proxy-authorization"), BASIC)
            seen.check(KEY not in str(connect), "the proxy got the key")
            seen.check("hunter2" not in str(server.requests), "the server got the proxy's password")


@row("calls", "a proxy that refuses", "代理拒绝连接")
def test_a_proxy_that_refuses_is_not_bypassed(seen: Seen) -> None:
    """Its password and the key are not in what is raised, nor is anything sent past it."""
    refusal = always(response(b"who are you?", "407 PROXY AUTHENTICATION REQUIRED", "text/plain"))
    with ScriptedServer(OK) as server, ScriptedServer(refusal) as proxy, environment():
        proxies = {"https": proxy.url.replace("//", "//me:hunter2-of-the-proxy@")}
        url = server.url.replace("http://127.0.0.1", "https://localhost")
        with seen.timing():
            error = ask(seen, url, proxies=proxies)
        seen.ended_with(error)
        seen.equal("connections past it", server.connections, 0)
    seen.check(isinstance(error, ConnectionException) and "407" in str(error), f"{error!r}")
    seen.check("hunter2" not in f"{error!r} {error}", "the proxy's password is shown")


# -- TLS ---------------------------------------------------------------------------------------


def authority(host: str = "localhost", **more: Any) -> tuple[trustme.CA, ssl.SSLContext]:
    root = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    root.issue_cert(host, **more).configure_cert(context)
    return root, context


def refused(seen: Seen, context: ssl.SSLContext, says: str, **config: Any) -> None:
    """Neither a GET nor a POST reaches a server that is not who it should be; each tries once."""
    with ScriptedServer(OK, context) as server:
        for call in (RequestsDifyChat.parameters, lambda client: client.send(request())):
            before = server.connections
            with RequestsDifyChat(server.url, ClientConfig(**config), api_key=KEY) as client:
                try:
                    with seen.timing():
                        call(client)
                    seen.check(False, "it was taken")
                except ConnectionException as error:
                    seen.ended_with(error)
                    seen.check(says in str(error), f"{error} does not say {says}")
            seen.equal("connections", server.connections - before, 1)
        seen.equal("requests", len(server.requests), 0)


@row("calls", "TLS: a certificate of nobody's", "TLS：证书由未知机构签发")
def test_an_unknown_authority_is_refused(seen: Seen) -> None:
    with environment():
        refused(seen, authority()[1], "CERTIFICATE_VERIFY_FAILED")


@row("calls", "TLS: the certificate of another host", "TLS：证书属于另一台主机")
def test_the_certificate_of_another_host_is_refused(seen: Seen) -> None:
    root, context = authority("another.example")
    with root.cert_pem.tempfile() as ca, environment():
        refused(seen, context, "match", verify=ca)


@row("calls", "TLS: a certificate that has expired", "TLS：证书已过期")
def test_an_expired_certificate_is_refused(seen: Seen) -> None:
    root, context = authority(not_after=datetime.datetime(2020, 1, 2))
    with root.cert_pem.tempfile() as ca, environment():
        refused(seen, context, "expired", verify=ca)


@row("calls", "TLS: an authority of one's own", "TLS：自建的证书颁发机构")
def test_an_authority_of_ones_own_is_trusted(seen: Seen) -> None:
    """By configuration and by environment; and no check at all, where that is asked for."""
    root, context = authority()
    with root.cert_pem.tempfile() as ca, ScriptedServer(OK, context) as server:
        with environment():
            seen.equal("verify", ask(seen, server.url, verify=ca), None)
        with environment(REQUESTS_CA_BUNDLE=ca):
            seen.equal("REQUESTS_CA_BUNDLE", ask(seen, server.url), None)
            seen.equal("verify=None", ask(seen, server.url, verify=None), None)
        with environment(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # urllib3 tells what verify=False means
            seen.equal("verify=False", ask(seen, server.url, verify=False), None)
        seen.figures["ways"] = len(server.requests)


@row("calls", "TLS: a file of certificates that is not there", "TLS：证书文件不存在")
def test_a_missing_certificate_file_is_named(seen: Seen) -> None:
    _, context = authority()
    with ScriptedServer(OK, context) as server, environment():
        for config in ({"verify": "/nowhere/ca.pem"}, {"cert": "/nowhere/client.pem"}):
            try:
                error = ask(seen, server.url, **config)
            except IllegalArgumentException as refusal:  # with the client, sooner than with a call
                error = refusal
            seen.ended_with(error)
            named = isinstance(error, IllegalArgumentException) and "/nowhere/" in str(error)
            seen.check(named, f"{config}: {error!r}")
        seen.equal("connections", server.connections, 0)


@row("calls", "TLS: client certificates", "TLS：客户端证书")
def test_a_client_certificate_is_sent(seen: Seen) -> None:
    """As one file and as two; a server that wants one gets no request without."""
    root, context = authority()
    root.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    ours = root.issue_cert("client@example.com")
    stranger = trustme.CA().issue_cert("client@example.com")
    with tempfile.TemporaryDirectory() as directory, environment():
        folder = Path(directory)
        root.cert_pem.write_to_path(folder / "ca.pem")
        ours.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
        ours.private_key_pem.write_to_path(folder / "key.pem")
        ours.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        stranger.private_key_and_cert_chain_pem.write_to_path(folder / "stranger.pem")
        pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        with ScriptedServer(OK, context) as server:
            for cert in (str(folder / "both.pem"), pair):
                error = ask(seen, server.url, verify=str(folder / "ca.pem"), cert=cert)
                seen.equal(f"with {cert}", error, None)
            for wrong in (None, str(folder / "stranger.pem")):
                error = ask(seen, server.url, verify=str(folder / "ca.pem"), cert=wrong)
                seen.ended_with(error)
                seen.check(type(error) is ConnectionException, f"with {wrong}: {error!r}")
            seen.equal("requests", len(server.requests), 2)
