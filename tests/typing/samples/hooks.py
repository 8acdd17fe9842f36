"""Headers, interceptors, listeners, Java's other builder, and streams to a browser."""

from typing import Any

import flask
from typing_extensions import assert_type

from dify_java_compat import (
    Call,
    CallListener,
    ChatMessageSendRequest,
    ClientConfig,
    DifyChatBuilder,
    DifyClient,
    DifyProperties,
    InterceptedRequest,
    InterceptedResponse,
    Interceptor,
    InterceptorChain,
    RequestsDifyChat,
)
from dify_java_compat.web.flask import event_stream
from dify_java_compat.web.starlette import EventStreamResponse
from dify_java_compat.web.starlette import event_stream as starlette_stream


class Tenant(Interceptor):
    def intercept(self, chain: InterceptorChain) -> InterceptedResponse:
        assert_type(chain.request(), InterceptedRequest)
        response = chain.proceed(chain.request().with_header("X-Tenant", "t"))
        assert_type(response.status, int)
        chain.request().with_header("X-Tenant", 1)  # error
        return response


class Times(CallListener):
    def on_end(self, call: Call) -> None:
        assert_type(call.milliseconds, float | None)
        call.seconds  # error


config = ClientConfig(headers={"X-A": "b"}, interceptors=[Tenant()], listeners=[Times()])
ClientConfig(headers={"X-A": 1})  # error
chat = DifyChatBuilder.builder().baseUrl("u").defaultHeader("A", "b").interceptor(Tenant()).build()
assert_type(chat, RequestsDifyChat)
assert_type(DifyClient.builder().clientConfig(config).build().getChat(), RequestsDifyChat)
chat.with_options(headers={"X-Tenant": "t"}, telemetry=True)
chat.with_options(headers="x")  # error

request = ChatMessageSendRequest(content="Hi")
assert_type(request.to_dict(exclude_none=True), dict[str, Any])
assert_type(request.to_json(exclude_none=True), str)
stream = chat.sendChatMessageStream(request)
assert_type(event_stream(stream, named=True), flask.Response)
assert_type(starlette_stream(stream), EventStreamResponse)
event_stream(stream, heartbeat="x")  # error
assert_type(DifyProperties().get("recommend.api-key", ""), Any)
