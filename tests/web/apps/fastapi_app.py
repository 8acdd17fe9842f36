"""A FastAPI application, with DTOs as bodies and answers."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    DifyException,
    DifyPageResult,
    IllegalArgumentException,
    MessagesResponseVO,
)
from dify_java_compat.web.starlette import error_response, event_stream

from .common import PAGE, options_of, stream_of
from .starlette_app import teapot

app = FastAPI()
app.add_exception_handler(IllegalArgumentException, error_response)
handled = FastAPI()
handled.add_exception_handler(DifyException, teapot)


class Question(BaseModel):
    tenant: str
    request: ChatMessageSendRequest


class Answers(BaseModel):
    tenant: str
    answers: list[ChatMessageSendResponse]
    last: ChatMessageSendCompletionResponse | None = None


@app.middleware("http")
async def through(request: Request, call_next: Any) -> Any:
    """As services have one, for a trace or a login: the response comes by way of it."""
    response = await call_next(request)
    response.headers["X-Through"] = "1"
    return response


@app.get("/", response_class=HTMLResponse)
def page() -> str:
    return PAGE


@app.get("/chat")
@handled.get("/chat")
def chat(request: Request) -> Any:
    return event_stream(stream_of(request.query_params), **options_of(request.query_params))


@app.post("/ask")
def ask(request: ChatMessageSendRequest) -> ChatMessageSendResponse:
    file = (request.files or [ChatMessageSendRequest.ChatMessageFile()])[0]
    return ChatMessageSendResponse(message_id=request.user_id, answer=file.transfer_method)


@app.post("/nested", response_model_exclude_none=True)
def nested(question: Question) -> Answers:
    answer = ChatMessageSendResponse(
        conversation_id=question.request.conversation_id, answer=question.request.content
    )
    return Answers(tenant=question.tenant, answers=[answer])


@app.get("/listed")
def listed() -> list[ChatMessageSendResponse]:
    return [ChatMessageSendResponse(message_id="m-1", answer="好")]


@app.get("/page")
def history() -> DifyPageResult[MessagesResponseVO]:
    return DifyPageResult(data=[MessagesResponseVO(conversation_id="c-1")], has_more=True)


app.mount("/handled", handled)
