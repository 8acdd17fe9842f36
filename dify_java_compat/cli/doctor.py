"""`dify-chat doctor`: what works between this machine and a Dify app, step by step."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator

from .. import (
    ChatMessageSendRequest,
    ClientConfig,
    ConnectionException,
    DecodeException,
    DifyException,
    HttpClientException,
    IllegalArgumentException,
    RequestsDifyChat,
    TimeoutException,
)
from .._stream.driver import monotonic
from . import diagnosis
from .arrivals import Arrivals
from .language import tr, translated
from .probes import (
    connect,
    explained_tls,
    look_up,
    origin_of,
    proxy_of,
    refused,
    speaks_tls,
    tls_error,
)
from .progress import waiting
from .report import FAILED, NOTE, OK, SKIPPED, Finding, Report

_DEFAULT_URL = "http://localhost"
_READ_SECONDS = 30.0


class Doctor:
    """One examination of one server with one key."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._url: str = options.url or _DEFAULT_URL
        self._is_default = not options.url
        self._key: str | None = options.api_key
        self._user: str = options.user
        self._asks = not getattr(options, "no_question", False)
        self._report = Report(getattr(options, "json", False), [self._key or ""])
        self._heads = diagnosis.Heads()
        self._config = ClientConfig(
            max_retries=0,
            read_timeout=_READ_SECONDS,
            interceptors=[self._heads],
        )

    def run(self) -> int:
        """Print what is found; the exit code."""
        try:
            for finding in self._findings():
                self._report.add(finding)
        except KeyboardInterrupt:
            self._report.end(is_interrupted=True)
            return 130
        return 0 if self._report.end(is_interrupted=False) else 1

    def _findings(self) -> Iterator[Finding]:
        """All steps, until one fails on which the next ones rest."""
        for step in (self._address, self._connection, self._api):
            for finding in step():
                yield finding
                if finding.status == FAILED:
                    return
        with RequestsDifyChat(self._url, self._config, api_key=self._key) as chat:
            if self._asks:
                yield from self._stream(chat)
            else:
                yield Finding("stream", SKIPPED, tr("no question was asked (--no-question)"))
                yield Finding("buffering", SKIPPED, tr("only an answer shows it"))

    def _address(self) -> Iterator[Finding]:
        try:
            with RequestsDifyChat(self._url) as chat:
                base_url = chat.base_url
            origin_of(self._url)
        except (IllegalArgumentException, ValueError) as error:
            text = translated(str(error.args[0]))
            yield Finding("address", FAILED, text, diagnosis.address_advice(self._url))
            return
        text = tr("requests go to {url}", url=base_url)
        if self._is_default:
            text += tr(" (no --url given)")
        elif not self._url.rstrip("/").endswith("/v1"):
            text += tr(" (/v1 is added; curl and other clients need it written)")
        if "//" in self._url.partition("://")[2]:
            advice = tr(
                "write single slashes: where a client sends a double one, Dify redirects or"
                " responds 404"
            )
            yield Finding("address", NOTE, text, advice)
        else:
            yield Finding("address", OK, text)

    def _connection(self) -> Iterator[Finding]:
        proxy = proxy_of(self._url)
        host, port = origin_of(proxy or self._url)
        through = tr(" (the proxy {proxy} of the environment)", proxy=proxy) if proxy else ""
        try:
            with waiting(tr("looking up {host}", host=host)):
                found = look_up(host, port)
        except OSError as error:
            cause = translated(error.strerror or str(error))
            text = tr("{host} is not found: {cause}", host=host, cause=cause) + through
            advice = tr("is it spelt right, and known to the DNS or VPN of this machine?")
            yield Finding("name", FAILED, text, advice)
            return
        if found == [host]:
            yield Finding("name", SKIPPED, tr("{host} needs no look-up", host=host))
        else:
            addresses = tr(", ").join(found[:3])
            yield Finding("name", OK, tr("{host} is {addresses}", host=host, addresses=addresses))
        try:
            with waiting(tr("connecting to {host}", host=host)):
                seconds = connect(host, port)
        except OSError as error:
            text, advice = refused(error, host, port)
            yield Finding("connection", FAILED, text + through, advice)
            return
        text = tr("port {port} accepts it after {ms:.0f} ms", port=port, ms=seconds * 1000)
        yield Finding("connection", OK, text + through)

    def _api(self) -> Iterator[Finding]:
        """The steps that one request tells of: TLS, API, key, app."""
        is_tls = self._url.lower().startswith("https")
        key = self._key or diagnosis.NO_KEY
        try:
            chat = RequestsDifyChat(self._url, self._config, api_key=key)
        except IllegalArgumentException as error:
            text = translated(str(error.args[0]))
            yield Finding("key", FAILED, text, diagnosis.key_advice(self._key or ""))
            return
        with chat, waiting(tr("asking for the app")):
            try:
                app, failure = chat.info(), None
            except DifyException as error:
                app, failure = None, error
        tls = tls_error(failure) if failure else None
        if tls is not None:
            yield Finding("tls", FAILED, *explained_tls(tls))
            return
        if is_tls and not isinstance(failure, (ConnectionException, TimeoutException)):
            yield Finding("tls", OK, tr("the certificate is accepted"))
        elif not is_tls:
            yield Finding("tls", SKIPPED, tr("http: nothing is encrypted, the key included"))
        head, seen = self._heads.last, self._heads.copied()
        if failure is not None and not diagnosis.is_from_dify(failure, head):
            better, wants_tls = None, False
            with waiting(tr("looking for Dify's API")):
                if isinstance(failure, (HttpClientException, DecodeException)):
                    better = self._find_api(key)
                elif not is_tls and not proxy_of(self._url):
                    wants_tls = speaks_tls(*origin_of(self._url))
            yield diagnosis.no_api(failure, seen, better, wants_tls)
            return
        yield Finding("api", OK, tr("Dify's API responds") + diagnosis.behind(head))
        with chat:
            yield self._version(chat)
        yield from diagnosis.key_and_app(self._key, failure, app)

    def _find_api(self, key: str) -> str | None:
        """Another address of the same server where Dify's API is."""
        for url in diagnosis.other_addresses(self._url):
            with RequestsDifyChat(url, self._config, api_key=key) as chat:
                failure: DifyException | None = None
                try:
                    chat.info()
                except DifyException as error:
                    failure = error
                if failure is None or diagnosis.is_from_dify(failure, self._heads.last):
                    return chat.base_url
        return None

    def _version(self, chat: RequestsDifyChat) -> Finding:
        header = self._heads.version
        version = None
        with contextlib.suppress(DifyException):
            version = chat.serverInfo().server_version
        if version or header:
            return Finding("version", OK, f"Dify {version or header}")
        text = tr("the server does not say it")
        return Finding("version", SKIPPED, text)

    def _stream(self, chat: RequestsDifyChat) -> Iterator[Finding]:
        request = ChatMessageSendRequest(
            user_id=self._user,
            content=tr("Count from one to thirty in words."),
            auto_generate_name=False,  # which 1.12 waits for before the first event
        )
        arrivals, failure = Arrivals(), None
        with waiting(tr("asking a question")):
            try:
                self._ask(chat, request, arrivals)
            except DifyException as error:
                failure = error
        if failure is not None:
            yield diagnosis.stream_failure(failure, arrivals)
            return
        yield Finding(
            "stream",
            OK,
            tr(
                "{count} events, the first after {first:.2f} s, the last after {last:.2f} s",
                count=len(arrivals.times),
                first=arrivals.times[0],
                last=arrivals.times[-1],
            ),
        )
        yield diagnosis.buffering(arrivals, self._heads.of_stream())

    def _ask(
        self, chat: RequestsDifyChat, request: ChatMessageSendRequest, arrivals: Arrivals
    ) -> None:
        """Read the whole answer, and delete its conversation; Ctrl-C stops it on the server."""
        task = conversation = ""
        began = monotonic()
        events = iter(chat.sendChatMessageStream(request))
        try:
            with contextlib.closing(events):
                for event in events:
                    task = event.task_id or task
                    conversation = event.conversation_id or conversation
                    arrivals.add(monotonic() - began, event)
        except KeyboardInterrupt:
            if task:
                with contextlib.suppress(DifyException):
                    chat.stopMessagesStream(None, task, self._user)
            raise
        finally:
            if conversation:
                with contextlib.suppress(DifyException):
                    chat.deleteConversation(conversation, None, self._user)
