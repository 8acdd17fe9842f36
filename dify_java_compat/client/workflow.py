"""The client of workflow apps: what is more than a row; the rest is in `_api.workflow_calls`."""

from __future__ import annotations

from typing import TypeVar

from .._api import workflow_operations as operations
from .._api.workflow_calls import WorkflowCalls
from .._http.response import HttpResponse
from .._stream.answer import built
from .._stream.blocking import begins_stream, read
from .._stream.collecting import wait_for, wait_for_async
from .._stream.observable import EventStream
from .._stream.run import RunBuilder
from ..aio.workflow import AsyncDifyWorkflowCalls
from ..models import (
    WorkflowRunRequest,
    WorkflowRunResponse,
    WorkflowRunStreamResponse,
)
from ..workflow import DifyWorkflow
from . import Settings
from .streaming import StreamingClient

__all__ = ["AsyncDifyWorkflow", "DifyWorkflowBuilder", "RequestsDifyWorkflow"]

W = TypeVar("W", bound=DifyWorkflow)


class RequestsDifyWorkflow(StreamingClient[WorkflowRunStreamResponse], WorkflowCalls, DifyWorkflow):
    """`DifyWorkflow` over HTTP, made and closed as `RequestsDifyChat` is."""

    _STOP = operations.STOP
    _RUN = operations.INFO
    _EVENTS = operations.EVENTS

    @property
    def aio(self) -> AsyncDifyWorkflow:
        """The same methods as coroutines, over the same connections, which stay this client's."""
        return AsyncDifyWorkflow._over(self)

    def runWorkflow(self, request: WorkflowRunRequest) -> WorkflowRunResponse:
        if self._config.blocking_via_stream:
            return wait_for(*self._question(request))
        return self._read(self._whole_response, operations.RUN, request)

    def runWorkflowStream(
        self, request: WorkflowRunRequest
    ) -> EventStream[WorkflowRunStreamResponse]:
        return self._run_stream(operations.RUN_STREAM, request)

    def _question(
        self, request: WorkflowRunRequest
    ) -> tuple[EventStream[WorkflowRunStreamResponse], RunBuilder]:
        """As that of the chat."""
        return self.runWorkflowStream(request), RunBuilder()

    def _whole_response(self, response: HttpResponse) -> WorkflowRunResponse:
        if begins_stream(response):
            reader = self._reader(operations.RUN_STREAM, response.context())
            return built(RunBuilder(), read(reader, response))
        return operations.RUN.result.read(response)


class AsyncDifyWorkflow(AsyncDifyWorkflowCalls):
    """`RequestsDifyWorkflow` for asyncio, as `AsyncDifyChat` is `RequestsDifyChat`."""

    _made_of = RequestsDifyWorkflow
    _client: RequestsDifyWorkflow

    async def runWorkflow(self, request: WorkflowRunRequest) -> WorkflowRunResponse:
        if not self._client._config.blocking_via_stream:
            return await super().runWorkflow(request)
        # a cancelled task disposes of it
        return await wait_for_async(*self._client._question(request))


class DifyWorkflowBuilder:
    """Java's way in: `DifyWorkflowBuilder.create(DifyWorkflowBuilder.builder().build())`."""

    class Builder(Settings):
        """What `builder()` gives."""

        def build(self) -> RequestsDifyWorkflow:
            """The client."""
            return self._made(RequestsDifyWorkflow)

    @staticmethod
    def builder() -> DifyWorkflowBuilder.Builder:
        return DifyWorkflowBuilder.Builder()

    @staticmethod
    def create(client: W) -> W:
        """Java wraps its client here; ours is the facade already."""
        return client
