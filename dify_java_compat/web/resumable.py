"""Streams that survive a reload of the page, a second tab, and the process that reads them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .._stream.observable import EventStream
from ..errors import IllegalArgumentException, excerpt
from ..models.responses import ChatMessageSendResponse
from ._failures import log_failure
from ._following import Follower, Watch, not_found
from ._frames import Options, ServerSentEvent, is_seconds
from ._kept import response_of
from ._reading import Limits, Reading, Writer
from ._store import Kept, MemoryStore, State, Store
from ._takeover import Continuation, LostRun

__all__ = ["LostRun", "MemoryStore", "ResumableStreams", "ServerSentEvent"]

_ID = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_NUMBER = re.compile(r"[0-9]{1,18}\Z")
_CLOSE_SECONDS = 2.0


class ResumableStreams:
    """Streams that are read whether somebody watches or not, and kept for who comes again.

    `start` reads a stream from now on and gives its id; `event_stream` follows it from its
    beginning, or behind the event that a browser names as `Last-Event-ID`, in as many tabs and
    processes as share the `store`.

    - `store`: a `MemoryStore` of its own, where there is none; `RedisStore` for several processes.
    - `lease_seconds`: after how long a reader that does not show itself counts as dead; then
      watchers get an `error` event with the code `interrupted` and the ids of the run.
    - `keep_seconds`: how long the events stay behind the last one.
    - `grace_seconds`: stop a stream that nobody has followed for so long; None: read on.
    - `take_over`: the events of a `LostRun`, whose reader is dead, as `chat.workflowEvents` gives
      them: another process, one that somebody watches in, reads on from there.
    - `exclude_none`: keep the items without their null fields.
    - `max_events`, `max_bytes`: a stream that is longer is interrupted.

    IllegalArgumentException for an argument that cannot work.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        lease_seconds: float = 10.0,
        keep_seconds: float = 3600.0,
        grace_seconds: float | None = None,
        take_over: Callable[[LostRun], Any] | None = None,
        exclude_none: bool = False,
        max_events: int = 100_000,
        max_bytes: int = 32 << 20,
    ) -> None:
        _validate_seconds("lease_seconds", lease_seconds)
        _validate_seconds("keep_seconds", keep_seconds)
        if keep_seconds < lease_seconds:
            raise IllegalArgumentException("keep_seconds must not be less than lease_seconds")
        if grace_seconds is not None:
            _validate_seconds("grace_seconds", grace_seconds)
        for name, number in (("max_events", max_events), ("max_bytes", max_bytes)):
            is_number = isinstance(number, int) and not isinstance(number, bool)
            if not (is_number and 1 <= number <= sys.maxsize):
                raise IllegalArgumentException(f"{name} must be 1 or more, not {excerpt(number)}")
        if take_over is not None and not callable(take_over):
            raise IllegalArgumentException("take_over must be a function of a LostRun")
        self._store: Store = MemoryStore() if store is None else store
        self._limits = Limits(lease_seconds, keep_seconds, grace_seconds, max_events, max_bytes)
        self._take_over = take_over
        self._options = Options(exclude_none=exclude_none)
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def start(self, stream: Any, *, user: str) -> str:
        """Begin to read `stream`, any Observable, for `user`; the id by which it is followed.

        The stream is read to its end, unless `stop` is called: what it fails with is its last
        event. With a client whose `stop_on_dispose` is True a stop ends Dify's run, too.
        ConnectionException where the store cannot be reached; then nothing was sent.
        """
        if not callable(getattr(stream, "subscribe", None)):
            raise IllegalArgumentException(
                f"stream must be an Observable, not {type(stream).__name__}"
            )
        stream_id = secrets.token_urlsafe(16)
        key = _key(stream_id, user)
        process = self._current()
        lease, keep = self._limits.lease_seconds, self._limits.keep_seconds
        self._store.create(key, process.name, lease, keep)
        reading = Reading(process.writer, key, 1, 0, self._options)
        process.read(reading)
        try:
            reading.begin(stream)
        except BaseException:
            reading.interrupt("the stream could not be begun")
            raise
        return stream_id

    def event_stream(
        self, id: str, *, user: str, last_event_id: str | None = None
    ) -> EventStream[ServerSentEvent]:
        """The events of a stream from its beginning, or behind `last_event_id`, to its end.

        Give it to the `event_stream` of a framework. The last event is named `end`, with the
        `reason` completed or stopped, or `error`. Each subscription follows by itself; one that is
        disposed of ends nothing else. Ends in a NotFoundException for an id that is not known, not
        known any more, or another user's, and in a ConnectionException where the store cannot be
        reached; a stream that failed before its first item, in a StreamErrorException.
        """
        after = _number(last_event_id)
        key = _key(id, user)

        def subscribe(observer: Any, scheduler: Any = None) -> Any:
            watch = Watch(self._current().follower, key, after, observer)
            watch.user_data = user
            watch.schedule()
            return watch

        return EventStream(subscribe)

    def stop(self, id: str, *, user: str) -> None:
        """Stop a stream, in whatever process it is read; one that is over stays as it is.

        NotFoundException as of `event_stream`.
        """
        key = _key(id, user)
        reading = self._current().writer.find(key)
        if reading is not None:
            reading.stop()
        elif not self._store.stop(key):
            raise not_found()

    def answer(self, id: str, *, user: str) -> ChatMessageSendResponse:
        """What the events that are kept make up: the answer, or its part so far.

        NotFoundException as of `event_stream`.
        """
        key = _key(id, user)
        if self._store.states([key]) == [None]:
            raise not_found()
        return response_of(_all_events(self._store, key))

    def close(self) -> None:
        """Interrupt what is read and watched here, and close the store's connections.

        So watchers elsewhere need not wait for a lease to end.
        """
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.pid == os.getpid():
            for reading in process.writer.readings:
                reading.interrupt("the reader of the stream was closed")
            process.writer.wait_until_written(_CLOSE_SECONDS)
            process.follower.close(_CLOSE_SECONDS)
        self._store.close()

    def __enter__(self) -> ResumableStreams:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _current(self) -> _Process:
        """The threads of this process; a fork has its own."""
        with self._lock:
            process = self._process
            if process is None or process.pid != os.getpid():
                process = self._process = _Process(
                    self._store, self._limits, self._options, self._take_over
                )
            return process


class _Process:
    """The reader's and the watchers' side in one process."""

    def __init__(
        self,
        store: Store,
        limits: Limits,
        options: Options,
        take_over: Callable[[LostRun], Any] | None,
    ) -> None:
        self.pid = os.getpid()
        self.name = secrets.token_urlsafe(12)
        self.writer = Writer(store, limits)
        self._store, self._limits, self._options = store, limits, options
        self._take_over = take_over
        self.follower = Follower(store, self.name, limits.lease_seconds, self._stop, self._on_dead)

    def read(self, reading: Reading) -> None:
        """Write what `reading` gets, and stop it when somebody asks for it."""
        self.writer.add(reading)
        self.follower.start(while_=lambda: bool(self.writer.readings))

    def _stop(self, key: str) -> None:
        reading = self.writer.find(key)
        if reading is not None:
            self.writer.pool.submit(reading.stop)

    def _on_dead(self, key: str, state: State, user: str) -> None:
        """One process claims the stream: it reads on, or says to all watchers that it is over."""
        if not self._store.claim(key, state.token, self.name, self._limits.lease_seconds):
            return
        reading = Reading(self.writer, key, state.token + 1, state.last, self._options, state.ids)
        self.read(reading)
        run_id = (json.loads(state.ids) if state.ids else {}).get("workflow_run_id")
        if self._take_over is None or run_id is None:
            reading.interrupt("the reader of the stream is gone")
            return
        run = LostRun(user, **json.loads(state.ids))
        self.follower.pool.submit(lambda: self._continue(reading, run))

    def _continue(self, reading: Reading, run: LostRun) -> None:
        assert self._take_over is not None
        try:
            continuation = Continuation(reading, _all_events(self._store, reading.key))
            reading.begin(self._take_over(run), continuation)
        except Exception as error:  # of the caller's function, or the store
            reading.interrupt("the reader of the stream is gone, and its run cannot be read on")
            log_failure(error)


def _all_events(store: Store, key: str) -> Iterator[Kept]:
    after = 0
    while found := store.read(key, after, 1000):
        yield from found
        after = found[-1].number


def _key(stream_id: str, user: str) -> str:
    """The user is part of the key, so that nobody follows a stranger's stream."""
    if not isinstance(user, str) or not user:
        raise IllegalArgumentException("user must be a text that is not empty")
    if not isinstance(stream_id, str) or not _ID.match(stream_id):
        stream_id = "-"  # which no stream has
    owner = hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{owner}:{stream_id}"


def _number(last_event_id: str | None) -> int:
    if last_event_id is None or last_event_id == "":
        return 0
    if not isinstance(last_event_id, str) or not _NUMBER.match(last_event_id):
        raise IllegalArgumentException("last_event_id must be the id of an event of the stream")
    return int(last_event_id)


def _validate_seconds(name: str, value: Any) -> None:
    if not is_seconds(value):
        words = excerpt(value)
        raise IllegalArgumentException(f"{name} must be a number of seconds, not {words}")
    if not value > 0:
        raise IllegalArgumentException(f"{name} must be more than 0, not {excerpt(value)}")
