"""`dify-oapi2`: a builder for everything; a stream is the bytes as they come."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from dify_oapi.api.chat.v1.model import (
    chat_request,
    chat_request_body,
    delete_conversation_request,
    delete_conversation_request_body,
    get_conversation_list_request,
    message_history_request,
    rename_conversation_request,
    rename_conversation_request_body,
    stop_chat_request,
    stop_chat_request_body,
)
from dify_oapi.api.dify.v1.model import submit_feedback_request, submit_feedback_request_body
from dify_oapi.client import Client
from dify_oapi.core.model.request_option import RequestOption

USER = "builders"


class Chat:
    """What it takes to call one server."""

    def __init__(self, base_url: str, key: str) -> None:
        # The client's own paths begin with /v1.
        client = Client.builder().domain(base_url.removesuffix("/v1")).build()
        self.v1 = client.chat.v1
        self.option = RequestOption.builder().api_key(key).build()

    def ask(self, query: str, *, stream: bool) -> Any:
        body = chat_request_body.ChatRequestBody.builder().query(query).inputs({}).user(USER)
        request = chat_request.ChatRequest.builder().request_body(body.build()).build()
        return self.v1.chat.chat(request, self.option, stream)

    def events(self, query: str) -> Iterator[dict[str, Any]]:
        unread = b""
        for piece in self.ask(query, stream=True):
            *frames, unread = (unread + piece).split(b"\n\n")
            for frame in frames:
                if frame.startswith(b"data: "):
                    yield json.loads(frame.removeprefix(b"data: "))
        assert not unread, unread

    def stop(self, query: str) -> dict[str, Any]:
        heard = []
        body = stop_chat_request_body.StopChatRequestBody.builder().user(USER).build()
        for event in self.events(query):
            if not heard:
                asked = stop_chat_request.StopChatRequest.builder().task_id(event["task_id"])
                stopped = self.v1.chat.stop(asked.request_body(body).build(), self.option)
            heard.append(event)
        return {
            "events": heard,
            "result": plain(stopped),
            "history": self.history(heard[0]["conversation_id"]),
        }

    def history(self, conversation_id: str) -> list[dict[str, Any]]:
        asked = message_history_request.GetMessageHistoryRequest.builder().user(USER)
        request = asked.conversation_id(conversation_id).build()
        return plain(self.v1.conversation.history(request, self.option))["data"]

    def rename(self, conversation_id: str, name: str) -> dict[str, Any]:
        body = rename_conversation_request_body.RenameConversationRequestBody.builder()
        asked = rename_conversation_request.RenameConversationRequest.builder()
        asked.conversation_id(conversation_id).request_body(body.name(name).user(USER).build())
        return plain(self.v1.conversation.rename(asked.build(), self.option))

    def rate(self, message_id: str) -> dict[str, Any]:
        body = submit_feedback_request_body.SubmitFeedbackRequestBody.builder()
        asked = submit_feedback_request.SubmitFeedbackRequest.builder().message_id(message_id)
        asked.request_body(body.rating("like").user(USER).build())
        return plain(self.v1.feedback.submit(asked.build(), self.option))

    def delete(self, conversation_id: str) -> None:
        body = delete_conversation_request_body.DeleteConversationRequestBody.builder()
        asked = delete_conversation_request.DeleteConversationRequest.builder()
        asked.conversation_id(conversation_id).request_body(body.user(USER).build())
        plain(self.v1.conversation.delete(asked.build(), self.option))

    def conversations(self) -> list[dict[str, Any]]:
        asked = get_conversation_list_request.GetConversationsListRequest.builder().user(USER)
        return plain(self.v1.conversation.list(asked.build(), self.option))["data"]


def plain(response: Any) -> dict[str, Any]:
    """A response as a dict; the client raises nothing where the server refuses."""
    assert response.success, response.msg
    return response.model_dump(mode="json", exclude={"raw"})


def main(base_url: str, slow_url: str, key: str) -> dict[str, Any]:
    chat = Chat(base_url, key)
    sent = plain(chat.ask("One 一", stream=False))
    streamed = list(chat.events("Two 二"))
    renamed = chat.rename(sent["conversation_id"], "名字")
    rated = chat.rate(sent["message_id"])
    before, listed = chat.history(sent["conversation_id"]), chat.conversations()
    chat.delete(sent["conversation_id"])
    return {
        "sent": sent,
        "streamed": {"events": streamed, "history": chat.history(streamed[0]["conversation_id"])},
        "stopped": Chat(slow_url, key).stop("Three 三"),
        "history": before,
        "renamed": renamed,
        "rated": rated,
        "listed": listed,
        "left": chat.conversations(),
    }


print(json.dumps(main(*sys.argv[1:])))
