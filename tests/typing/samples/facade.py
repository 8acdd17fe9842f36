"""The facade's methods: Java's names, both spellings of plain arguments, what comes back."""

from collections.abc import AsyncIterator, Generator
from io import BytesIO

from reactivex import Observable, operators
from typing_extensions import assert_type

from dify_java_compat import (
    AppParametersResponseVO,
    AudioToTextRequest,
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    ClientConfig,
    DifyChat,
    DifyChatBuilder,
    DifyPageResult,
    DifyTextVO,
    EventStream,
    FileUploadRequest,
    FileUploadResponse,
    HttpClientException,
    MessageConversationsRequest,
    MessageConversationsResponse,
    MessageFeedbackRequest,
    MessageFeedbackResponse,
    MessagesRequest,
    MessagesResponseVO,
    RenameConversationRequest,
    RequestsDifyChat,
    ResponseEntity,
    TextToAudioRequest,
    aiterate,
    collect,
    iterate,
)

client = RequestsDifyChat("http://localhost", ClientConfig(), api_key="k")
RequestsDifyChat("http://localhost", apiKey="k")  # error
RequestsDifyChat(1)  # error
chat: DifyChat = client
built: DifyChat = DifyChatBuilder.create(
    DifyChatBuilder.builder().baseUrl("http://localhost").clientConfig(ClientConfig()).build()
)
not_a_chat: DifyChat = object()  # error
request = ChatMessageSendRequest(content="hi")

# requests in DTOs
assert_type(chat.send(request), ChatMessageSendResponse)
chat.send("hi")  # error
chat.send(MessagesRequest())  # error
chat.sendMessage(request)  # error
assert_type(chat.messageFeedback(MessageFeedbackRequest()), MessageFeedbackResponse)
assert_type(chat.messages(MessagesRequest()), DifyPageResult[MessagesResponseVO])
assert_type(
    chat.conversations(MessageConversationsRequest()), DifyPageResult[MessageConversationsResponse]
)
assert_type(
    chat.renameConversation(RenameConversationRequest(autoGenerate=True)),
    MessageConversationsResponse,
)
assert_type(chat.audioToText(AudioToTextRequest(file=b"")), DifyTextVO)
assert_type(chat.fileUpload(FileUploadRequest(file="a.png")), FileUploadResponse)

# plain arguments: by position, by either name
chat.stopMessagesStream("k", "t", "u")
chat.stopMessagesStream(api_key="k", task_id="t", user_id="u")
chat.stopMessagesStream(apiKey="k", taskId="t", userId="u")
client.stopMessagesStream("k", taskId="t", user_id="u")
client.stopMessagesStream(apiKey="k", taskId="t", userId="u")
chat.stopMessagesStream(taskid="t")  # error
client.stopMessagesStream(task="t")  # error
chat.stopMessagesStream("k", "t", 1)  # error
client.stopMessagesStream(apiKey=1)  # error
chat.stopMessagesStream("k", "t", "u", "k")  # error
assert_type(chat.messagesSuggested("m", "k", "u"), list[str])
assert_type(client.messagesSuggested(messageId="m", apiKey="k", userId="u"), list[str])
chat.messagesSuggested(messagesId="m")  # error
chat.deleteConversation(conversationId="c", apiKey="k", userId="u")
chat.deleteConversation("c", "k", "u")
chat.deleteConversation(id="c")  # error
assert_type(chat.parameters("k"), AppParametersResponseVO)
assert_type(client.parameters(apiKey="k"), AppParametersResponseVO)
chat.parameters(key="k")  # error

# one method, two results
assert_type(chat.textToAudio(TextToAudioRequest(text="hi")), ResponseEntity[bytes])
assert_type(client.textToAudio(TextToAudioRequest(text="hi")).body, bytes)
chat.textToAudio(TextToAudioRequest(text="hi"), BytesIO())
audio: ResponseEntity[bytes] = chat.textToAudio(TextToAudioRequest(), BytesIO())  # error
chat.textToAudio("hi")  # error

# streams
stream = chat.sendChatMessageStream(request)
assert_type(stream, EventStream[ChatMessageSendCompletionResponse])
assert_type(client.sendChatMessageStream(request), EventStream[ChatMessageSendCompletionResponse])
observable: Observable[ChatMessageSendCompletionResponse] = stream
assert_type(iterate(stream), Generator[ChatMessageSendCompletionResponse, None, None])
assert_type(iterate(stream, 1), Generator[ChatMessageSendCompletionResponse, None, None])
async_items: AsyncIterator[ChatMessageSendCompletionResponse] = aiterate(stream)
assert_type(collect(stream), ChatMessageSendResponse)
collect(iterate(stream))  # error
iterate([request])  # error
iterate(stream, prefetch="1")  # error
for event in iterate(stream):
    assert_type(event, ChatMessageSendCompletionResponse)
    event.answers  # error


def answer_of(event: ChatMessageSendCompletionResponse) -> str:
    return event.answer or ""


answers = stream.pipe(operators.map(answer_of))
assert_type(answers, EventStream[str])
assert_type(iterate(answers), Generator[str, None, None])
collect(answers)  # error


async def spoken() -> None:
    async for event in aiterate(stream):
        assert_type(event.answer, str | None)


with RequestsDifyChat() as inner:
    assert_type(inner, RequestsDifyChat)
    inner.base_url = "http://other"  # error

try:
    chat.send(request)
except HttpClientException as refused:
    assert_type(refused.status_code, int)
    assert_type(refused.code, str | None)
    refused.statuscode  # error
