"""Both spellings of a field, and no other."""

import dataclasses
from typing import Any

from typing_extensions import assert_type

from dify_java_compat import (
    AgentThought,
    AppParametersResponseVO,
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    ClientConfig,
    DifyPageResult,
    DifyResult,
    EmptyData,
    MessageFeedbackRequest,
    MessagesRequest,
    MessagesResponseVO,
    NodeFinishedData,
    NodeRetryData,
    ResponseEntity,
    UserInputForm,
)
from dify_java_compat.models import Paragraph

# constructors
ChatMessageSendRequest(api_key="k", user_id="u", conversation_id="c", content="hi")
ChatMessageSendRequest(apiKey="k", userId="u", conversationId="c", content="hi")
ChatMessageSendRequest(apiKey="k", user_id="u", inputs={"a": 1}, autoGenerateName=False)
ChatMessageSendRequest("k", "u", "c", "hi")
ChatMessageSendRequest(content=None)
ChatMessageSendRequest(userid="u")  # error
ChatMessageSendRequest(conversation="c")  # error
ChatMessageSendRequest(content=1)  # error
ChatMessageSendRequest(conversationId=1)  # error
ChatMessageSendRequest("k", "u", "c", "hi", None, None, True, None, None, "apiKey")  # error
MessagesRequest(firstId="m", limit="20")  # error
ClientConfig(readTimeout=5, raise_stream_errors=False, skipMalformedEvents=True)
ClientConfig(proxies={"http": "http://p"}, verify="/ca.pem")
ClientConfig(readTimeOut=5)  # error
ClientConfig(max_retries=None)  # error
Paragraph(maxLength=3, default_value="x")
Paragraph(max_len=3)  # error
UserInputForm(textInput=None)
EmptyData()
EmptyData(text="x")  # error
NodeRetryData(retryIndex=1, executionMetadata=None)

# attributes, read
request = ChatMessageSendRequest(content="hi")
assert_type(request.conversation_id, str | None)
assert_type(request.conversationId, str | None)
assert_type(request.userId, str | None)
assert_type(request.autoGenerateName, bool | None)
request.conversationid  # error
request.getConversationId()  # error
assert_type(ClientConfig().sseReadTimeout, float | None)

# attributes, written
request.conversation_id = "c"
request.conversationId = "c"
request.conversationId = 1  # error
request.converzation_id = "c"  # error
request.userid = "u"  # error
config = ClientConfig()
config.stopOnDispose = True
config.stopOnDisposal = True  # error

# nested classes and enumerations
file = ChatMessageSendRequest.ChatMessageFile(transferMethod="remote_url", url="http://f")
request.files = [file]
request.files = [request]  # error
feedback = MessageFeedbackRequest(rating=MessageFeedbackRequest.Rating.LIKE, messageId="m")
assert_type(feedback.rating, MessageFeedbackRequest.Rating | None)
MessageFeedbackRequest(rating="like")  # error
MessageFeedbackRequest.Rating.LOVE  # error


def of_answer(answer: ChatMessageSendResponse) -> None:
    if answer.metadata and answer.metadata.usage:
        assert_type(answer.metadata.usage.totalTokens, int | None)
        assert_type(answer.metadata.usage.total_price, str | None)
        answer.metadata.usage.total  # error
    assert_type(answer.agentThoughts, list[AgentThought] | None)
    assert_type(answer.raw, dict[str, Any])
    answer.raw = {}  # error
    answer.thought  # error


def of_event(event: ChatMessageSendCompletionResponse) -> None:
    whole: ChatMessageSendResponse = event
    assert_type(event.workflowRunId, str | None)
    if isinstance(event.data, NodeFinishedData) and event.data.execution_metadata:
        assert_type(event.data.nodeId, str | None)
        assert_type(event.data.executionMetadata, NodeFinishedData.ExecutionMetadata | None)
        assert_type(event.data.execution_metadata.totalTokens, int | None)
        event.data.elapsed  # error
    of_answer(whole)


def of_parameters(parameters: AppParametersResponseVO) -> None:
    if parameters.userInputForm:
        assert_type(parameters.userInputForm, list[UserInputForm])
        assert_type(parameters.user_input_form[0].file_list, Any)  # error


# generic classes
page = DifyPageResult(data=[MessagesResponseVO(id="m")], hasMore=True)
assert_type(page, DifyPageResult[MessagesResponseVO])
assert_type(page.data, list[MessagesResponseVO])
assert_type(page.hasMore, bool | None)
assert_type(DifyResult(data=["a"], result="success").data, list[str] | None)
DifyPageResult(data=MessagesResponseVO())  # error
entity = ResponseEntity(200, {"Content-Type": "audio/mpeg"}, b"")
assert_type(entity.body, bytes)
assert_type(entity.statusCode, int)
entity.status_code = 404  # error

# JSON
assert_type(ChatMessageSendRequest.from_dict({"userId": "u"}), ChatMessageSendRequest)
assert_type(ChatMessageSendRequest.from_json("{}"), ChatMessageSendRequest)
assert_type(request.to_dict(), dict[str, Any])
assert_type(request.to_wire(), dict[str, Any])
assert_type(request.to_json(indent=2), str)
ChatMessageSendRequest.from_json({})  # error

# they are dataclasses
assert_type(dataclasses.asdict(request), dict[str, Any])
dataclasses.fields(ClientConfig)
