"""Whatever its fields hold, a DTO survives JSON in Java's names and in the wire's."""

import dataclasses
import types
import typing
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dify_java_compat._dto.dto import Dto
from dify_java_compat._dto.names import names_of
from tests.dto.classes import ALL

plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
# not an object at the top: a field that may be anything may be a DTO, and keeps it as one
anything = plain | st.lists(plain | st.dictionaries(st.text(), plain, max_size=2), max_size=3)
odd = plain | st.lists(plain, max_size=3)  # never an object: it would be read as a DTO
scalars: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    types.NoneType: st.none(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """What a field of that type may hold."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in scalars:
        return scalars[hint]
    if hint is Any or isinstance(hint, typing.TypeVar):
        return anything
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(values, arguments))
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if issubclass(hint, Enum):  # a member for null comes back as None: they mean the same
        return st.sampled_from([member for member in hint if member.value is not None])
    assert issubclass(hint, Dto), f"no strategy for {hint}"
    return dtos(hint)


@st.composite
def dtos(draw: st.DrawFn, cls: type[Dto]) -> Dto:
    hints = typing.get_type_hints(cls)
    tagged_by = names_of(cls).tagged_by
    fields = {
        field.name: draw(values(hints[field.name]))
        for field in dataclasses.fields(cls)
        if field.name not in tagged_by
    }
    for name, (key, classes, otherwise) in tagged_by.items():
        fields[key] = draw(st.sampled_from(sorted(classes)) | st.none() | st.text())
        fields[name] = draw(anything | dtos(classes.get(fields[key], otherwise)))
    return cls(**fields)


@pytest.mark.parametrize("cls", ALL)
@given(data=st.data())
@settings(max_examples=20)
def test_round_trips(cls: type[Dto], data: st.DataObject) -> None:
    made = data.draw(dtos(cls))
    assert cls.from_dict(made.to_dict()) == made
    assert cls.from_json(made.to_json()) == made
    assert cls.from_json(made.to_json(indent=1)) == made
    assert cls.from_dict(made.to_wire()) == made


@pytest.mark.parametrize("cls", ALL)
@given(data=st.data())
@settings(max_examples=20)
def test_values_of_any_type_are_read_and_written_again(cls: type[Dto], data: st.DataObject) -> None:
    """No value is of the type that was expected, and none is lost.

    Where a field has a default that is made anew, null is that.
    """
    names = names_of(cls)
    known = data.draw(st.fixed_dictionaries(dict.fromkeys(names.java.values(), odd)))
    unknown = data.draw(st.dictionaries(st.text(min_size=40), odd, max_size=2))
    made = {names.java[name] for name in names.factories if known[names.java[name]] is None}
    expected = {**known, **{name: cls().to_dict()[name] for name in made}}
    assert cls.from_dict({**known, **unknown}).to_dict() == expected
