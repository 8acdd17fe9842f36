"""What the clients of all kinds of apps have in common: streams, made of rows of operations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._api.base_client import BaseClient
from .._api.codec import event_decoder
from .._api.java_keywords import java_keywords
from .._api.operation import Operation
from .._http.deadline import Deadline
from .._http.exchange import Exchange
from .._http.hooks import Call
from .._http.request import ApiKey, HttpRequest
from .._http.retry import was_not_seen
from .._stream.annotations import EventStream
from .._stream.loop import Loop
from .._stream.reader import EventReader
from .._stream.source import StreamSource

if TYPE_CHECKING:
    from .._stream.drain import Stop

R = TypeVar("R")
_STOP_SECONDS = 30.0  # for a stop that nobody waits for, where no call_timeout bounds it


class StreamingClient(BaseClient, Generic[R]):
    """A client whose rows may be streams; one loop serves all of them."""

    _STOP: Operation[Any]
    _RUN: Operation[Any]  # how a run ended
    _EVENTS: Operation[R]
    _was_not_seen = staticmethod(was_not_seen)

    def close(self) -> None:
        super().close()
        if not self._is_copy:
            self._loop.close()

    def _connect(self, base_url: str) -> None:
        super()._connect(base_url)
        self._loop = Loop()

    def _run_stream(self, operation: Operation[R], sent: Any) -> EventStream[R]:
        """The stream of `operation`, which the DTO `sent` begins."""
        request = self._request(operation, sent)
        # the calls that follow are for the user of this request, whatever becomes of the DTO
        user = {"api_key": request.key, "user_id": sent.user_id}

        stop_run = functools.partial(self._stop_run, user)

        def reopen(run_id: str) -> Exchange:
            values = {"workflow_run_id": run_id, "include_state_snapshot": True, **user}
            return self._exchange(self._request(self._EVENTS, **values))

        def new_source() -> StreamSource:
            source = self._source(operation, request)
            if self._config.resume_streams:
                status = functools.partial(self._run_status, request.key)
                source = self._resuming(source, reopen, status)
            if self._config.strict_conversation:  # nobody will read what the run costs
                source.stop = stop_run
            return source

        begin = functools.partial(Call, request, self._listeners, getattr(sent, "content", None))
        return self._observed(begin, new_source, stop_run if self._config.stop_on_dispose else None)

    def _stop_run(self, user: dict[str, Any], task_id: str, seconds: float | None = None) -> None:
        """Stop a run that nobody reads, within that time; None: within that of any call."""
        seconds = seconds or self._config.call_timeout or _STOP_SECONDS
        self.with_options(call_timeout=seconds)._call(self._STOP, task_id=task_id, **user)

    def _resuming(
        self,
        source: StreamSource,
        reopen: Callable[[str], Exchange],
        status: Callable[[str, Deadline], str | None],
    ) -> StreamSource:
        from .._stream.resume import ResumingSource  # by those alone who ask for it

        attempts = self._config.resume_attempts
        return ResumingSource(source.exchange, source.reader, reopen, status, attempts)

    @java_keywords
    def workflowEvents(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        user_id: str | None = None,
        include_state_snapshot: bool = False,
        continue_on_pause: bool = False,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
        userId: str | None = None,
        includeStateSnapshot: bool = False,
        continueOnPause: bool = False,
    ) -> EventStream[R]:
        request = self._request(
            self._EVENTS,
            api_key=api_key,
            workflow_run_id=workflow_run_id,
            user_id=user_id,
            include_state_snapshot=include_state_snapshot,
            continue_on_pause=continue_on_pause,
        )
        begin = functools.partial(Call, request, self._listeners)
        # it only listens: it begins nothing, and there is nothing to stop
        return self._observed(begin, lambda: self._source(self._EVENTS, request), None)

    def _run_status(self, key: ApiKey, run_id: str, deadline: Deadline) -> str | None:
        exchange = self._exchange(self._request(self._RUN, workflow_run_id=run_id, api_key=key))
        exchange.deadline.go_on(deadline)
        status: str | None = self._RUN.result.read(exchange.open()).status
        return status

    def _reader(self, operation: Operation[Any], context: dict[str, Any]) -> EventReader:
        return EventReader(event_decoder(operation.result.dto), self._config, context)

    def _source(self, operation: Operation[Any], request: HttpRequest) -> StreamSource:
        exchange = self._exchange(request)
        return StreamSource(exchange, self._reader(operation, exchange.request.context()))

    def _process(self) -> Callable[[Any], Any] | None:
        """What each item goes through before it is delivered, if anything."""
        return None

    def _observed(
        self, begin: Callable[[], Call], new_source: Callable[[], StreamSource], stop: Stop | None
    ) -> EventStream[Any]:
        from .._stream.observable import observe  # and RxPY with it, once there is a stream

        seconds = self._config.stop_drain_seconds
        stream = observe(new_source, self._process(), stop, seconds, self._loop)
        if not self._listeners:
            return stream
        from .._stream.listening import listened  # by those alone who have listeners

        return listened(stream, begin)
