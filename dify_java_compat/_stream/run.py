"""The events of a workflow app's run to the one response they make up."""

from __future__ import annotations

from ..errors import StreamErrorException
from ..models.events import (
    NodeStartedData,
    WorkflowFinishedData,
    WorkflowPausedData,
    WorkflowStartedData,
)
from ..models.workflows import WorkflowRunResponse
from ..models.workflows import WorkflowRunStreamResponse as Item
from .answer import Builder


class RunBuilder(Builder[WorkflowRunResponse]):
    """Takes the events of one run in order; `response` is the run as its last event leaves it.

    Within it a StreamErrorException of a run that has an end is none: that it failed is the
    response's to say, as it is Dify's. Any other DifyException has the response as `partial`.
    """

    def __init__(self) -> None:
        self.response = WorkflowRunResponse()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool | None:
        if isinstance(error, StreamErrorException) and self.response.data is not None:
            return True
        return super().__exit__(kind, error, trace)

    def add(self, item: Item) -> None:
        """Take the next event."""
        run, data = self.response, item.data
        run.workflow_run_id = item.workflow_run_id or run.workflow_run_id
        run.task_id = item.task_id or run.task_id
        if isinstance(data, (WorkflowFinishedData, WorkflowPausedData)):
            run.data = WorkflowRunResponse.WorkflowRunData.from_dict(data.raw)
        elif isinstance(data, (WorkflowStartedData, NodeStartedData)):
            run.data = None  # a run that was paused goes on

    def build(self) -> WorkflowRunResponse:
        """The run so far."""
        return self.response
