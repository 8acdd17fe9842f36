"""A stream's items keep their type: in loops, by `await`, through `pipe` and the fluent form."""

from asyncio import Future
from collections.abc import Generator
from contextlib import aclosing

from reactivex import ConnectableObservable, Observable, of, operators
from typing_extensions import assert_type

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    DifyChat,
    DifyChatflow,
    EventStream,
    RequestsDifyChat,
    aiterate,
    collect,
    iterate,
)

Item = ChatMessageSendCompletionResponse

client = RequestsDifyChat("http://localhost")
chat: DifyChat = client
flow: DifyChatflow = client
request = ChatMessageSendRequest(content="hi")
stream = chat.sendChatMessageStream(request)
assert_type(stream, EventStream[ChatMessageSendCompletionResponse])
assert_type(flow.workflowEvents("w"), EventStream[ChatMessageSendCompletionResponse])
assert_type(client.workflowEvents("w"), EventStream[ChatMessageSendCompletionResponse])
as_rxpy: Observable[Item] = stream
wider: EventStream[object] = stream
narrower: EventStream[str] = stream  # error
collect(stream.take(3))
collect(stream.map(lambda item: item.answer))  # error

# loops, and the last item
for item in stream:
    assert_type(item, ChatMessageSendCompletionResponse)
    item.answers  # error
for item in iterate(stream, prefetch=4):
    assert_type(item.answer, str | None)
assert_type(iterate(stream), Generator[ChatMessageSendCompletionResponse, None, None])
assert_type(stream.run(), ChatMessageSendCompletionResponse)


async def consume() -> None:
    async for item in stream:
        assert_type(item, ChatMessageSendCompletionResponse)
        item.answers  # error
    assert_type(await stream, ChatMessageSendCompletionResponse)
    assert_type(await stream.map(lambda item: item.answer), str | None)
    async with aclosing(aiterate(stream)) as items:
        async for item in items:
            assert_type(item.event, str | None)
    assert_type(await aiterate(stream).__anext__(), ChatMessageSendCompletionResponse)


# the fluent form
assert_type(stream.filter(lambda item: item.event == "message"), EventStream[Item])
assert_type(stream.map(lambda item: item.answer or ""), EventStream[str])
assert_type(stream.take(3).skip(1).last(), EventStream[Item])
assert_type(stream.take_while(lambda item: item.event != "x", inclusive=True), EventStream[Item])
assert_type(stream.do_action(lambda item: print(item.answer)), EventStream[Item])
assert_type(stream.distinct(lambda item: item.event), EventStream[Item])
assert_type(stream.retry(2).share(), EventStream[Item])
assert_type(stream.to_list(), EventStream[list[Item]])
assert_type(stream.buffer_with_count(2), EventStream[list[Item]])
assert_type(stream.scan(lambda count, item: count + 1, 0), EventStream[int])
assert_type(stream.reduce(lambda text, item: text + (item.answer or ""), ""), EventStream[str])
assert_type(stream.flat_map(lambda item: of(item.event)), EventStream[str | None])
assert_type(stream.concat_map(lambda item: chat.sendChatMessageStream(request)), EventStream[Item])
assert_type(stream.partition(lambda item: bool(item.answer)), list[EventStream[Item]])
assert_type(stream.to_future(), Future[Item])
stream.filter(lambda item: item.answers)  # error
stream.map(lambda item: item.answers)  # error
stream.do_action(lambda item: item.answers)  # error
stream.take("3")  # error
stream.fliter(lambda item: True)  # error

for text in stream.filter(lambda item: item.event == "message").map(lambda item: item.answer or ""):
    assert_type(text, str)
joined: str = stream.map(lambda item: item.answer or "").do_action(print).run()

shared = stream.publish()
connectable: ConnectableObservable[Item] = shared
shared.connect()
for item in shared.auto_connect(2):
    assert_type(item, ChatMessageSendCompletionResponse)


# pipe, whose functions no type checker gets to know the type of
def is_message(item: Item) -> bool:
    return item.event == "message"


def answer_of(item: Item) -> str:
    return item.answer or ""


assert_type(stream.pipe(), EventStream[Item])
texts = stream.pipe(
    operators.filter(is_message),
    operators.map(answer_of),
    operators.take(3),
)
assert_type(texts, EventStream[str])
for text in texts:
    assert_type(text, str)
assert_type(stream.pipe(operators.to_list()).run(), list[Item])
stream.pipe(operators.publish()).connect()

# slices and sums
assert_type(stream[1:3], EventStream[Item])
for item in stream[:2] + stream:
    assert_type(item, ChatMessageSendCompletionResponse)
assert_type(stream + of("x"), EventStream[Item | str])

# subscribe
stream.subscribe(lambda item: print(item.answer), lambda error: print(error), lambda: None)
stream.subscribe(lambda item: print(item.answers))  # error
