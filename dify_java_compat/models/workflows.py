"""The runs of workflow apps and chatflows, their forms for people, their users."""

from typing import Any

from .._dto.dto import ResponseDto, dto, tagged_by
from .events import EVENT_DATA, CompletionData
from .requests import BaseChatRequest, ChatMessageSendRequest

__all__ = [
    "BaseWorkflowRequest",
    "EndUserResponse",
    "HumanInputFormResponse",
    "HumanInputSubmitRequest",
    "WorkflowInfoResponse",
    "WorkflowLogs",
    "WorkflowLogsRequest",
    "WorkflowRunRequest",
    "WorkflowRunResponse",
    "WorkflowRunStreamResponse",
    "WorkflowStopResponse",
]


@dto
class BaseWorkflowRequest(BaseChatRequest):
    """What every request of a workflow app has: the app's key and the user it speaks for."""


@dto
class WorkflowRunRequest(BaseWorkflowRequest):
    """A run to be: `inputs` by variable; `workflow_id` and `trace_id` are Dify's, not in Java.

    `workflow_id` is the published version that is to run; None or "" the newest.
    """

    @dto
    class WorkflowFile(ChatMessageSendRequest.ChatMessageFile):
        """A file of a run, as one of a message."""

    files: "list[WorkflowRunRequest.WorkflowFile] | None" = None
    inputs: dict[str, Any] | None = None
    workflow_id: str | None = None
    trace_id: str | None = None


@dto
class WorkflowRunResponse(ResponseDto):
    """A whole run."""

    @dto
    class WorkflowRunData(ResponseDto):
        """How the run ended; `status` is succeeded, failed, stopped, partial-succeeded or paused.

        A failed run is an answer, not an exception: `error` says why. One that waits for a person
        has `reasons`, with the tokens of the forms. The last three are not in Java.
        """

        id: str | None = None
        workflow_id: str | None = None
        status: str | None = None
        outputs: dict[str, Any] | None = None
        error: str | None = None
        elapsed_time: float | None = None
        total_tokens: int | None = None
        total_steps: int | None = None
        created_at: int | None = None
        finished_at: int | None = None
        paused_nodes: list[Any] | None = None
        reasons: list[dict[str, Any]] | None = None
        workflow_run_id: str | None = None

    workflow_run_id: str | None = None
    task_id: str | None = None
    data: "WorkflowRunResponse.WorkflowRunData | None" = None


@dto
class WorkflowRunStreamResponse(ResponseDto):
    """One event of a run; `data` is of the event's own class (see `models.events`).

    `status`, `code` and `message` are an error's, `audio` (base64) a tts_message's; not in Java.
    """

    event: str | None = None
    workflow_run_id: str | None = None
    task_id: str | None = None
    data: CompletionData | Any = tagged_by("event", EVENT_DATA, CompletionData, default=None)
    status: int | None = None
    code: str | None = None
    message: str | None = None
    audio: str | None = None


@dto
class WorkflowStopResponse(ResponseDto):
    """`result` is always success."""

    result: str | None = None


@dto
class WorkflowInfoResponse(ResponseDto):
    """A run; every field is None for one that Dify does not know.

    `inputs` and `outputs` come as JSON text and are parsed; `raw` has the text.
    """

    id: str | None = None
    workflow_id: str | None = None
    status: str | None = None
    inputs: Any = None
    outputs: Any = None
    error: str | None = None
    total_steps: int | None = None
    total_tokens: int | None = None
    created_at: int | None = None
    finished_at: int | None = None
    elapsed_time: float | None = None


@dto
class WorkflowLogsRequest(BaseWorkflowRequest):
    """A page of runs, from 1; `created_at_before` and `_after` are ISO times."""

    keyword: str | None = None
    status: str | None = None
    page: int | None = 1
    limit: int | None = 20
    created_at_before: str | None = None
    created_at_after: str | None = None
    created_by_end_user_session_id: str | None = None
    created_by_account: str | None = None


@dto
class WorkflowLogs(ResponseDto):
    """A run in the log, and who started it."""

    @dto
    class WorkflowRun(WorkflowRunResponse):
        """The run of a log entry; what Java declares of it, and `WorkflowRunResponse` has, is
        never sent.
        """

        id: str | None = None
        version: str | None = None
        status: str | None = None
        error: str | None = None
        elapsed_time: float | None = None
        total_tokens: int | None = None
        total_steps: int | None = None
        created_at: int | None = None
        finished_at: int | None = None
        exceptions_count: int | None = None
        triggered_from: str | None = None

    @dto
    class CreatedByEndUser(ResponseDto):
        """The user who started a run; `session_id` is what the request called `user`."""

        id: str | None = None
        type: str | None = None
        is_anonymous: bool | None = None
        session_id: str | None = None

    id: str | None = None
    workflow_run: "WorkflowLogs.WorkflowRun | None" = None
    created_from: str | None = None
    created_by_role: str | None = None
    created_by_account: dict[str, Any] | None = None
    created_by_end_user: "WorkflowLogs.CreatedByEndUser | None" = None
    created_at: int | None = None
    details: dict[str, Any] | None = None


@dto
class EndUserResponse(ResponseDto):
    """A user of an app; times are ISO texts."""

    id: str | None = None
    tenant_id: str | None = None
    app_id: str | None = None
    type: str | None = None
    external_user_id: str | None = None
    name: str | None = None
    is_anonymous: bool | None = None
    session_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


@dto
class HumanInputFormResponse(ResponseDto):
    """A form that a run waits for; `actions` are its buttons."""

    form_content: str | None = None
    inputs: list[dict[str, Any]] | None = None
    resolved_default_values: dict[str, Any] | None = None
    user_actions: list[dict[str, Any]] | None = None
    expiration_time: int | None = None


@dto
class HumanInputSubmitRequest(BaseChatRequest):
    """A form filled in: `inputs` by output variable, `action` the id of the button."""

    form_token: str | None = None
    inputs: dict[str, Any] | None = None
    action: str | None = None
