"""Every list of the facade, page by page, with the emulator at the other end."""

from __future__ import annotations

from dify_java_compat import (
    AppAnnotationCreateRequest,
    AppAnnotationPageRequest,
    AppFeedbackPageRequest,
    ChatMessageSendRequest,
    ConversationVariableRequest,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    RequestsDifyChat,
    WorkflowLogsRequest,
    pages,
)
from dify_java_compat.emulator import DifyEmulator

USER = "u-1"


def ask(chat: RequestsDifyChat, times: int, conversation_id: str | None = None) -> list[str]:
    answers = []
    for number in range(times):
        request = ChatMessageSendRequest(
            user_id=USER, content=f"question {number}", conversation_id=conversation_id
        )
        answers.append(chat.send(request))
    return [answer.message_id or "" for answer in answers]


def test_conversations_messages_and_feedback(dify_chat: RequestsDifyChat) -> None:
    ask(dify_chat, 5)
    conversations = list(
        pages(dify_chat.conversations, MessageConversationsRequest(user_id=USER, limit=2))
    )
    assert len({each.id for each in conversations}) == 5
    said = ask(dify_chat, 4, conversations[0].id)
    asked = MessagesRequest(user_id=USER, conversation_id=conversations[0].id, limit=2)
    messages = list(pages(dify_chat.messages, asked))
    assert len({each.id for each in messages}) == len(messages) == 5
    for message_id in said:
        dify_chat.messageFeedback(
            MessageFeedbackRequest(
                message_id=message_id, user_id=USER, rating=MessageFeedbackRequest.Rating.LIKE
            )
        )
    feedbacks = pages(dify_chat.feedbacks, AppFeedbackPageRequest(limit=3))
    assert {each.message_id for each in feedbacks} == set(said)


def test_annotations(dify_chat: RequestsDifyChat) -> None:
    made = {
        dify_chat.createAppAnnotation(AppAnnotationCreateRequest(question=f"q{n}", answer="a")).id
        for n in range(5)
    }
    listed = pages(dify_chat.pageAppAnnotation, AppAnnotationPageRequest(limit=2))
    assert {each.id for each in listed} == made


def test_variables_and_logs(dify_emulator: DifyEmulator) -> None:
    with RequestsDifyChat(dify_emulator.base_url, api_key="app-chatflow") as chat:
        answer = chat.send(ChatMessageSendRequest(user_id=USER, content="hi"))
        asked = ConversationVariableRequest(
            user_id=USER, conversation_id=answer.conversation_id, limit=1
        )
        variables = [each.name for each in pages(chat.conversationVariables, asked)]
        assert len(variables) == len(set(variables)) > 1
        assert list(pages(chat.workflowLogs, WorkflowLogsRequest(limit=1))) == []
