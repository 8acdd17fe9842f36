"""The alias rule, on every name of every DTO."""

import copy
import dataclasses
import inspect
import pickle
import re
from typing import Any

import pytest

from dify_java_compat import (
    AudioToTextRequest,
    ChatMessageSendRequest,
    FilePreviewRequest,
    FileUploadRequest,
    MessagesRequest,
    UserInputForm,
)
from dify_java_compat._dto.dto import Dto, field_named
from dify_java_compat._dto.names import camel, names_of
from dify_java_compat.models import FileUpload, TextInput, TextToSpeech

from .classes import ALIASES, ALL, FIELDS

VALUE: Any = "a value"

# wire names that are not the field's own
WIRE = {
    (TextToSpeech, "auto_play"): "autoPlay",
    (FileUpload, "file_upload_config"): "fileUploadConfig",
    (UserInputForm, "text_input"): "text-input",
    (UserInputForm, "file_list"): "file-list",
} | {(cls, name): "default" for cls, name in FIELDS if name == "default_value"}


FIRST: dict[type[Dto], tuple[str, ...]] = {
    FilePreviewRequest: ("file_id", "as_attachment"),
    FileUploadRequest: ("file",),
    AudioToTextRequest: ("file",),
}


def test_the_classes_were_found() -> None:
    names = {cls.__qualname__ for cls in ALL}
    assert {"ClientConfig", "ChatMessageSendRequest.ChatMessageFile", "EmptyData"} <= names
    assert len(ALL) > 50


def test_default_value_is_one_of_the_exceptions() -> None:
    assert WIRE[TextInput, "default_value"] == "default"


@pytest.mark.parametrize(
    ("name", "java"),
    [
        ("id", "id"),
        ("user_id", "userId"),
        ("is_a_b", "isAB"),
        ("sse_read_timeout", "sseReadTimeout"),
    ],
)
def test_the_java_spelling(name: str, java: str) -> None:
    assert camel(name) == java


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_a_field_is_snake_case_with_few_exceptions_on_the_wire(cls: type[Dto], name: str) -> None:
    assert re.fullmatch("[a-z]+(_[a-z]+)*", name)
    assert names_of(cls).wire[name] == WIRE.get((cls, name), name)
    # Java writes some of its JSON in snake_case; which, the contract test says
    assert names_of(cls).java[name] in (camel(name), name)


def test_java_s_constructors_by_position() -> None:
    preview = FilePreviewRequest("file", True, "app-key", "user")
    assert preview == FilePreviewRequest(
        file_id="file", as_attachment=True, api_key="app-key", user_id="user"
    )
    assert FilePreviewRequest("file").file_id == "file"
    assert FileUploadRequest(b"...").file == b"..."
    with pytest.raises(TypeError, match="has 4 fields, 5 values given"):
        FilePreviewRequest(*"12345")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'fileId' given by position and by name"):
        FilePreviewRequest("file", fileId="file")


def test_a_java_getter_is_told_its_field() -> None:
    request = ChatMessageSendRequest(content="x")
    for name, told in {
        "getConversationId": "; it is 'conversation_id' here",
        "setContent": "; it is 'content' here",
        "setContnet": "; did you mean 'content'?",
        "contnt": "; did you mean 'content'?",
        "getaway": "",
    }.items():
        with pytest.raises(AttributeError) as caught:
            getattr(request, name)
        assert str(caught.value) == f"ChatMessageSendRequest has no field {name!r}{told}"
    assert copy.deepcopy(request) == pickle.loads(pickle.dumps(request)) == request


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_a_field_by_its_own_name(cls: type[Dto], name: str) -> None:
    made = cls(**{name: VALUE})
    assert getattr(made, name) == VALUE
    setattr(made, name, "another")
    assert getattr(made, name) == "another"


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_a_field_under_every_json_key(cls: type[Dto], name: str) -> None:
    java, wire = names_of(cls).java[name], names_of(cls).wire[name]
    made = cls(**{name: VALUE})
    assert made.to_dict()[java] == VALUE
    assert made.to_wire()[wire] == VALUE
    for key in {name, camel(name), java, wire}:
        assert cls.from_dict({key: VALUE}) == made
        assert cls.from_json(f'{{"{key}": "{VALUE}"}}') == made


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_two_json_keys_of_one_field(cls: type[Dto], name: str) -> None:
    java, wire = names_of(cls).java[name], names_of(cls).wire[name]
    for key in {camel(name), java, wire} - {name}:
        with pytest.raises(TypeError, match=f"{cls.__name__}: both '{name}' and '{key}' given"):
            cls.from_dict({name: VALUE, key: VALUE})


@pytest.mark.parametrize(("cls", "name", "alias"), ALIASES)
def test_a_field_by_its_java_name(cls: type[Dto], name: str, alias: str) -> None:
    made = cls(**{alias: VALUE})
    assert made == cls(**{name: VALUE})
    assert getattr(made, alias) == VALUE
    setattr(made, alias, "another")
    assert (getattr(made, name), getattr(made, alias)) == ("another", "another")
    assert alias not in vars(made)


@pytest.mark.parametrize(("cls", "name", "alias"), ALIASES)
def test_both_names_of_a_field(cls: type[Dto], name: str, alias: str) -> None:
    with pytest.raises(TypeError, match=f"both '{name}' and '{alias}' given"):
        cls(**{name: VALUE, alias: VALUE})
    with pytest.raises(TypeError, match=f"both '{alias}' and '{name}' given"):
        cls(**{alias: VALUE, name: VALUE})


@pytest.mark.parametrize(("cls", "name", "alias"), ALIASES)
def test_a_misspelt_name(cls: type[Dto], name: str, alias: str) -> None:
    for right in (name, alias):
        wrong = right + "x"
        with pytest.raises(TypeError, match=f"no field '{wrong}'; did you mean '.+'?"):
            cls(**{wrong: VALUE})
        with pytest.raises(AttributeError, match=f"no field '{wrong}'; did you mean '.+'?"):
            setattr(cls(), wrong, VALUE)
        with pytest.raises(AttributeError, match=wrong):
            getattr(cls(), wrong)


def test_what_a_misspelt_name_suggests() -> None:
    with pytest.raises(TypeError, match=r"^MessagesRequest has no field 'convrsation_id'; did you"):
        MessagesRequest(convrsation_id="c")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"did you mean 'conversationId'\?$"):
        MessagesRequest(conversationID="c")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"has no field 'query'; it is 'content' here$"):
        ChatMessageSendRequest(query="c")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"has no field 'zzz'$"):
        MessagesRequest(zzz="c")  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["default", "text-input", "file-list"])
def test_a_wire_name_is_neither_keyword_nor_attribute(name: str) -> None:
    cls = TextInput if name == "default" else UserInputForm
    with pytest.raises(TypeError, match=f"has no field '{name}'"):
        cls(**{name: VALUE})
    with pytest.raises(AttributeError, match=f"has no field '{name}'"):
        setattr(cls(), name, VALUE)


def positions(cls: type[Dto]) -> list[str]:
    """The fields in the constructor's order: their own, but for Java's constructors."""
    names = [name for owner, name in FIELDS if owner is cls]
    return sorted(names, key=lambda name: name not in FIRST.get(cls, ()))


@pytest.mark.parametrize("cls", ALL)
def test_positions_are_the_order_of_the_fields(cls: type[Dto]) -> None:
    names = positions(cls)
    made: Any = cls(*names)
    assert vars(made) == dict(zip(names, names, strict=True))
    with pytest.raises(TypeError):
        made.__init__(*names, "one too many")


@pytest.mark.parametrize("cls", ALL)
def test_the_signature_shows_both_names(cls: type[Dto]) -> None:
    parameters = inspect.signature(cls).parameters
    names = positions(cls)
    aliases = [alias for owner, _, alias in ALIASES if owner is cls]
    assert list(parameters) == names + aliases
    assert all(parameters[alias].kind.name == "KEYWORD_ONLY" for alias in aliases)
    assert all(parameters[camel(name)].default == parameters[name].default for name in names)


@pytest.mark.parametrize("cls", ALL)
def test_a_dto_is_a_dataclass_whose_fields_may_all_be_left_out(cls: type[Dto]) -> None:
    made: Any = cls()
    assert dataclasses.is_dataclass(cls)
    assert dataclasses.replace(made) == made
    assert cls.from_dict({}) == made


def test_a_name_that_is_neither_rule_nor_exception_is_seen() -> None:
    """`named` is what makes an exception; without it a wire name is the field's own."""
    field: Any = field_named(wire="odd-name", default=None)
    assert field.metadata["wire"] == "odd-name"
