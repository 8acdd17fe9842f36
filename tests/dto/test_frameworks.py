"""Java's JSON wherever a library or a framework writes a DTO, and either spelling read."""

import copy
import dataclasses
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Optional

import django.conf
import flask
import pytest
from dataclasses_json import DataClassJsonMixin, config, dataclass_json
from django.http import JsonResponse
from marshmallow import ValidationError
from pydantic import BaseModel, TypeAdapter
from pydantic import ValidationError as PydanticError

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    DifyPageResult,
    MessageFeedbackRequest,
    MessagesResponseVO,
    NodeFinishedData,
)
from dify_java_compat._api.codec import event_decoder
from dify_java_compat._dto.dto import Dto
from dify_java_compat.web.django import DifyJSONEncoder
from dify_java_compat.web.flask import JSONProvider

from .classes import ALL
from .filled import filled

if not django.conf.settings.configured:
    django.conf.settings.configure()

EACH = pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__qualname__)
Item = ChatMessageSendCompletionResponse
EVENT = b'{"event":"node_finished","task_id":"t","data":{"node_id":"n","outputs":1},"more":1}'


@dataclass_json
@dataclass
class Holder:
    one: Any
    item: Item
    maybe: Optional[Item] = None  # noqa: UP045  # as dataclasses-json's own pages write it
    many: list[Item] = field(default_factory=list)
    by_name: dict[str, Item] = field(default_factory=dict)


def flask_json(value: Any) -> Any:
    app = flask.Flask("json")
    app.json = JSONProvider(app)
    with app.app_context():
        return json.loads(flask.jsonify(value).data)


def django_json(value: Any) -> Any:
    return json.loads(JsonResponse(value, encoder=DifyJSONEncoder, safe=False).content)


def pydantic_json(value: Dto) -> Any:
    return json.loads(TypeAdapter(type(value)).dump_json(value))


def schema_json(value: Dto) -> Any:
    return json.loads(value.schema().dumps(value))


def library_json(value: Any) -> Any:
    made = dataclasses.make_dataclass("Made", [("value", type(value))], bases=(DataClassJsonMixin,))
    return json.loads(made(value).to_json())["value"]


WRITERS: list[Callable[[Any], Any]] = [
    flask_json,
    django_json,
    pydantic_json,
    schema_json,
    library_json,
]


@EACH
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_what_is_written_is_javas(cls: type[Dto], write: Callable[[Any], Any]) -> None:
    for value in (cls(), filled(cls)):
        assert write(value) == json.loads(value.to_json())


@EACH
@pytest.mark.parametrize("write", [flask_json, django_json], ids=lambda write: write.__name__)
def test_within_what_a_view_returns(cls: type[Dto], write: Callable[[Any], Any]) -> None:
    value = filled(cls)
    java = json.loads(value.to_json())
    assert write({"data": [value, {"one": value}]}) == {"data": [java, {"one": java}]}


@EACH
def test_either_spelling_is_read(cls: type[Dto]) -> None:
    value = filled(cls)
    made: Any = dataclasses.make_dataclass("Made", [("value", cls)], bases=(DataClassJsonMixin,))
    for spelt in (json.loads(value.to_json()), value.to_wire(), {**value.to_wire(), "more": 1}):
        assert TypeAdapter(cls).validate_python(spelt) == value
        assert cls.schema().load(spelt) == value
        assert made.from_dict({"value": spelt}).value == value


@EACH
def test_the_description_has_javas_names_and_what_it_describes_is_right(cls: type[Dto]) -> None:
    adapter = TypeAdapter(cls)
    described = adapter.json_schema()
    assert list(described["properties"]) == list(cls().to_dict())
    assert described == adapter.json_schema(mode="serialization")


@EACH
def test_without_nulls(cls: type[Dto]) -> None:
    def full(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: full(item) for name, item in value.items() if item is not None}

    value = cls()
    assert value.to_dict(exclude_none=True) == full(value.to_dict())
    assert json.loads(value.to_json(exclude_none=True)) == full(value.to_dict())
    assert json.loads(value.to_json(exclude_none=True, indent=1)) == full(value.to_dict())
    assert TypeAdapter(cls).dump_python(value, exclude_none=True) == full(value.to_dict())


@EACH
def test_equal_dtos_have_equal_hashes(cls: type[Dto]) -> None:
    value = filled(cls)
    assert len({value, copy.deepcopy(value), cls()}) == (2 if value != cls() else 1)
    assert hash(cls.from_dict(value.to_dict())) == hash(value)


@pytest.mark.parametrize("sent", [{}, {"data": None}, {"data": []}])
def test_the_items_of_a_page_are_never_none(sent: dict[str, Any]) -> None:
    page: DifyPageResult[Any] = DifyPageResult(**sent)
    assert page.data == page.to_dict()["data"] == page.to_wire()["data"] == []
    assert page.data is not DifyPageResult().data
    adapter: Any = TypeAdapter(DifyPageResult)
    assert adapter.dump_python(page, exclude_defaults=True) == {}
    made: Any = dataclasses.make_dataclass(
        "Made", [("value", DifyPageResult)], bases=(DataClassJsonMixin,)
    )
    assert made.from_dict({"value": sent}).value == page
    for read in (
        DifyPageResult.from_dict,
        adapter.validate_python,
        DifyPageResult.schema().load,
    ):
        assert read({**sent, "hasMore": True}) == DifyPageResult(has_more=True)


def test_null_fields_are_left_out_at_any_depth_and_nulls_of_maps_kept() -> None:
    part = ChatMessageSendRequest.ChatMessageFile(type="image")
    request = ChatMessageSendRequest(files=[part], inputs={"a": None, "b": part})
    expected = {
        "files": [{"type": "image"}],
        "inputs": {"a": None, "b": {"type": "image"}},
        "auto_generate_name": True,
    }
    assert request.to_dict(exclude_none=True) == expected
    provider = JSONProvider(flask.Flask("json"))
    provider.exclude_none = True
    assert json.loads(provider.dumps([request])) == [expected]
    shorter = type("Shorter", (DifyJSONEncoder,), {"exclude_none": True})
    assert json.loads(JsonResponse({"r": request}, encoder=shorter).content) == {"r": expected}


@pytest.mark.parametrize("value", ["\ud83d", 10**30, {1: "x"}])
def test_values_that_only_some_readers_take(value: Any) -> None:
    assert len({ChatMessageSendRequest(inputs={"v": [value]}) for _ in range(2)}) == 1


def test_frameworks_own_values_are_written_as_ever() -> None:
    app = flask.Flask("json")
    assert JSONProvider(app).dumps({"b": "文", "a": date(2026, 1, 2)}).startswith('{"b": "文"')
    encoded = JsonResponse({"a": date(2026, 1, 2)}, encoder=DifyJSONEncoder).content
    assert json.loads(encoded) == {"a": "2026-01-02"}
    with pytest.raises(TypeError):
        JSONProvider(app).dumps({"a": object()})
    with pytest.raises(TypeError):
        JsonResponse({"a": object()}, encoder=DifyJSONEncoder)


# -- pydantic ------------------------------------------------------------------------------------


class Body(BaseModel):
    one: ChatMessageSendRequest
    many: list[Item] = []


def test_in_a_model() -> None:
    body = Body.model_validate(
        {
            "one": {"userId": "u", "content": 5, "files": [{"transfer_method": "remote_url"}]},
            "many": [{"event": "node_finished", "data": {"node_id": "n"}}],
        }
    )
    assert body.one.content == "5"  # as Jackson reads a number into a String
    assert body.one.files == [ChatMessageSendRequest.ChatMessageFile(transferMethod="remote_url")]
    assert isinstance(body.many[0].data, NodeFinishedData)
    dumped = body.model_dump(exclude_none=True)
    assert dumped["many"] == [{"event": "node_finished", "data": {"nodeId": "n"}}]
    assert Body.model_validate_json(body.model_dump_json()) == body
    names = Body.model_json_schema()["$defs"]
    assert "ChatMessageSendRequest" in names
    assert "userId" in names["ChatMessageSendRequest"]["properties"]


def test_a_page_of_certain_items() -> None:
    page = DifyPageResult(data=[MessagesResponseVO(conversation_id="c")], has_more=True)
    adapter: Any = TypeAdapter(DifyPageResult[MessagesResponseVO])
    assert json.loads(adapter.dump_json(page)) == page.to_dict()
    assert adapter.validate_python({"hasMore": True, "data": [{"conversation_id": "c"}]}) == page
    assert adapter.json_schema()["properties"]["data"]["items"] == {
        "$ref": "#/$defs/MessagesResponseVO"
    }
    other: Any = TypeAdapter(
        DifyPageResult[ChatMessageSendRequest] | DifyPageResult[MessagesResponseVO]
    )
    assert len(other.json_schema()["anyOf"]) == 2
    with pytest.raises(TypeError, match="ChatMessageSendRequest is not generic"):
        ChatMessageSendRequest[int]  # type: ignore[misc]


def test_an_instance_is_taken_as_it_is() -> None:
    item = event_decoder()(EVENT)
    body = Body(one=ChatMessageSendRequest(), many=[item])
    assert body.many[0] is item
    assert body.many[0].raw["more"] == 1


def test_a_wrong_type_is_pydantics_error() -> None:
    with pytest.raises(PydanticError) as caught:
        Body.model_validate({"one": {"userId": {}, "files": [{"url": 1.5, "type": []}]}})
    where = [error["loc"] for error in caught.value.errors()]
    assert where == [("one", "userId"), ("one", "files", 0, "type")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"apiKey": "app-secret", "userId": "u", "user_id": "v"},
        {"apiKey": ["app-secret"]},
        {"api_key": {"a": "app-secret"}},
    ],
)
def test_no_error_shows_a_key(wrong: dict[str, Any]) -> None:
    with pytest.raises(PydanticError) as caught:
        Body.model_validate({"one": wrong})
    assert "app-secret" not in str(caught.value) + repr(caught.value.errors())


def test_both_spellings_are_an_error_everywhere() -> None:
    with pytest.raises(PydanticError, match="both 'userId' and 'user_id' given"):
        Body.model_validate({"one": {"userId": "u", "user_id": "v"}})
    with pytest.raises(ValidationError, match="both 'userId' and 'user_id' given"):
        ChatMessageSendRequest.schema().load({"userId": "u", "user_id": "v"})


def test_defaults_can_be_left_out() -> None:
    dump = TypeAdapter(ChatMessageSendRequest).dump_python
    assert dump(ChatMessageSendRequest(content="x"), exclude_defaults=True) == {"content": "x"}


# -- dataclasses-json ----------------------------------------------------------------------------


def test_in_a_class_of_the_callers_a_dto_keeps_its_data() -> None:
    item = event_decoder()(EVENT)
    holder: Any = Holder({"a_b": 1}, item, item, [item], {"a": item})
    assert holder.to_dict()["maybe"] == item.to_dict()
    again: Any = Holder.from_json(holder.to_json())  # type: ignore[attr-defined]
    assert again == holder
    assert isinstance(again.by_name["a"].data, NodeFinishedData)
    kept: Any = Holder.from_dict(vars(holder))  # type: ignore[attr-defined]
    assert kept.item.raw == kept.many[0].raw == json.loads(EVENT)


def test_in_a_class_of_the_callers_values_of_any_type_are_kept() -> None:
    wire = {"event": 1, "task_id": [], "data": "x", "metadata": 3}
    holder: Any = Holder.from_dict({"one": 1, "item": wire})  # type: ignore[attr-defined]
    assert holder.item == Item.from_dict(wire)


def test_in_the_schema_of_a_class_of_the_callers() -> None:
    item = event_decoder()(EVENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, of marshmallow's next version
        made: Any = dataclasses.make_dataclass(
            "Made", [("item", Item)], bases=(DataClassJsonMixin,)
        )
        schema = made.schema()
    assert schema.load(schema.dump(made(item))) == made(item)


@dataclass
class Tenant(ChatMessageSendRequest):
    tenant_name: str = field(default="", metadata=config(field_name="tenant"))
    code: str = field(default="", metadata=config(encoder=str.upper, decoder=str.lower))
    hidden: str = field(default="x", metadata=config(exclude=lambda value: True))
    plan_id: int | None = None


@dataclass_json
@dataclass
class Decorated(ChatMessageSendRequest):
    code: str = field(default="", metadata=config(encoder=lambda v: [v], decoder=lambda v: v[0]))


def test_the_configuration_of_a_subclass_counts() -> None:
    tenant = Tenant(user_id="u", tenant_name="t", code="abc", plan_id=1)
    java = tenant.to_dict(exclude_none=True)
    expected = {"userId": "u", "auto_generate_name": True, "tenant": "t", "code": "ABC"}
    assert java == {**expected, "planId": 1}
    assert tenant.schema().dump(tenant)["code"] == "ABC"
    for read in (Tenant.from_dict, Tenant.schema().load, TypeAdapter(Tenant).validate_python):
        assert read({"user_id": "u", "tenant": "t", "code": "ABC", "planId": 1}) == tenant
    decorated: Any = Decorated(user_id="u", code="abc")
    assert decorated.to_dict()["code"] == ["abc"]
    assert Decorated.from_dict(decorated.to_dict()) == decorated


def test_a_subclass_shows_no_key_and_has_a_hash() -> None:
    plain = type("Plain", (ChatMessageSendRequest,), {})
    for cls in (Tenant, Decorated, plain):
        made: Any = cls(api_key="app-secret", user_id="u")
        assert "app-secret" not in repr(made)
        assert len({made, copy.copy(made)}) == 1


def test_the_fields_of_a_plain_dataclass_have_javas_names() -> None:
    tenant: Any = Tenant(tenant_name="t")
    assert tenant.tenantName == "t"
    tenant.tenantName = "v"
    assert tenant.tenant_name == "v"
    with pytest.raises(AttributeError, match="has no field 'tenantNam'; did you mean"):
        tenant.tenantNam  # noqa: B018


def test_a_schema_validates() -> None:
    schema: Any = ChatMessageSendRequest.schema()
    with pytest.raises(ValidationError) as caught:
        schema.load({"userId": {}, "files": [{"type": []}]})
    assert caught.value.messages == {
        "userId": ["Not a valid string."],
        "files": {0: {"type": ["Not a valid string."]}},
    }
    with pytest.raises(ValidationError, match="Invalid input type"):
        schema.load("x")
    many: Any = ChatMessageSendRequest.schema(many=True, only=["userId", "content"], exclude=None)
    assert many.dump([ChatMessageSendRequest(user_id="u")]) == [{"userId": "u", "content": None}]


def test_a_schema_dumps_values_of_any_type() -> None:
    request = ChatMessageSendRequest.from_dict({"userId": 5, "files": "x"})
    assert request.schema().dump(request) == request.to_dict()
    rated = MessageFeedbackRequest.from_dict({"rating": "love"})
    assert rated.schema().dump(rated)["rating"] == "love"
