"""What DTOs give as JSON and take from it."""

import contextlib
import copy
import json
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from dify_java_compat import (
    AppParametersResponseVO,
    BaseChatRequest,
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    CompletionData,
    DifyFile,
    DifyPageResult,
    MessageFeedbackRequest,
    NodeFinishedData,
    UserInputForm,
    WorkflowFinishedData,
)
from dify_java_compat._api.codec import decode, event_decoder
from dify_java_compat.models import EVENT_DATA, File, FileUpload, TextInput, TextToSpeech

from .classes import ALL

Rating = MessageFeedbackRequest.Rating


def test_json_has_javas_names_and_its_nulls() -> None:
    request = ChatMessageSendRequest(
        api_key="k",
        user_id="u",
        content="你好",
        files=[ChatMessageSendRequest.ChatMessageFile(type="image", upload_file_id="f")],
        inputs={"user_name": "张三"},
    )
    assert request.to_dict() == {
        "apiKey": "k",
        "userId": "u",
        "conversationId": None,
        "content": "你好",
        "files": [
            {
                "type": "image",
                "transferMethod": None,
                "url": None,
                "uploadFileId": "f",
                "mimeType": None,
            }
        ],
        "inputs": {"user_name": "张三"},
        "auto_generate_name": True,
        "workflowId": None,
        "traceId": None,
    }


def test_chinese_is_not_escaped() -> None:
    text = TextInput(label="姓名", default_value="张三").to_json()
    assert '"label":"姓名"' in text
    assert '"defaultValue":"张三"' in text
    assert "\\u" not in text
    assert '"label": "姓名"' in TextInput(label="姓名").to_json(indent=2)
    assert "\\u59d3" in TextInput(label="姓名").to_json(ensure_ascii=True)


def test_json_text_is_compact_and_in_the_order_of_the_fields() -> None:
    file = DifyFile(filename="a.txt", size=3)
    assert file.to_json() == '{"filename":"a.txt","contentType":null,"content":null,"size":3}'


@pytest.mark.parametrize(
    "value",
    [2**70, -(2**70), 1e300, {"1": [None, True]}, "\u2028\u0085\x00", "😀"],
    ids=["large", "small", "float", "nested", "separators", "emoji"],
)
def test_any_json_value_survives(value: Any) -> None:
    request = ChatMessageSendRequest(inputs={"value": value})
    assert ChatMessageSendRequest.from_json(request.to_json()) == request


def test_half_a_character_can_be_written_and_read() -> None:
    request = ChatMessageSendRequest(content="\ud83d")
    request.to_json().encode()  # as a front end gets it
    assert ChatMessageSendRequest.from_json(request.to_json()) == request


def test_the_wires_names() -> None:
    form = UserInputForm(textInput=TextInput(maxLength=3, defaultValue="x"))
    wire = form.to_wire()
    assert wire["text-input"]["default"] == "x"
    assert wire["text-input"]["max_length"] == 3
    assert "file-list" in wire
    java = form.to_dict()
    assert java["textInput"]["defaultValue"] == "x"
    assert java["fileList"] is None
    assert TextToSpeech(auto_play="enabled").to_wire()["autoPlay"] == "enabled"
    assert TextToSpeech.from_dict({"autoPlay": "enabled"}).auto_play == "enabled"
    assert (
        FileUpload.from_dict({"fileUploadConfig": {"fileSizeLimit": 15}}).to_wire()[
            "fileUploadConfig"
        ]["file_size_limit"]
        == 15
    )


def test_wire_names_inside_lists() -> None:
    wire = {"user_input_form": [{"text-input": {"default": "x"}}, {"file": {"variable": "f"}}]}
    parameters = AppParametersResponseVO.from_dict(wire)
    assert parameters.user_input_form == [
        UserInputForm(text_input=TextInput(default_value="x")),
        UserInputForm(file=File(variable="f")),
    ]
    assert parameters.to_wire()["user_input_form"][0]["text-input"]["default"] == "x"


@pytest.mark.parametrize(
    "wire",
    [
        {"text-input": {"default": 1, "defaultValue": 2}},
        {"file": {"max_length": 1, "maxLength": 2}},
    ],
)
def test_two_names_of_one_field_inside_another(wire: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"both '.+' and '.+' given"):
        UserInputForm.from_dict(wire)


def test_unknown_names_are_left_out() -> None:
    assert TextInput.from_dict({"label": "a", "Label": "b", "x": 1}) == TextInput(label="a")


@pytest.mark.parametrize("value", [None, [], "{}", 1])
def test_only_a_mapping_is_a_dto(value: Any) -> None:
    with pytest.raises(TypeError, match=r"TextInput\.from_dict takes a mapping, not"):
        TextInput.from_dict(value)


def test_any_mapping_will_do() -> None:
    nested: Mapping[str, Any] = MappingProxyType({"label": "a"})
    form = UserInputForm.from_dict(MappingProxyType({"textInput": nested}))
    assert form == UserInputForm(text_input=TextInput(label="a"))


def test_options_of_the_json_reader_are_handed_on() -> None:
    request = ChatMessageSendRequest.from_json(
        '{"inputs": {"price": 1.50}}', parse_float=str, infer_missing=True
    )
    assert request.inputs == {"price": "1.50"}


@pytest.mark.parametrize("value", [1, "x", [], {}, [{}], None, True])
def test_a_value_of_another_type_is_kept(value: Any) -> None:
    assert TextInput.from_dict({"label": value}).label == value
    assert ChatMessageSendRequest.from_dict({"files": 1, "inputs": value}).inputs == value
    assert MessageFeedbackRequest.from_dict({"rating": value}).rating == value


def test_a_rating_as_json() -> None:
    assert MessageFeedbackRequest.from_dict({"rating": "like"}).rating is Rating.LIKE
    assert MessageFeedbackRequest(rating=Rating.DISLIKE).to_dict()["rating"] == "dislike"
    assert MessageFeedbackRequest(rating=Rating.UNLIKE).to_json().count('"rating":null') == 1
    assert MessageFeedbackRequest.from_dict({"rating": None}).rating is None
    assert MessageFeedbackRequest.from_dict({"rating": "love"}).rating == "love"  # type: ignore[comparison-overlap]


@pytest.mark.parametrize("event", sorted(EVENT_DATA))
def test_the_data_of_an_event_has_the_events_class(event: str) -> None:
    item = ChatMessageSendCompletionResponse.from_dict({"event": event, "data": {}})
    assert type(item.data) is EVENT_DATA[event]


@pytest.mark.parametrize("event", ["unheard_of", None, 1, ["node_started"], {}])
def test_the_data_of_an_unknown_event(event: Any) -> None:
    item = ChatMessageSendCompletionResponse.from_dict({"event": event, "data": {"id": "x"}})
    assert type(item.data) is CompletionData


def test_data_that_is_not_an_object_is_kept() -> None:
    item = ChatMessageSendCompletionResponse.from_dict({"event": "node_started", "data": "x"})
    assert item.data == "x"


def test_dtos_inside_an_event() -> None:
    wire = {"event": "node_finished", "data": {"executionMetadata": {"total_tokens": 3}}}
    data = ChatMessageSendCompletionResponse.from_dict(wire).data
    assert isinstance(data, NodeFinishedData)
    assert data.execution_metadata == NodeFinishedData.ExecutionMetadata(total_tokens=3)


def test_a_page_of_plain_values() -> None:
    assert DifyPageResult.from_dict({"data": ["a"], "hasMore": False}).data == ["a"]


def test_raw_is_the_object_as_received() -> None:
    body = b'{"answer": "hi", "new_field": {"a": [1]}, "metadata": {"usage": {}, "odd": 1}}'
    answer = decode(ChatMessageSendResponse, body)
    assert answer.raw == json.loads(body)
    assert answer.raw is answer.raw
    assert "raw" not in answer.to_dict()
    assert "new_field" not in answer.to_dict()
    assert "_raw" not in repr(answer)


def test_raw_of_what_was_built_by_hand() -> None:
    assert ChatMessageSendResponse(answer="hi").raw == {}
    assert ChatMessageSendResponse.from_dict({"answer": "hi"}).raw == {}


def test_raw_takes_no_part_in_a_comparison() -> None:
    assert decode(ChatMessageSendResponse, b'{"answer": "hi", "x": 1}') == ChatMessageSendResponse(
        answer="hi"
    )


def test_raw_cannot_be_set() -> None:
    with pytest.raises(AttributeError, match="has no field 'raw'"):
        ChatMessageSendResponse().raw = {}  # type: ignore[misc]


@pytest.mark.parametrize("cls", [cls for cls in ALL if issubclass(cls, BaseChatRequest)])
def test_a_repr_never_shows_the_key(cls: type[BaseChatRequest]) -> None:
    request = cls(api_key="app-secret", user_id="u")
    for text in (repr(request), str(request), f"{request}", repr([request]), repr({"r": request})):
        assert "app-secret" not in text
        assert "user_id='u'" in text
        assert "api_key=***" in text


def test_a_repr_shows_what_is_there() -> None:
    file = ChatMessageSendRequest.ChatMessageFile(uploadFileId="f")
    assert repr(file) == "ChatMessageSendRequest.ChatMessageFile(upload_file_id='f')"


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_dto_can_be_copied_and_pickled(again: Any) -> None:
    body = b'{"event": "workflow_finished", "data": {"outputs": {"answer": "hi"}}, "more": 1}'
    item = event_decoder()(body)
    copied = again(item)
    assert copied == item
    assert isinstance(copied.data, WorkflowFinishedData)
    assert copied.raw == item.raw
    copied.taskId = "t"
    assert item.task_id is None


def nested(depth: int) -> str:
    return '{"event":"message","answer":"a","data":' + '{"a":' * depth + "1" + "}" * (depth + 1)


@pytest.mark.parametrize("depth", [100, 450, 900, 5000, 200_000])
def test_json_that_nests_deep_ends_in_a_value_error_at_most(depth: int) -> None:
    text = nested(depth)
    for read in (
        lambda: decode(ChatMessageSendCompletionResponse, text.encode()),
        lambda: ChatMessageSendCompletionResponse.from_json(text),
    ):
        try:
            item = read()
        except ValueError:
            continue
        repr(item)
        for write in (item.to_dict, item.to_wire, item.to_json, lambda item=item: item.raw):
            with contextlib.suppress(ValueError):
                write()


def test_an_integer_of_many_digits_is_kept_as_its_text() -> None:
    digits = "9" * 5000
    item = decode(ChatMessageSendCompletionResponse, f'{{"event":"message","n":{digits}}}'.encode())
    assert item.raw == {"event": "message", "n": digits}
    known = decode(ChatMessageSendCompletionResponse, f'{{"answer":{digits}}}'.encode())
    assert known.answer == digits  # type: ignore[comparison-overlap]


def test_a_byte_order_mark_is_passed_over() -> None:
    text = '\ufeff{"event":"message"}'
    assert decode(ChatMessageSendCompletionResponse, text.encode()).event == "message"
    assert ChatMessageSendCompletionResponse.from_json(text).event == "message"
    assert ChatMessageSendCompletionResponse.from_json(text.encode()).event == "message"


def test_a_field_that_the_server_spells_twice_is_no_error() -> None:
    """Of a value that is not of its type, too, where JSON is read another way."""
    for answer in ('"a"', "5"):
        body = f'{{"answer":{answer},"task_id":"a","taskId":"b"}}'.encode()
        assert decode(ChatMessageSendCompletionResponse, body).task_id in ("a", "b")
