"""What Java's chat lacks: following, resuming and steering the runs of a chatflow."""

from __future__ import annotations

from typing import Protocol

from ._stream.annotations import EventStream
from .interface import DifyChat
from .models import (
    ChatMessageSendCompletionResponse,
    DifyPageResult,
    EndUserResponse,
    HumanInputFormResponse,
    HumanInputSubmitRequest,
    ServerInfoResponse,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowLogsRequest,
)

__all__ = ["DifyChatflow"]


class DifyChatflow(DifyChat, Protocol):
    """`DifyChat` and the operations that chatflow apps have besides."""

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
    ) -> EventStream[ChatMessageSendCompletionResponse]:
        """流式获取工作流事件: go on with a run after a pause or a broken connection.

        Dify's GET /workflow/{workflow_run_id}/events, of servers newer than 1.12; the stream
        keeps the contract of `sendChatMessageStream`. A finished run gives one workflow_finished.
        `include_state_snapshot` first replays the nodes' states and the open form,
        `continue_on_pause` stays over several pauses. Dify 1.14 sends only what happens from then
        on: subscribe before a form is submitted, or read from a snapshot and submit each form
        once. `user_id` must be the run's own, else NotFoundException.
        """
        ...

    def humanInputForm(
        self,
        form_token: str | None = None,
        api_key: str | None = None,
        *,
        formToken: str | None = None,
        apiKey: str | None = None,
    ) -> HumanInputFormResponse:
        """获取人工介入表单: the form of a human_input_required event.

        Dify's GET /form/human_input/{form_token}. NotFoundException for an unknown token,
        HttpClientException with status 412 for a form that expired or was submitted.
        """
        ...

    def submitHumanInputForm(self, request: HumanInputSubmitRequest) -> None:
        """提交人工介入表单: fill the form in; the run goes on, see `workflowEvents`.

        Dify's POST /form/human_input/{form_token}; errors as for `humanInputForm`.
        """
        ...

    def workflowRun(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
    ) -> WorkflowInfoResponse:
        """获取工作流执行情况: a run's status, inputs and outputs, parsed.

        Dify's GET /workflows/run/{workflow_run_id}. Of an unknown run Dify 1.12 gives an object of
        nulls, 1.14 a NotFoundException; a stopped one may read running for ever.
        """
        ...

    def workflowLogs(self, request: WorkflowLogsRequest) -> DifyPageResult[WorkflowLogs]:
        """获取工作流日志: a page of runs.

        Dify's GET /workflows/logs, which 1.12 leaves empty for chatflows.
        """
        ...

    def endUser(
        self,
        end_user_id: str | None = None,
        api_key: str | None = None,
        *,
        endUserId: str | None = None,
        apiKey: str | None = None,
    ) -> EndUserResponse:
        """获取终端用户信息: a user by Dify's own id.

        Dify's GET /end-users/{end_user_id}, of servers newer than 1.12.
        """
        ...

    def serverInfo(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> ServerInfoResponse:
        """获取服务端信息: which version of Dify it is.

        Dify's GET /, below the base URL with its /v1. NotFoundException on Dify 1.12. For people
        and logs: this package needs nobody to say which server it talks to.
        """
        ...
