"""The operators: what an Observable gives after each, and the lambdas in them."""

from reactivex import Observable, operators
from typing_extensions import assert_type

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    ConnectionException,
    DifyException,
    EventStream,
    RequestsDifyChat,
    TimeoutException,
    collect,
)
from dify_java_compat import operators as dify_ops

chat = RequestsDifyChat("http://localhost", api_key="k")
stream = chat.sendChatMessageStream(ChatMessageSendRequest(content="hi"))
numbers: Observable[int] = Observable()
words: Observable[str] = Observable()

# the items keep their type
assert_type(
    stream.pipe(dify_ops.do_on_cancel(lambda: None)),
    EventStream[ChatMessageSendCompletionResponse],
)
assert_type(numbers.pipe(dify_ops.do_on_cancel(lambda: print("gone"))), Observable[int])
assert_type(numbers.pipe(dify_ops.switch_if_empty(numbers)), Observable[int])
dify_ops.switch_if_empty(1)  # error
dify_ops.do_on_cancel(1)  # error


# lists of them; mypy needs a function with types, as for RxPY's own `filter`
def ends_a_node(item: ChatMessageSendCompletionResponse) -> bool:
    return item.event == "node_finished"


assert_type(
    stream.pipe(dify_ops.buffer_until(ends_a_node)),
    EventStream[list[ChatMessageSendCompletionResponse]],
)
numbers.pipe(dify_ops.buffer_until(ends_a_node))  # error
dify_ops.buffer_until("node_finished")  # error


# another attempt
def seconds(error: Exception, retries: int) -> float | None:
    return None if retries > 3 else 0.5


assert_type(numbers.pipe(dify_ops.retry_when(seconds)), Observable[int])
dify_ops.retry_when(dify_ops.backoff(3, 0.5))
dify_ops.retry_when(dify_ops.backoff(3, 0.5, 10, jitter=0, only=ConnectionException))
dify_ops.backoff(3, 0.5, only=(ConnectionException, TimeoutException))
dify_ops.backoff(3, 0.5, only=lambda error: isinstance(error, DifyException))
dify_ops.backoff(3, 0.5, only="ConnectionException")  # error
dify_ops.backoff(3)  # error
dify_ops.retry_when(3)  # error

# one answer
assert_type(stream.pipe(dify_ops.collected()), EventStream[ChatMessageSendResponse])
assert_type(stream.pipe(operators.share(), dify_ops.collected()).run(), ChatMessageSendResponse)
assert_type(collect(stream), ChatMessageSendResponse)
numbers.pipe(dify_ops.collected())  # error

# what is put between them
assert_type(numbers.pipe(dify_ops.heartbeat(15)), Observable[int | None])
assert_type(numbers.pipe(dify_ops.heartbeat(15, lambda: "beat")), Observable[int | str])
assert_type(words.pipe(dify_ops.heartbeat(15, lambda: ": beat\n\n")), Observable[str])
dify_ops.heartbeat("15")  # error
dify_ops.heartbeat(15, "beat")  # error
