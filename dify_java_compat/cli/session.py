"""One conversation on the command line."""

from __future__ import annotations

import argparse
import re
import threading
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO

from .. import (
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ConnectionException,
    DecodeException,
    DifyException,
    FileUploadRequest,
    HttpClientException,
    IllegalArgumentException,
    NotChatAppException,
    NotFoundException,
    RequestsDifyChat,
    StreamInterruptedException,
    UnauthorizedException,
    Upload,
)
from .._stream.driver import monotonic
from .language import N_, tr, translated
from .progress import progress_bar
from .terminal import (
    Screen,
    first_interrupt,
    get_until,
    log_line,
    prepare_typing,
    print_remark,
    read_line,
    summary,
)

_STOP_SECONDS = 5.0  # Dify takes one second to end an answer after a stop
_COMMANDS = N_("/new begins a new conversation, /quit or Ctrl-D leaves")
_INTERRUPT = object()


class _SecondInterrupt(KeyboardInterrupt):
    """Ctrl-C for the second time within one answer."""


class Session:
    """One user's conversation with one app."""

    def __init__(
        self, chat: RequestsDifyChat, options: argparse.Namespace, files: list[BinaryIO]
    ) -> None:
        self._chat = chat
        self._options = options
        self._files = files
        self._conversation_id: str | None = options.conversation or None

    def run(self) -> int:
        """Ask what is typed, line by line, until /quit, Ctrl-D or Ctrl-C twice; the exit code."""
        prepare_typing()
        log_line(
            tr(
                "type what you want to ask; {commands}, Ctrl-C stops an answer",
                commands=tr(_COMMANDS),
            )
        )
        hinted = False
        while True:
            try:
                line = read_line().strip()
                if line == "/quit":
                    return 0
                if line == "/new":
                    self._conversation_id = None
                    log_line(tr("a new conversation"))
                elif re.fullmatch(r"/\w*", line):
                    log_line(tr(_COMMANDS))
                elif line:
                    hinted = False
                    self.ask(line)
            except EOFError:
                print_remark("\n")
                return 0
            except _SecondInterrupt:
                raise
            except KeyboardInterrupt:
                print_remark("\n")
                if hinted:
                    raise
                hinted = True
                log_line(tr("Ctrl-C again leaves, and so does Ctrl-D"))

    def ask(self, prompt: str) -> int:
        """Ask `prompt` and show the answer; the exit code."""
        screen, failure = Screen(self._options.events), None
        stream = _StreamOnScreen(self._chat, self._options.user, screen)
        try:
            request = self._request(prompt)
            if self._options.blocking:
                screen.show_whole(self._chat.send(request))
            else:
                stream.show(request)
        except DifyException as error:
            failure = error
        response = screen.end()
        self._conversation_id = response.conversation_id or self._conversation_id
        if facts := summary(response):
            log_line(tr("stopped; ") + facts if stream.interrupted else facts)
        code = complain(failure, self._options.api_key) if failure else 0
        return 130 if stream.interrupted else code

    def _request(self, prompt: str) -> ChatMessageSendRequest:
        """The request for `prompt`, with the files, which are uploaded for it."""
        user = self._options.user
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
        self._files = []  # only the first question of a session has them
        return ChatMessageSendRequest(
            user_id=user,
            content=prompt,
            conversation_id=self._conversation_id,
            files=files or None,
        )


class _StreamOnScreen:
    """Shows one stream as it arrives, in the main thread.

    Dify keeps a part of an answer only if its run is stopped and the stream then read to the end.
    So the first Ctrl-C, or an output that breaks, stops the run and keeps the subscription.
    """

    def __init__(self, chat: RequestsDifyChat, user: str, screen: Screen) -> None:
        self._chat = chat
        self._user = user
        self._screen = screen
        # items, an exception, None at the end, _INTERRUPT; put() may run in a signal handler
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._broken: OSError | None = None
        self._task_id: str | None = None
        self._deadline: float | None = None  # once the run is to be stopped
        self._stop_thread: threading.Thread | None = None
        self.interrupted = False

    def show(self, request: ChatMessageSendRequest) -> None:
        """Show the stream of `request` to its end, or for at most _STOP_SECONDS from a Ctrl-C on.

        Raises what the stream ends with; the OSError of an output that broke, whatever follows it.
        """
        put = self._inbox.put
        with first_interrupt(self._interrupt, _SecondInterrupt):
            stream = self._chat.sendChatMessageStream(request)
            subscription = stream.subscribe(put, put, lambda: put(None))
            try:
                self._read_inbox()
            except Empty:
                log_line(
                    tr("Dify did not end the answer within {seconds:g} s", seconds=_STOP_SECONDS)
                )
            except BaseException:
                if self._broken is None:
                    raise
            finally:
                subscription.dispose()
        if self._broken is not None:
            raise self._broken

    def _interrupt(self) -> None:
        self.interrupted = True
        self._inbox.put(_INTERRUPT)

    def _read_inbox(self) -> None:
        """Handle what arrives until the end; Empty where that is not before the deadline."""
        while (message := get_until(self._inbox, self._deadline)) is not None:
            if isinstance(message, Exception):
                raise message
            if message is not _INTERRUPT and self._broken is None:
                self._show_item(message)
            if self.interrupted or self._broken is not None:
                self._stop()

    def _show_item(self, item: ChatMessageSendCompletionResponse) -> None:
        self._task_id = self._task_id or item.task_id
        try:
            self._screen.show(item)
        except OSError as error:
            self._broken = error

    def _stop(self) -> None:
        """Begin to stop the run, once, as soon as its task is known."""
        if self._deadline is None:
            self._deadline = monotonic() + _STOP_SECONDS
        if self._task_id and self._stop_thread is None:
            self._stop_thread = threading.Thread(
                target=self._call_stop, args=(self._task_id,), daemon=True
            )
            self._stop_thread.start()

    def _call_stop(self, task_id: str) -> None:
        try:
            self._chat.stopMessagesStream(None, task_id, self._user)
        except DifyException as error:
            cause = translated(str(error.args[0]))
            log_line(tr("the answer could not be stopped: {cause}", cause=cause))


def complain(error: DifyException, api_key: str | None = None) -> int:
    """One line on what went wrong; the exit code for it."""
    text = str(error.args[0]).partition(" You have requested this URI")[0]
    if api_key:
        text = text.replace(api_key, "***")
    log_line(translated(text) + hint(error))
    return 2 if isinstance(error, IllegalArgumentException) else 1


def hint(error: DifyException) -> str:
    """What to do about an error, as far as its class tells."""
    if isinstance(error, UnauthorizedException):
        return tr(" - is the API key right? dify-chat doctor says more")
    if isinstance(error, NotChatAppException):
        return tr(" - the key must be that of a chat app")
    if isinstance(error, HttpClientException) and "blocking mode" in (error.message or ""):
        return tr(" - leave out --blocking")
    if isinstance(error, HttpClientException) and "input form" in (error.message or ""):
        return tr(" - the app wants inputs, which a question of --batch can have")
    if isinstance(error, NotFoundException) and "Conversation" in (error.message or ""):
        return tr(" - is it a conversation of this app and of this --user?")
    is_html = isinstance(error, NotFoundException) and error.code is None
    if is_html or isinstance(error, DecodeException):
        return tr(" - is that the address of a Dify API? dify-chat doctor says more")
    if isinstance(error, (ConnectionException, StreamInterruptedException)) and _has_begun(error):
        return tr(" - was Dify restarted, or has a proxy a time limit?")
    if isinstance(error, ConnectionException) or getattr(error, "phase", "") == "connect":
        return tr(" - is Dify running there? dify-chat doctor says more")
    return ""


def _has_begun(error: DifyException) -> bool:
    """Whether a part of the response was there already."""
    return isinstance(error, StreamInterruptedException) or "was cut" in str(error.args[0])
