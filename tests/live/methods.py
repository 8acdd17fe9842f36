"""A call of each method that needs no person."""

from __future__ import annotations

import base64
import time
from typing import Any

from dify_java_compat import (
    AnnotationReplyActionEnum,
    AppAnnotationCreateRequest,
    AppAnnotationPageRequest,
    AppAnnotationReplyQueryRequest,
    AppAnnotationReplyRequest,
    AppAnnotationUpdateRequest,
    AppFeedbackPageRequest,
    AudioToTextRequest,
    ChatMessageSendRequest,
    ConversationVariableRequest,
    DifyFile,
    FilePreviewRequest,
    FileUploadRequest,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    RenameConversationRequest,
    RequestsDifyChat,
    TextToAudioRequest,
    UpdateConversationVariableRequest,
    WorkflowLogsRequest,
    collect,
)

from .live import LONG, PAUSE, Live, NotTried

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)


def send(live: Live) -> str:
    with live.chat("chat") as chat:
        answer = chat.send(live.question())
    assert answer.answer
    assert answer.message_id
    return f"{len(answer.answer)} characters"


def stream(live: Live) -> str:
    with live.chat("chat") as chat:
        answer = collect(chat.sendChatMessageStream(live.question()))
    assert answer.answer
    return f"{len(answer.answer)} characters"


def stop(live: Live) -> str:
    with live.chat("chat") as chat:
        events: list[str | None] = []
        for item in chat.sendChatMessageStream(live.question(LONG)):
            if item.task_id and not events:
                chat.stopMessagesStream(None, item.task_id, live.user)
            events.append(item.event)
    return f"{len(events)} events, the last a {events[-1]}"


def feedback(live: Live) -> str:
    with live.chat("chat") as chat:
        message_id = chat.send(live.question()).message_id
        for rating in (MessageFeedbackRequest.Rating.LIKE, None):
            request = MessageFeedbackRequest(
                user_id=live.user, message_id=message_id, rating=rating, content="live"
            )
            assert chat.messageFeedback(request).result == "success"
    return "like, and back"


def messages(live: Live) -> str:
    with live.chat("chat") as chat:
        said = chat.send(live.question())
        request = MessagesRequest(user_id=live.user, conversation_id=said.conversation_id)
        (stored,) = chat.messages(request).data or []
    assert stored.answer == said.answer
    return "as it was said"


def suggested(live: Live) -> str:
    with live.chat("chat") as chat:
        message_id = chat.send(live.question()).message_id
        return f"{len(chat.messagesSuggested(message_id, user_id=live.user))} questions"


def feedbacks(live: Live) -> str:
    with live.chat("chat") as chat:
        return f"{len(chat.feedbacks(AppFeedbackPageRequest(limit=5)).data or [])} of at most 5"


def conversations(live: Live) -> str:
    with live.chat("chat") as chat:
        said = chat.send(live.question())
        page = chat.conversations(MessageConversationsRequest(user_id=live.user))
    assert said.conversation_id in [one.id for one in page.data or []]
    return f"{len(page.data or [])} conversations"


def rename(live: Live) -> str:
    with live.chat("chat") as chat:
        said = chat.send(live.question())
        request = RenameConversationRequest(
            user_id=live.user, conversation_id=said.conversation_id, name="新名字 live"
        )
        assert chat.renameConversation(request).name == "新名字 live"
    return "新名字 live"


def delete(live: Live) -> str:
    with live.chat("chat") as chat:
        said = chat.send(live.question())
        chat.deleteConversation(said.conversation_id, user_id=live.user)
        page = chat.conversations(MessageConversationsRequest(user_id=live.user))
    assert said.conversation_id not in [one.id for one in page.data or []]
    return "gone"


def _variables(live: Live, chat: RequestsDifyChat) -> tuple[str | None, list[Any]]:
    said = chat.send(live.question())
    request = ConversationVariableRequest(user_id=live.user, conversation_id=said.conversation_id)
    return said.conversation_id, chat.conversationVariables(request).data or []


def variables(live: Live) -> str:
    with live.chat("chatflow") as chat:
        return f"{len(_variables(live, chat)[1])} variables"


def update_variable(live: Live) -> str:
    with live.chat("chatflow") as chat:
        conversation_id, found = _variables(live, chat)
        texts = [one for one in found if one.value_type == "string"]
        if not texts:
            raise NotTried("the chatflow has no conversation variable of type string")
        request = UpdateConversationVariableRequest(
            user_id=live.user, conversation_id=conversation_id, variable_id=texts[0].id, value="新"
        )
        assert chat.updateConversationVariable(request).value == "新"
    return str(texts[0].name)


def speech(live: Live) -> str:
    with live.chat("chat") as chat:
        spoken = chat.textToAudio(TextToAudioRequest(text="Hello", user_id=live.user))
    assert spoken.body
    return f"{len(spoken.body)} bytes of {spoken.headers.get('Content-Type')}"


def transcript(live: Live) -> str:
    with live.chat("chat") as chat:
        spoken = chat.textToAudio(TextToAudioRequest(text="Hello", user_id=live.user))
        heard = chat.audioToText(AudioToTextRequest(file=spoken.body, user_id=live.user))
    return f"{heard.text!r}"


def _upload(live: Live, chat: RequestsDifyChat) -> Any:
    picture = DifyFile(filename="live 图.png", content_type="image/png", content=PICTURE)
    return chat.fileUpload(FileUploadRequest(file=picture, user_id=live.user))


def upload(live: Live) -> str:
    with live.chat("chat") as chat:
        uploaded = _upload(live, chat)
    assert uploaded.size == len(PICTURE)
    return str(uploaded.name)


def preview(live: Live) -> str:
    with live.chat("chat") as chat:
        uploaded = _upload(live, chat)
        file = ChatMessageSendRequest.ChatMessageFile(
            type="image", transfer_method="local_file", upload_file_id=uploaded.id
        )
        chat.send(live.question(files=[file]))
        shown = chat.filePreview(FilePreviewRequest(file_id=uploaded.id, user_id=live.user))
    assert shown.body == PICTURE
    return f"{len(shown.body)} bytes"


def about(name: str, attribute: str) -> Any:
    def check(live: Live) -> str:
        with live.chat("chat") as chat:
            value = getattr(getattr(chat, name)(), attribute)
        assert value is not None
        return f"{attribute}: {str(value)[:60]}"

    return check


def manage(live: Live) -> str:
    with live.chat("chat") as chat:
        made = chat.createAppAnnotation(
            AppAnnotationCreateRequest(question=f"{live.user}?", answer="a")
        )
        try:
            changed = chat.updateAppAnnotation(
                AppAnnotationUpdateRequest(
                    annotation_id=made.id, question=f"{live.user}?", answer="b"
                )
            )
            assert changed.answer == "b"
            page = chat.pageAppAnnotation(AppAnnotationPageRequest(keyword=live.user))
            assert made.id in [one.id for one in page.data or []]
        finally:
            chat.deleteAppAnnotation(made.id)
    return "made, changed, listed, deleted"


def annotation_reply(live: Live) -> str:
    if live.embedding is None:
        raise NotTried("--embedding PROVIDER:MODEL switches annotation replies on and off")
    provider, model = live.embedding
    states = []
    with live.chat("chat") as chat:
        for action in (AnnotationReplyActionEnum.enable, AnnotationReplyActionEnum.disable):
            job = chat.annotationReply(
                AppAnnotationReplyRequest(
                    action=action,
                    embedding_provider_name=provider,
                    embedding_model_name=model,
                    score_threshold=0.9,
                )
            )
            query = AppAnnotationReplyQueryRequest(action=action, job_id=job.job_id)
            end = time.monotonic() + live.wait
            while (state := chat.queryAnnotationReply(query)).job_status == "waiting":
                assert time.monotonic() < end, "the job does not end"
                time.sleep(PAUSE)
            states.append(f"{action.value} {state.job_status}")
    return ", ".join(states)


def run(live: Live) -> str:
    with live.chat("chatflow") as chat:
        answer = collect(chat.sendChatMessageStream(live.question()))
        shown = chat.workflowRun(answer.workflow_run_id)
        [last] = list(chat.workflowEvents(answer.workflow_run_id, user_id=live.user))
    assert shown.status == answer.workflow_status == "succeeded"
    assert last.event == "workflow_finished"
    return f"{shown.status}, {shown.total_steps} steps"


def logs(live: Live) -> str:
    with live.chat("chatflow") as chat:
        return f"{chat.workflowLogs(WorkflowLogsRequest(limit=5)).total} runs"


def end_user(live: Live) -> str:
    with live.chat("chat") as chat:
        user_id = _upload(live, chat).created_by
        found = chat.endUser(user_id)
    assert found.session_id == live.user
    return f"is_anonymous: {found.is_anonymous}"


METHODS = {
    "send": send,
    "sendChatMessageStream": stream,
    "stopMessagesStream": stop,
    "messageFeedback": feedback,
    "messages": messages,
    "messagesSuggested": suggested,
    "feedbacks": feedbacks,
    "conversationVariables": variables,
    "updateConversationVariable": update_variable,
    "conversations": conversations,
    "deleteConversation": delete,
    "renameConversation": rename,
    "textToAudio": speech,
    "audioToText": transcript,
    "parameters": about("parameters", "user_input_form"),
    "fileUpload": upload,
    "info": about("info", "mode"),
    "meta": about("meta", "tool_icons"),
    "site": about("site", "title"),
    "filePreview": preview,
    "pageAppAnnotation, createAppAnnotation, updateAppAnnotation, deleteAppAnnotation": manage,
    "annotationReply, queryAnnotationReply": annotation_reply,
    "workflowRun, workflowEvents of a run that is over": run,
    "workflowLogs": logs,
    "endUser": end_user,
    "serverInfo": about("serverInfo", "server_version"),
}
