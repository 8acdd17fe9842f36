"""Dify for Python services that were, or could have been, written with the Java SDK.

A name is imported when it is first asked for: to have the package installed, or to use a part of
it, costs nothing more. Type checkers read `__init__.pyi`.
"""

import importlib
from typing import Any

# setup.cfg reads it from here: known without metadata too, in a zipapp or a frozen program
__version__ = "0.1.0"

# Generated from the `__all__` of the modules by `make generate`.
_NAMES = {
    "_api.files": """
        Upload
    """,
    "_http.hooks": """
        Call CallListener InterceptedRequest InterceptedResponse Interceptor InterceptorChain
    """,
    "_stream.aiterate": """
        aiterate
    """,
    "_stream.collecting": """
        collect
    """,
    "_stream.iterate": """
        iterate
    """,
    "_stream.observable": """
        EventStream
    """,
    "aio": """
        AsyncDifyChatflow
    """,
    "chatflow": """
        DifyChatflow
    """,
    "client": """
        DifyChatBuilder DifyClient RequestsDifyChat
    """,
    "client.coroutines": """
        AsyncDifyChat
    """,
    "client.workflow": """
        AsyncDifyWorkflow DifyWorkflowBuilder RequestsDifyWorkflow
    """,
    "config": """
        ClientConfig DifyProperties
    """,
    "errors": """
        BadRequestException ConnectionException DecodeException DiftChatException
        DifyClientException DifyException ForbiddenException HttpClientException
        IllegalArgumentException NotChatAppException NotFoundException PayloadTooLargeException
        PipelineException ServerErrorException StreamDecodeException StreamErrorException
        StreamException StreamInterruptedException TimeoutException TooManyRequestsException
        UnauthorizedException UnsupportedMediaTypeException
    """,
    "interface": """
        DifyChat
    """,
    "models": """
        AgentLogData AgentThought AnnotationReply AnnotationReplyActionEnum
        AppAnnotationCreateRequest AppAnnotationPageRequest AppAnnotationReplyQueryRequest
        AppAnnotationReplyRequest AppAnnotationReplyResponse AppAnnotationResponse
        AppAnnotationUpdateRequest AppFeedbackPageRequest AppFeedbackResponse AppInfoResponse
        AppMetaResponse AppParametersResponseVO AppSiteResponse AudioToTextRequest BaseChatRequest
        BaseWorkflowRequest BaseWorkflowRunData ChatMessagePipelineModel
        ChatMessageSendCompletionResponse ChatMessageSendRequest ChatMessageSendResponse
        ChatMessageVO CompletionData ContainerData ConversationVariableRequest
        ConversationVariableResponse DiftChatExceptionEnum DifyFile DifyPageResult DifyResult
        DifyTextVO EmptyData EndUserResponse FilePreviewRequest FileUpload FileUploadConfig
        FileUploadImage FileUploadRequest FileUploadResponse HumanInputData HumanInputFormResponse
        HumanInputSubmitRequest IconTypeEnum MessageConversationsRequest
        MessageConversationsResponse MessageFeedbackRequest MessageFeedbackResponse
        MessageFileTransferMethodEnum MessageFileTypeEnum MessagesCurrentRequest MessagesRequest
        MessagesResponseVO MetaData NodeFinishedData NodeRetryData NodeStartedData
        ParallelBranchFinishedData ParallelBranchStartedData ReasoningChunkData
        RenameConversationRequest ResponseEntity ResponseModeEnum SensitiveWordAvoidance
        ServerInfoResponse StopChatResponse StreamEventEnum TextChunkData TextToAudioRequest
        TextToSpeech UpdateConversationVariableRequest UserInputForm WorkflowFinishedData
        WorkflowInfoResponse WorkflowLogs WorkflowLogsRequest WorkflowPausedData WorkflowRunRequest
        WorkflowRunResponse WorkflowRunStreamResponse WorkflowStartedData WorkflowStopResponse
    """,
    "paging": """
        pages
    """,
    "pipeline": """
        PipelineContext PipelineProcess
    """,
    "recoup": """
        RecoupChat RequestsRecoupChat
    """,
    "workflow": """
        DifyWorkflow
    """,
}
# End of the generated part.

_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
