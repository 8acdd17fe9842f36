"""What Java's chat lacks, and the app's own methods, with the emulator at the other end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dify_java_compat import (
    AnnotationReplyActionEnum,
    AppAnnotationCreateRequest,
    AppAnnotationPageRequest,
    AppAnnotationReplyQueryRequest,
    AppAnnotationReplyRequest,
    AppAnnotationUpdateRequest,
    AppFeedbackPageRequest,
    BadRequestException,
    ChatMessageSendRequest,
    ClientConfig,
    ConversationVariableRequest,
    FilePreviewRequest,
    FileUploadRequest,
    HttpClientException,
    HumanInputData,
    HumanInputSubmitRequest,
    MessageFeedbackRequest,
    NotFoundException,
    RequestsDifyChat,
    UpdateConversationVariableRequest,
    WorkflowFinishedData,
    WorkflowLogsRequest,
    WorkflowPausedData,
    collect,
    iterate,
)
from dify_java_compat.emulator import DifyEmulator, faults
from tests.support.watching import request

USER = "u-1"


@pytest.fixture
def chatflow(dify_emulator: DifyEmulator) -> Iterator[RequestsDifyChat]:
    with RequestsDifyChat(dify_emulator.base_url, api_key="app-chatflow") as client:
        yield client


def submit(token: str | None, **values: object) -> HumanInputSubmitRequest:
    given = {
        "form_token": token,
        "user_id": USER,
        "action": "approve",
        "inputs": {"comment": "好", "priority": "high"},
        **values,
    }
    return HumanInputSubmitRequest(**given)  # type: ignore[arg-type]


@pytest.mark.dify_emulator(version="1.12")
def test_two_pauses_in_a_row(chatflow: RequestsDifyChat) -> None:
    items = list(iterate(chatflow.sendChatMessageStream(request(content="hi [human x2]"))))
    assert [item.event for item in items[-2:]] == ["human_input_required", "workflow_paused"]
    run_id = items[-1].workflow_run_id
    assert isinstance(items[-1].data, WorkflowPausedData)
    for pause in (1, 2):
        asked = items[-2].data
        assert isinstance(asked, HumanInputData)
        form = chatflow.humanInputForm(asked.form_token)
        assert form.form_content == asked.form_content
        assert [action["id"] for action in form.user_actions or []] == ["approve", "reject"]
        chatflow.submitHumanInputForm(submit(asked.form_token))
        with pytest.raises(HttpClientException) as twice:
            chatflow.submitHumanInputForm(submit(asked.form_token))
        assert (twice.value.status_code, twice.value.code) == (412, "human_input_form_submitted")
        items = list(iterate(chatflow.workflowEvents(run_id, user_id=USER)))
        if pause == 1:
            assert items[0].event == "human_input_form_filled"
            assert isinstance(items[0].data, HumanInputData)
            assert items[0].data.action_id == "approve"
            assert items[-1].event == "workflow_paused"
    assert "workflow_finished" in {item.event for item in items}
    run = chatflow.workflowRun(workflowRunId=run_id)
    assert run.status == "succeeded"
    assert isinstance(run.outputs, dict)
    assert run.outputs["answer"]
    assert isinstance(run.raw["outputs"], str)


@pytest.mark.parametrize(
    "_version",
    [
        pytest.param(version, marks=pytest.mark.dify_emulator(version=version))
        for version in ("1.12", "1.14")
    ],
)
def test_one_stream_over_several_pauses(chatflow: RequestsDifyChat, _version: str) -> None:
    """The order that loses nothing on either: read from a snapshot, and submit each form once."""
    items = list(iterate(chatflow.sendChatMessageStream(request(content="[human x2]"))))
    run_id, events, submitted = items[-1].workflow_run_id, [], set()
    stream = chatflow.workflowEvents(
        run_id, None, USER, includeStateSnapshot=True, continueOnPause=True
    )
    for item in iterate(stream):
        events.append(item.event)
        if item.event == "human_input_required" and item.data.form_token not in submitted:
            submitted.add(item.data.form_token)
            chatflow.submitHumanInputForm(submit(item.data.form_token))
    assert len(submitted) == 2
    assert events.count("human_input_form_filled") == 2
    assert "workflow_finished" in events


def test_forms_that_cannot_be_filled_in(
    dify_emulator: DifyEmulator, chatflow: RequestsDifyChat
) -> None:
    with pytest.raises(NotFoundException):
        chatflow.humanInputForm("no-such-form")
    items = list(iterate(chatflow.sendChatMessageStream(request(content="[human]"))))
    token = items[-2].data.form_token
    with pytest.raises(BadRequestException) as caught:
        chatflow.submitHumanInputForm(submit(token, inputs={}))
    assert caught.value.code == "invalid_form_data"
    dify_emulator.expire_forms()
    with pytest.raises(HttpClientException) as expired:
        chatflow.submitHumanInputForm(submit(token))
    assert (expired.value.status_code, expired.value.code) == (412, "human_input_form_expired")


def test_events_of_a_finished_run_and_of_another_user(chatflow: RequestsDifyChat) -> None:
    items = list(iterate(chatflow.sendChatMessageStream(request())))
    run_id = items[0].workflow_run_id
    [only] = list(iterate(chatflow.workflowEvents(run_id, user_id=USER)))
    assert isinstance(only.data, WorkflowFinishedData)
    with pytest.raises(NotFoundException):
        list(iterate(chatflow.workflowEvents(run_id, user_id="somebody-else")))


@pytest.mark.parametrize("after_events", [1, 3, 6, 12])
def test_a_broken_stream_is_taken_up_again(dify_emulator: DifyEmulator, after_events: int) -> None:
    config = ClientConfig(resume_streams=True)
    with RequestsDifyChat(dify_emulator.base_url, config, api_key="app-chatflow") as chatflow:
        whole = collect(chatflow.sendChatMessageStream(request()))
        dify_emulator.fault(faults.Cut(after_events=after_events))
        items = list(iterate(chatflow.sendChatMessageStream(request())))
        about_nodes = [(item.event, item.data.raw["id"]) for item in items if item.data]
        assert len(about_nodes) == len(set(about_nodes))
        finished = items[-1].data if items[-1].data else items[-2].data
        assert isinstance(finished, WorkflowFinishedData)
        assert (finished.outputs or {})["answer"] == whole.answer


def test_logs_and_users(dify_emulator: DifyEmulator, chatflow: RequestsDifyChat) -> None:
    assert chatflow.workflowLogs(WorkflowLogsRequest(limit=5)).data is not None
    with pytest.raises(NotFoundException) as caught:
        chatflow.endUser("00000000-0000-4000-8000-000000000000")
    assert caught.value.code == "end_user_not_found"


def test_the_app_itself(dify_chat: RequestsDifyChat) -> None:
    assert dify_chat.info().mode == "chat"
    assert dify_chat.meta().tool_icons is not None
    assert dify_chat.site(apikey="app-chat").title


def test_annotations(dify_chat: RequestsDifyChat) -> None:
    created = dify_chat.createAppAnnotation(AppAnnotationCreateRequest(question="问", answer="答"))
    page = dify_chat.pageAppAnnotation(AppAnnotationPageRequest())
    assert [each.id for each in page.data or []] == [created.id]
    updated = dify_chat.updateAppAnnotation(
        AppAnnotationUpdateRequest(annotationId=created.id, question="Q", answer="A")
    )
    assert (updated.question, updated.answer) == ("Q", "A")
    job = dify_chat.annotationReply(
        AppAnnotationReplyRequest(
            action=AnnotationReplyActionEnum.enable,
            embeddingProviderName="p",
            embeddingModelName="m",
            scoreThreshold=0.9,
        )
    )
    asked = AppAnnotationReplyQueryRequest(
        action=AnnotationReplyActionEnum.enable, job_id=job.job_id
    )
    assert dify_chat.queryAnnotationReply(asked).job_status in ("waiting", "completed")
    dify_chat.deleteAppAnnotation(annotationId=created.id)
    with pytest.raises(NotFoundException):
        dify_chat.deleteAppAnnotation(created.id)


def test_feedback_and_previews(dify_chat: RequestsDifyChat) -> None:
    answered = dify_chat.send(request())
    dify_chat.messageFeedback(
        MessageFeedbackRequest(
            message_id=answered.message_id,
            user_id=USER,
            rating=MessageFeedbackRequest.Rating.LIKE,
            content="好",
        )
    )
    [feedback] = dify_chat.feedbacks(AppFeedbackPageRequest()).data or []
    assert (feedback.rating, feedback.content) == ("like", "好")
    uploaded = dify_chat.fileUpload(FileUploadRequest(file=("a.png", b"\x89PNG1"), user_id=USER))
    with pytest.raises(NotFoundException):
        dify_chat.filePreview(FilePreviewRequest(file_id=uploaded.id))
    file = ChatMessageSendRequest.ChatMessageFile(upload_file_id=uploaded.id)
    dify_chat.send(request(files=[file]))
    preview = dify_chat.filePreview(FilePreviewRequest(fileId=uploaded.id, asAttachment=True))
    assert preview.body == b"\x89PNG1"
    assert "attachment" in preview.headers["Content-Disposition"]


def test_variables_of_a_conversation(chatflow: RequestsDifyChat) -> None:
    conversation_id = collect(chatflow.sendChatMessageStream(request())).conversation_id
    asked = ConversationVariableRequest(conversation_id=conversation_id, user_id=USER)
    variables = {each.name: each for each in chatflow.conversationVariables(asked).data or []}
    number = next(each for each in variables.values() if each.value_type == "number")
    update = UpdateConversationVariableRequest(
        conversation_id=conversation_id, variable_id=number.id, value=7, user_id=USER
    )
    assert str(chatflow.updateConversationVariable(update).value) == "7"
    update.value = "seven"
    with pytest.raises(BadRequestException):
        chatflow.updateConversationVariable(update)
