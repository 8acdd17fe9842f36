"""The coroutine facade and `with_options`: what comes back, and what is a mistake."""

from io import BytesIO

from typing_extensions import assert_type

from dify_java_compat import (
    AppInfoResponse,
    AsyncDifyChat,
    AsyncDifyChatflow,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    ClientConfig,
    DifyPageResult,
    MessagesRequest,
    MessagesResponseVO,
    RequestsDifyChat,
    RequestsRecoupChat,
    ResponseEntity,
    TextToAudioRequest,
    WorkflowInfoResponse,
)

client = RequestsDifyChat("http://localhost", ClientConfig(asyncWorkers=4), api_key="k")
request = ChatMessageSendRequest(content="hi")
AsyncDifyChat("http://localhost", ClientConfig(), api_key="k")
AsyncDifyChat(client)  # error
assert_type(client.aio, AsyncDifyChat)
chat: AsyncDifyChatflow = client.aio


async def calls() -> None:
    async with AsyncDifyChat(api_key="k") as own:
        assert_type(own, AsyncDifyChat)
    assert_type(await chat.send(request), ChatMessageSendResponse)
    assert_type(await client.aio.send(request), ChatMessageSendResponse)
    chat.send(request).answer  # error
    await chat.send("hi")  # error
    assert_type(await chat.messages(MessagesRequest()), DifyPageResult[MessagesResponseVO])
    assert_type(await chat.textToAudio(TextToAudioRequest()), ResponseEntity[bytes])
    await chat.textToAudio(TextToAudioRequest(), BytesIO())
    (await chat.textToAudio(TextToAudioRequest(), BytesIO())).body  # error
    await chat.sendMessage(request)  # error
    await chat.aclose()


async def plain_arguments() -> None:
    assert_type(await chat.info(), AppInfoResponse)
    assert_type(await chat.info(apiKey="k"), AppInfoResponse)
    assert_type(await chat.messagesSuggested("m", userId="u"), list[str])
    assert_type(await chat.workflowRun(workflowRunId="w"), WorkflowInfoResponse)
    await chat.stopMessagesStream(apiKey="k", task_id="t", userId="u")
    await chat.stopMessagesStream(taskid="t")  # error
    await chat.info(key="k")  # error


# streams are the same
streams = [client.sendChatMessageStream(request)]
streams.append(chat.sendChatMessageStream(request))
streams.append(client.aio.workflowEvents("w", userId="u"))
chat.sendChatMessageStream()  # error
chat.workflowEvents(runId="w")  # error


# other settings; ty takes names that an unpacked TypedDict does not have
assert_type(client.with_options(read_timeout=3, maxRetries=0), RequestsDifyChat)
assert_type(client.aio.with_options(sseReadTimeout=None), AsyncDifyChat)
assert_type(RequestsRecoupChat().with_options(callTimeout=9.5), RequestsRecoupChat)
client.with_options(readTimeOut=3)  # error, unseen by ty
client.with_options(read_timeout="3")  # error
client.with_options(connect_timeout=3)  # error, unseen by ty
client.aio.with_options(verify=False)  # error, unseen by ty
RequestsRecoupChat().with_options(max_requests=3)  # error, unseen by ty
