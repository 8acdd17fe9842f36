"""JSON bytes to DTOs and back, by one msgspec plan per class.

Tolerant: a value of an unexpected type is kept as it came instead of failing, and every DTO keeps
its bytes, so that `raw` shows what no field declares.
"""

from __future__ import annotations

import contextlib
import functools
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, TypedDict, TypeVar

import msgspec

from ._dto import Dto, ResponseDto, build, is_dto, loads
from ._names import names_of
from .models.events import EVENT_DATA, CompletionData
from .models.responses import ChatMessageSendCompletionResponse, DifyPageResult

R = TypeVar("R", bound=ResponseDto)

_typed_dict: Any = TypedDict  # type checkers know none that is made at run time
_new, _set = object.__new__, object.__setattr__
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def encode(value: Any) -> bytes:
    """A request body; TypeError names what JSON cannot hold."""
    return msgspec.json.encode(value)


def decode(cls: type[R], body: bytes) -> R:
    """One object. ValueError when `body` is not a JSON object."""
    decoder = _decoder(cls)
    if decoder is not None:
        try:
            values = decoder.decode(body)
        except _UNREADABLE:
            pass
        else:  # a field that did not come is the class's: None
            made = _new(cls)
            values["_raw"] = body
            _set(made, "__dict__", values)
            return made
    return _with_raw(build(cls, _object(body), strict=False), body)


def decode_if_any(cls: type[R], body: bytes) -> R | None:
    """One object, or None where there is no body. ValueError for any other."""
    return decode(cls, body) if body else None


def decode_run(cls: type[R], body: bytes) -> R:
    """A run, whose inputs and outputs are JSON text within the JSON."""
    run = decode(cls, body)
    for name in ("inputs", "outputs"):
        text = vars(run).get(name)
        if isinstance(text, str):
            with contextlib.suppress(ValueError):
                vars(run)[name] = loads(text.encode("utf-8", "surrogatepass"))
    return run


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool | None = None
    limit: int | None = None
    page: int | None = None
    total: int | None = None


def decode_page(cls: type[R], body: bytes) -> DifyPageResult[R]:
    """A page of objects. ValueError when `body` is not a JSON object."""
    try:
        page = msgspec.json.decode(body, type=_Page)
    except _UNREADABLE:
        wire = _object(body)
        result: DifyPageResult[R] = build(DifyPageResult, wire, strict=False)
        if isinstance(result.data, list):
            result.data = [_from_wire(cls, item) for item in result.data]
    else:
        result = DifyPageResult(
            data=[decode(cls, bytes(item)) for item in page.data],
            has_more=page.has_more,
            limit=page.limit,
            page=page.page,
            total=page.total,
        )
    return _with_raw(result, body)


def decode_event(data: bytes) -> ChatMessageSendCompletionResponse:
    """One event of a stream. ValueError when `data` is not a JSON object."""
    item = decode(ChatMessageSendCompletionResponse, data)
    values = vars(item)
    if "data" not in values:
        return item
    inner = values["data"]
    if type(inner) is msgspec.Raw:
        wire = bytes(inner)
        cls = EVENT_DATA.get(item.event or "", CompletionData)
        values["data"] = decode(cls, wire) if wire.startswith(b"{") else loads(wire)
    elif isinstance(inner, CompletionData):
        _with_raw(inner, item.raw["data"])
    return item


def _from_wire(cls: type[R], wire: Any) -> Any:
    if not isinstance(wire, Mapping):
        return wire
    return _with_raw(build(cls, wire, strict=False), wire)


def _with_raw(value: R, raw: Any) -> R:
    vars(value)["_raw"] = raw
    return value


def _object(body: bytes) -> dict[str, Any]:
    value = loads(body)
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object was expected, not {type(value).__name__}")
    return value


@functools.cache
def _decoder(cls: type[Any]) -> msgspec.json.Decoder[dict[str, Any]] | None:
    """Reads what the fields of a class hold; None where a name is not the wire's.

    To a dict, and not to the dataclass: that would be filled field by field, at thrice the time.
    """
    if _has_renamed(cls):
        return None
    hints = typing.get_type_hints(cls)
    key: Any = cls
    later = names_of(key).chosen_by
    values = {f.name: msgspec.Raw if f.name in later else hints[f.name] for f in fields(cls)}
    return msgspec.json.Decoder(_typed_dict(cls.__name__, values, total=False))


def _has_renamed(cls: type) -> bool:
    if any(field != wire for field, wire in names_of(cls).wire):
        return True
    hints = typing.get_type_hints(cls)
    return any(_has_renamed(part) for hint in hints.values() for part in _dtos_in(hint))


def _dtos_in(hint: Any) -> Iterator[type[Dto]]:
    if is_dto(hint):
        yield hint
    for argument in typing.get_args(hint):
        yield from _dtos_in(argument)
