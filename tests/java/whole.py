"""Answers that have every field the Java SDK knows, made from the frozen list of its types."""

from __future__ import annotations

import functools
import types
import typing
from typing import Any

from dify_java_compat import (
    AppAnnotationReplyResponse,
    AppAnnotationResponse,
    AppFeedbackResponse,
    AppInfoResponse,
    AppMetaResponse,
    AppParametersResponseVO,
    AppSiteResponse,
    ChatMessageSendCompletionResponse,
    ChatMessageSendResponse,
    ConversationVariableResponse,
    DifyPageResult,
    DifyTextVO,
    FileUploadResponse,
    MessageConversationsResponse,
    MessageFeedbackResponse,
    MessagesResponseVO,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowRunResponse,
    WorkflowRunStreamResponse,
    WorkflowStopResponse,
    models,
)
from tests.contract.responses import event_stream, response
from tests.contract.test_java_api import MANIFEST, WORKFLOW, snake

CLASSES = {**WORKFLOW["classes"], **MANIFEST["classes"]}

RESULTS: dict[str, Any] = {
    "send": ChatMessageSendResponse,
    "messageFeedback": MessageFeedbackResponse,
    "messages": DifyPageResult[MessagesResponseVO],
    "conversations": DifyPageResult[MessageConversationsResponse],
    "renameConversation": MessageConversationsResponse,
    "audioToText": DifyTextVO,
    "fileUpload": FileUploadResponse,
    "parameters": AppParametersResponseVO,
    "info": AppInfoResponse,
    "meta": AppMetaResponse,
    "site": AppSiteResponse,
    "feedbacks": DifyPageResult[AppFeedbackResponse],
    "pageAppAnnotation": DifyPageResult[AppAnnotationResponse],
    "createAppAnnotation": AppAnnotationResponse,
    "updateAppAnnotation": AppAnnotationResponse,
    "annotationReply": AppAnnotationReplyResponse,
    "queryAnnotationReply": AppAnnotationReplyResponse,
    "conversationVariables": DifyPageResult[ConversationVariableResponse],
    "updateConversationVariable": ConversationVariableResponse,
    "DifyWorkflow.runWorkflow": WorkflowRunResponse,
    "DifyWorkflow.info": WorkflowInfoResponse,
    "DifyWorkflow.stopWorkflowStream": WorkflowStopResponse,
    "DifyWorkflow.logs": DifyPageResult[WorkflowLogs],
}

# texts of a form of their own
_TEXTS = {
    "AppFeedbackResponse.created_at": "2026-01-02T03:04:05",
    "AppFeedbackResponse.updated_at": "2026-01-02T03:04:05.678901",
    "AppSiteResponse.icon_type": "image",
    "NodeFinishedData.ExecutionMetadata.total_price": "0.000012",
    "WorkflowInfoResponse.inputs": '{"键": ["值", 1]}',
    "WorkflowInfoResponse.outputs": '{"键": ["值", 1]}',
    "WorkflowLogs.created_by_account": "账号",
}
_VALUES: dict[Any, Any] = {int: 7, float: 0.25, bool: True, dict: {"键": ["值", 1, None]}}


@functools.cache
def whole_answers() -> dict[str, bytes]:
    """By the method that asks for them."""
    return {
        "sendChatMessageStream": event_stream(_events()),
        "DifyWorkflow.runWorkflowStream": event_stream(_events_of_workflows()),
        **{method: response(200, _value(result, "")) for method, result in RESULTS.items()},
    }


def _events() -> list[dict[str, Any]]:
    every = _value(ChatMessageSendCompletionResponse, "")
    del every["data"]
    events = [{**every, "event": "message", "status": 200, "tool_labels": {"t": {"zh": "时"}}}]
    for event in MANIFEST["enums"]["StreamEventEnum"]:
        data = models.EVENT_DATA.get(event)
        if data is not None:
            events.append({"event": event, "task_id": "t", "data": _value(data, "")})
    return [*events, {"event": "message_end", "task_id": "t"}]


def _events_of_workflows() -> list[dict[str, Any]]:
    ids = {"workflow_run_id": "w", "task_id": "t"}
    every = _value(WorkflowRunStreamResponse, "")
    events = [
        {**every, "event": "text_chunk", "data": {"text": "值", "from_variable_selector": []}}
    ]
    for event in WORKFLOW["enums"]["StreamEventEnum"]:
        events.append({"event": event, **ids, "data": _value(models.EVENT_DATA[event], "")})
    unknown = {"event": "iteration_started", **ids, "data": {"id": "i"}}
    return [*events, unknown]


def _value(hint: Any, where: str) -> Any:
    if where in _TEXTS:
        return _TEXTS[where]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _value(next(each for each in arguments if each is not type(None)), where)
    if origin is list:
        return [_value(arguments[0], where)]
    if origin is DifyPageResult:
        return {**_value(DifyPageResult, ""), "data": [_value(arguments[0], "")]}
    if isinstance(origin or hint, type) and (origin or hint) in _VALUES:
        return _VALUES[origin or hint]
    if hint is str or not isinstance(hint, type) or hint is Any:
        return f"{where} 值"
    hints = typing.get_type_hints(hint)
    # a class of ours may extend the one that Java has in its place
    name = next(c.__qualname__ for c in hint.__mro__ if c.__qualname__ in CLASSES)
    return {wire: _value(hints[field], f"{name}.{field}") for field, wire in _known_to_java(name)}


def _known_to_java(name: str) -> list[tuple[str, str]]:
    """Our field and its name on the wire, for each that Java's class of this name has."""
    facts = CLASSES[name]
    inherited = _known_to_java(facts["extends"]) if facts["extends"] else []
    own = ((snake(field), names["wire"]) for field, names in facts["fields"].items())
    return [*inherited, *own]
