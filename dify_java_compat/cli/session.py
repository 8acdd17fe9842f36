"""One conversation on the command line."""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO

from .._api.files import Upload
from ..client import RequestsDifyChat
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
from .progress import progress_bar
from .terminal import (
    Screen,
    first_interrupt,
    get_until,
    log_line,
    prepare_typing,
    read_line,
    summary,
)

_STOP_SECONDS = 5.0  # Dify takes one to end an answer it was told to stop


_INTERRUPT = object()


_COMMANDS = "/new begins a new conversation, /quit or Ctrl-D leaves"


class _Leave(KeyboardInterrupt):
    """The second Ctrl-C within one answer."""


class Session:
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
        log_line(f"type what you want to ask; {_COMMANDS}, Ctrl-C stops an answer")
        hinted = False
        while True:
            try:
                line = read_line().strip()
                if line == "/quit":
                    return 0
                if line == "/new":
                    self._conversation_id = None
                    log_line("a new conversation")
                elif re.fullmatch(r"/\w*", line):
                    log_line(_COMMANDS)
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
                log_line("Ctrl-C again leaves, and so does Ctrl-D")

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
        if facts := summary(answer):
            log_line(f"stopped; {facts}" if self._interrupted else facts)
        code = complain(failure, self._given.api_key) if failure else 0
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
                while (thing := get_until(came, deadline)) is not None:
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
                log_line(f"Dify did not end the answer within {_STOP_SECONDS:g} s")
            finally:
                subscription.dispose()
                if broken:
                    raise broken

    def _stop(self, task_id: str) -> None:
        try:
            self._chat.stopMessagesStream(None, task_id, self._given.user)
        except DifyException as error:
            log_line(f"the answer could not be stopped: {error.args[0]}")


def complain(error: DifyException, api_key: str | None = None) -> int:
    """One line on what went wrong; the exit code for it."""
    text = str(error.args[0]).partition(" You have requested this URI")[0]
    if api_key:
        text = text.replace(api_key, "***")
    log_line(text + _hint(error))
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
