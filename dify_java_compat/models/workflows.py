"""What Java's chat lacks: a chatflow's runs, its forms for people, its users."""

from typing import Any

from .._dto.dto import ResponseDto, dto
from .requests import BaseChatRequest

__all__ = [
    "EndUserResponse",
    "HumanInputFormResponse",
    "HumanInputSubmitRequest",
    "WorkflowLogResponse",
    "WorkflowLogsRequest",
    "WorkflowRunResponse",
]


@dto
class WorkflowRunResponse(ResponseDto):
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
class WorkflowLogsRequest(BaseChatRequest):
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
class WorkflowLogResponse(ResponseDto):
    """A run in the log, and who started it."""

    @dto
    class WorkflowRun(ResponseDto):
        """The run of a log entry."""

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

    id: str | None = None
    workflow_run: "WorkflowLogResponse.WorkflowRun | None" = None
    created_from: str | None = None
    created_by_role: str | None = None
    created_by_account: dict[str, Any] | None = None
    created_by_end_user: dict[str, Any] | None = None
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
