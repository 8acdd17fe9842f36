"""A whole conversation through the facade, with the emulator at the other end of the socket."""

from __future__ import annotations

import pytest

from dify_java_compat import (
    AudioToTextRequest,
    BadRequestException,
    ChatMessageSendRequest,
    ClientConfig,
    DifyChat,
    FileUploadRequest,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    NotChatAppException,
    NotFoundException,
    RenameConversationRequest,
    RequestsDifyChat,
    TextToAudioRequest,
    UnauthorizedException,
    WorkflowFinishedData,
    collect,
    iterate,
)
from dify_java_compat.emulator import DifyEmulator
from tests.support.watching import Watcher, join_streams, request

USER = "user-1"


def chat_of(emulator: DifyEmulator, key: str, **config: object) -> RequestsDifyChat:
    return RequestsDifyChat(emulator.base_url, ClientConfig(**config), api_key=key)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow"])
def test_a_stream_and_what_is_stored_of_it(dify_emulator: DifyEmulator, key: str) -> None:
    with chat_of(dify_emulator, key) as chat:
        answered = collect(chat.sendChatMessageStream(request(user_id=USER)))
        assert answered.answer
        assert answered.metadata is not None
        [stored] = (
            chat.messages(
                MessagesRequest(user_id=USER, conversation_id=answered.conversation_id)
            ).data
            or []
        )
        assert (stored.id, stored.answer, stored.query) == (
            answered.message_id,
            answered.answer,
            "你好",
        )


def test_a_chatflow_tells_of_its_nodes(dify_emulator: DifyEmulator) -> None:
    with chat_of(dify_emulator, "app-chatflow") as chat:
        items = list(iterate(chat.sendChatMessageStream(request())))
        assert items[0].event == "workflow_started"
        [finished] = [item.data for item in items if item.event == "workflow_finished"]
        assert isinstance(finished, WorkflowFinishedData)
        assert finished.status == "succeeded"


def test_blocking_and_the_agents_refusal(dify_emulator: DifyEmulator) -> None:
    with chat_of(dify_emulator, "app-chat") as chat:
        assert chat.send(request()).mode == "chat"
    with chat_of(dify_emulator, "app-agent") as agent, pytest.raises(BadRequestException) as caught:
        agent.send(request())
    assert caught.value.code == "invalid_param"
    with chat_of(dify_emulator, "app-agent", blocking_via_stream=True) as agent:
        answered = agent.send(request())
        assert answered.answer
        assert answered.agent_thoughts


def test_the_life_of_a_conversation(dify_emulator: DifyEmulator) -> None:
    with chat_of(dify_emulator, "app-chat") as client:
        chat: DifyChat = client
        first = chat.send(request(user_id="life"))
        second = chat.send(request(user_id="life", conversation_id=first.conversation_id))
        assert second.conversation_id == first.conversation_id
        conversation_id, message_id = first.conversation_id, first.message_id

        page = chat.messages(
            MessagesRequest(userId="life", conversationId=conversation_id, limit=1)
        )
        assert page.has_more
        assert [message.id for message in page.data or []] == [second.message_id]

        liked = MessageFeedbackRequest(
            message_id=message_id, user_id="life", rating=MessageFeedbackRequest.Rating.LIKE
        )
        assert chat.messageFeedback(liked).result == "success"
        assert chat.messagesSuggested(message_id, None, "life")

        renamed = chat.renameConversation(
            RenameConversationRequest(conversationId=conversation_id, name="名字", userId="life")
        )
        assert renamed.name == "名字"
        listed = chat.conversations(MessageConversationsRequest(user_id="life")).data or []
        assert [(each.id, each.name) for each in listed] == [(conversation_id, "名字")]
        assert chat.conversations(MessageConversationsRequest(user_id="other")).data == []

        chat.deleteConversation(conversation_id, user_id="life")
        with pytest.raises(NotFoundException):
            chat.messages(MessagesRequest(user_id="life", conversation_id=conversation_id))


def test_speech_files_and_parameters(dify_emulator: DifyEmulator) -> None:
    with chat_of(dify_emulator, "app-chat") as chat:
        spoken = chat.textToAudio(TextToAudioRequest(text="你好", user_id=USER))
        assert spoken.headers["Content-Type"] == "audio/mpeg"
        assert chat.audioToText(AudioToTextRequest(file=spoken.body, user_id=USER)).text
        uploaded = chat.fileUpload(FileUploadRequest(file=("a.png", b"\x89PNG"), user_id=USER))
        file = ChatMessageSendRequest.ChatMessageFile(
            upload_file_id=uploaded.id, mime_type=uploaded.mime_type
        )
        stream = chat.sendChatMessageStream(request(user_id=USER, files=[file]))
        items = list(iterate(stream))
        assert {item.event for item in items} == {"message", "message_end"}
        assert chat.parameters().user_input_form


@pytest.mark.dify_emulator(token_pause=0.01)
def test_stop_on_dispose_keeps_the_partial_answer(dify_emulator: DifyEmulator) -> None:
    with chat_of(dify_emulator, "app-chat", stop_on_dispose=True) as chat:
        watcher = Watcher(chat.sendChatMessageStream(request(user_id=USER)))
        watcher.wait_for_items(3)
        watcher.subscription.dispose()
        join_streams()
        [conversation] = chat.conversations(MessageConversationsRequest(user_id=USER)).data or []
        [stored] = (
            chat.messages(MessagesRequest(user_id=USER, conversation_id=conversation.id)).data or []
        )
        assert stored.answer
        assert stored.answer.startswith("".join(i.answer or "" for i in watcher.items[:3]))


def test_keys_and_apps(dify_emulator: DifyEmulator) -> None:
    with (
        chat_of(dify_emulator, "app-wrong") as chat,
        pytest.raises(UnauthorizedException) as caught,
    ):
        chat.parameters()
    assert "app-wrong" not in str(caught.value)
    with chat_of(dify_emulator, "app-workflow") as chat, pytest.raises(NotChatAppException):
        chat.send(request())
