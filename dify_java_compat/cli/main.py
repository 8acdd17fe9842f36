"""The command line: one question, or a session of them, to a Dify server or to the emulator."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, NoReturn

from .._api.files import Upload
from ..client import RequestsDifyChat
from ..config import ClientConfig
from ..errors import (
    ConnectionException,
    DecodeException,
    DifyException,
    HttpClientException,
    IllegalArgumentException,
    NotChatAppException,
    NotFoundException,
    UnauthorizedException,
)
from ..models.requests import ChatMessageSendRequest, FileUploadRequest
from .terminal import (
    PROG,
    Screen,
    abandon_stdout,
    facts_of,
    first_interrupt,
    next_of,
    prepare_typing,
    progress_bar,
    say,
    set_up_streams,
    typed,
)

_APPS = {"chat": "chat", "agent": "agent-chat", "chatflow": "advanced-chat"}
_TOKEN_PAUSE = 0.02  # the emulator types about as fast as a model
_STOP_SECONDS = 5.0  # Dify takes one to end an answer it was told to stop
_INTERRUPT = object()
_COMMANDS = "/new begins a new conversation, /quit or Ctrl-D leaves"
_EXAMPLES = """\
examples:
  dify-chat "你好"                          ask the embedded emulator
  dify-chat --url https://dify.example.org  a session (the key is in DIFY_API_KEY)
  dify-chat --file plan.pdf "Sum this up"
  git diff | dify-chat --user ci > review.md

exit status: 0, 1 (an error from Dify), 2 (usage), 130 (Ctrl-C)
"""


class _Leave(KeyboardInterrupt):
    """The second Ctrl-C within one answer."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        say(f"{message} (see {PROG} --help)")
        self.exit(2)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(PROG, version("dify_java_compat"))
        except PackageNotFoundError:
            print(PROG, "(not installed, so of unknown version)")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROG,
        description="Ask a Dify app. Without --url and --api-key an embedded emulator answers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("prompt", nargs="?", help="what to ask; - or a pipe: from stdin; none: a session")
    add("--url", help="the server, with or without /v1 (DIFY_URL; http://localhost)")
    add("--api-key", metavar="KEY", help="the app's key; DIFY_API_KEY hides it from other users")
    add("--app", choices=_APPS, help="which app of the emulator answers (chat)")
    add("--user", default=PROG, help="whom the conversation belongs to (%(default)s)")
    add("--conversation", metavar="ID", help="go on with this conversation of that user")
    add("--file", action="append", default=[], metavar="PATH", help="send a file along; repeatable")
    add("--blocking", action="store_true", help="wait for the whole answer; agents refuse that")
    add("--events", action="store_true", help="print the events, a JSON object a line")
    add("--version", action=_Version, nargs=0, help="print the version and leave")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = _parser()
    given = parser.parse_args(argv)
    try:
        with contextlib.ExitStack() as stack:
            return _run(parser, given, stack)
    except KeyboardInterrupt:
        return 130
    except DifyException as error:
        return _complain(error)
    except OSError as error:  # the network's are DifyExceptions
        abandon_stdout()
        if isinstance(error, BrokenPipeError):
            return 0  # whoever reads has enough
        say(f"this cannot go on: {error.strerror or error}")
        return 1


def _run(
    parser: argparse.ArgumentParser, given: argparse.Namespace, stack: contextlib.ExitStack
) -> int:
    for name in ("url", "api_key", "user"):
        if getattr(given, name) == "":
            parser.error(f"--{name.replace('_', '-')} must not be empty")
    given.url = given.url or os.environ.get("DIFY_URL")
    given.api_key = given.api_key or os.environ.get("DIFY_API_KEY")
    if given.url and not given.api_key:
        parser.error("a server wants the key of an app: give --api-key or set DIFY_API_KEY")
    if given.api_key and given.app:
        parser.error("--app is for the emulator, but --api-key or DIFY_API_KEY is for a server")
    if sys.stdout is None:
        parser.error("stdout is closed")
    set_up_streams(given.events)
    files: list[BinaryIO] = []
    try:
        for path in given.file:
            files.append(stack.enter_context(open(path, "rb")))  # noqa: SIM115
    except OSError as error:
        parser.error(f"{error.filename} cannot be read: {error.strerror}")
    if given.prompt is None and sys.stdin is not None and sys.stdin.isatty():
        return _Session(_connected(given, stack), given, files).run()
    prompt = given.prompt or ""
    if given.prompt in (None, "-") and sys.stdin is not None:
        prompt = sys.stdin.read().rstrip("\r\n")
    if not prompt.strip():
        parser.error("the prompt is empty")
    return _Session(_connected(given, stack), given, files).ask(prompt)


def _connected(given: argparse.Namespace, stack: contextlib.ExitStack) -> RequestsDifyChat:
    """A client of the server that is named, or else of an emulator that ends with `stack`."""
    url, key, config = given.url, given.api_key, ClientConfig()
    if not key:
        try:
            from ..emulator import DifyEmulator
        except ImportError as error:
            say(f"{error}; or name a server with --url and --api-key")
            raise SystemExit(1) from None
        app = given.app or "chat"
        emulator = stack.enter_context(DifyEmulator(token_pause=_TOKEN_PAUSE))
        url, key = emulator.base_url, emulator.keys[_APPS[app]]
        config.proxies = {"http": ""}  # no proxy leads to this machine
        say(f"no --url and --api-key given: the embedded emulator answers ({app} app, {url})")
    chat = stack.enter_context(RequestsDifyChat(url, config, api_key=key))
    if not url:
        say(f"no --url given: asking {chat.base_url}")
    return chat


class _Session:
    """One user's conversation with one app."""

    def __init__(
        self, chat: RequestsDifyChat, given: argparse.Namespace, files: list[BinaryIO]
    ) -> None:
        self._chat = chat
        self._given = given
        self._files = files
        self._conversation_id: str | None = given.conversation or None
        self._interrupted = False

    def run(self) -> int:
        """Ask whatever is typed, until /quit, Ctrl-D or Ctrl-C twice."""
        prepare_typing()
        say(f"type what you want to ask; {_COMMANDS}, Ctrl-C stops an answer")
        hinted = False
        while True:
            try:
                line = typed().strip()
                if line == "/quit":
                    return 0
                if line == "/new":
                    self._conversation_id = None
                    say("a new conversation")
                elif re.fullmatch(r"/\w*", line):
                    say(_COMMANDS)
                elif line:
                    hinted = False
                    self.ask(line)
            except EOFError:
                print(file=sys.stderr)
                return 0
            except _Leave:
                raise
            except KeyboardInterrupt:
                print(file=sys.stderr)
                if hinted:
                    raise
                hinted = True
                say("Ctrl-C again leaves, and so does Ctrl-D")

    def ask(self, prompt: str) -> int:
        """Show the answer to `prompt`; the exit code."""
        screen, failure, self._interrupted = Screen(self._given.events), None, False
        try:
            request = self._request(prompt)
            if self._given.blocking:
                screen.show_whole(self._chat.send(request))
            else:
                self._stream(request, screen)
        except DifyException as error:
            failure = error
        answer = screen.end()
        self._conversation_id = answer.conversation_id or self._conversation_id
        if facts := facts_of(answer):
            say(f"stopped; {facts}" if self._interrupted else facts)
        code = _complain(failure, self._given.api_key) if failure else 0
        return 130 if self._interrupted else code

    def _request(self, prompt: str) -> ChatMessageSendRequest:
        user = self._given.user
        files = []
        for file in self._files:
            if file.seekable():
                file.seek(0)  # an upload may have failed before
            with progress_bar(file.name) as progress:
                upload = FileUploadRequest(user_id=user, file=Upload(file, progress))
                uploaded = self._chat.fileUpload(upload)
            files.append(
                ChatMessageSendRequest.ChatMessageFile(
                    upload_file_id=uploaded.id, mime_type=uploaded.mime_type
                )
            )
        self._files = []  # a session sends them once
        return ChatMessageSendRequest(
            user_id=user,
            content=prompt,
            conversation_id=self._conversation_id,
            files=files or None,
        )

    def _stream(self, request: ChatMessageSendRequest, screen: Screen) -> None:
        """Show a stream as it comes.

        Dify keeps a part of an answer only if it is told to stop and then read to the end. So the
        first Ctrl-C, or an output that breaks, leaves the subscription alone.
        """
        came: SimpleQueue[Any] = SimpleQueue()  # its put() may run in a signal handler
        broken: OSError | None = None
        stop: threading.Thread | None = None
        deadline, task_id = None, None

        def interrupt() -> None:
            self._interrupted = True
            came.put(_INTERRUPT)

        with first_interrupt(interrupt, _Leave):
            stream = self._chat.sendChatMessageStream(request)
            subscription = stream.subscribe(came.put, came.put, lambda: came.put(None))
            try:
                while (thing := next_of(came, deadline)) is not None:
                    if isinstance(thing, Exception):
                        raise thing
                    if thing is not _INTERRUPT and not broken:
                        task_id = task_id or thing.task_id
                        try:
                            screen.show(thing)
                        except OSError as error:
                            broken = error
                    if self._interrupted or broken:
                        deadline = deadline or time.monotonic() + _STOP_SECONDS
                        if task_id and stop is None:
                            stop = threading.Thread(target=self._stop, args=(task_id,), daemon=True)
                            stop.start()
            except Empty:
                say(f"Dify did not end the answer within {_STOP_SECONDS:g} s")
            finally:
                subscription.dispose()
                if broken:
                    raise broken

    def _stop(self, task_id: str) -> None:
        try:
            self._chat.stopMessagesStream(None, task_id, self._given.user)
        except DifyException as error:
            say(f"the answer could not be stopped: {error.args[0]}")


def _complain(error: DifyException, api_key: str | None = None) -> int:
    """One line on what went wrong; the exit code for it."""
    text = str(error.args[0]).partition(" You have requested this URI")[0]
    if api_key:
        text = text.replace(api_key, "***")
    say(text + _hint(error))
    return 2 if isinstance(error, IllegalArgumentException) else 1


def _hint(error: DifyException) -> str:
    if isinstance(error, UnauthorizedException):
        return " - is the API key right?"
    if isinstance(error, NotChatAppException):
        return " - the key must be that of a chat app"
    if isinstance(error, HttpClientException) and "blocking mode" in (error.message or ""):
        return " - leave out --blocking"
    is_html = isinstance(error, NotFoundException) and error.code is None
    if is_html or isinstance(error, DecodeException):
        return " - is that the address of a Dify API?"
    if isinstance(error, ConnectionException) or getattr(error, "phase", "") == "connect":
        return " - is Dify running there?"
    return ""
