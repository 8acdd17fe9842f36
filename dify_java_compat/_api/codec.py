"""JSON bytes to DTOs and back, by one msgspec plan per class.

Tolerant: a value of an unexpected type is kept unchanged instead of failing, and every DTO keeps
its bytes, so that `raw` shows what no field declares.
"""

from __future__ import annotations

import contextlib
import functools
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar

import msgspec

from .._dto.dto import Dto, ResponseDto, build, is_dto, loads
from .._dto.names import names_of
from ..models.responses import ChatMessageSendCompletionResponse, DifyPageResult

R = TypeVar("R", bound=ResponseDto)
Values = dict[str, Any]

_typed_dict: Any = TypedDict  # type checkers know none that is made at run time
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def encode(value: Any) -> bytes:
    """A request body; TypeError names what JSON cannot hold."""
    return msgspec.json.encode(value)


def decode(cls: type[R], body: bytes) -> R:
    """One object. ValueError when `body` is not a JSON object."""
    made: R = _plan(cls).read(body)
    return made


def _lenient(cls: type[R], body: bytes) -> R:
    """An object whose values are not of the declared types: each is kept as it is."""
    wire = _object(body)
    made = _with_raw(build(cls, wire, strict=False), body)
    for name in names_of(cls).tagged_by:
        part = getattr(made, name)
        if isinstance(part, ResponseDto):
            part._keep_raw(wire[name])
    return made


def decode_if_any(cls: type[R], body: bytes) -> R | None:
    """One object, or None where there is no body. ValueError for any other."""
    return decode(cls, body) if body else None


def decode_run(cls: type[R], body: bytes) -> R:
    """A run, whose inputs and outputs are JSON text within the JSON."""
    run = decode(cls, body)
    for name in ("inputs", "outputs"):
        text = getattr(run, name, None)
        if isinstance(text, str):
            with contextlib.suppress(ValueError):
                setattr(run, name, loads(text.encode("utf-8", "surrogatepass")))
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
        read = _plan(cls).read
        result = DifyPageResult(
            data=[read(bytes(item)) for item in page.data],
            has_more=page.has_more,
            limit=page.limit,
            page=page.page,
            total=page.total,
        )
    return _with_raw(result, body)


def event_decoder() -> Callable[[bytes], ChatMessageSendCompletionResponse]:
    """Reads an event of a stream as `decode` reads an object."""
    return _plan(ChatMessageSendCompletionResponse).read


def _from_wire(cls: type[R], wire: Any) -> Any:
    if not isinstance(wire, Mapping):
        return wire
    return _with_raw(build(cls, wire, strict=False), wire)


def _with_raw(value: R, raw: Any) -> R:
    value._keep_raw(raw)
    return value


def _object(body: bytes) -> dict[str, Any]:
    value = loads(body)
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object was expected, not {type(value).__name__}")
    return value


class _Plan:
    """How the JSON of one class is read: msgspec makes a dict, which becomes the DTO's own.

    A dataclass would be filled field by field, at thrice the time, and by no names but its own.
    """

    def __init__(self, cls: type[Any]) -> None:
        names, hints = names_of(cls), typing.get_type_hints(cls)
        kinds: dict[str, Any] = {wire: hints[field] for field, wire in names.wire}
        self._cls = cls
        self._of = cls._of
        self._field_of = {wire: field for field, wire in names.wire if wire != field}
        parts: dict[str, Callable[[Any, Values], Any]] = {}
        for field, wire in names.wire:
            part = _dto_in(hints[field])
            if field in names.tagged_by:
                kinds[wire] = msgspec.Raw
                parts[field] = functools.partial(_tagged, *names.tagged_by[field])
            elif part and _plan(part).renames:
                kinds[wire], parts[field] = _part(_plan(part), hints[field])
        self.renames: bool = bool(self._field_of or parts)
        self._parts = tuple(parts.items())
        self.wire: Any = _typed_dict(cls.__name__, kinds, total=False)
        self._decode = msgspec.json.Decoder(self.wire).decode

    def read(self, body: bytes) -> Any:
        """The DTO of a JSON object. ValueError when `body` is none."""
        try:
            values = self._decode(body)
        except _UNREADABLE:
            return _lenient(self._cls, body)
        values["_raw"] = body
        return self.build(values)

    def build(self, values: Values) -> Any:
        """The DTO of what was read; a field that did not come is the class's: None."""
        if self._field_of:
            values = {self._field_of.get(name, name): values[name] for name in values}
        for name, make in self._parts:
            if name in values:
                values[name] = make(values[name], values)
        return self._of(values)


_plan = functools.cache(_Plan)


def _dto_in(hint: Any) -> type[Dto] | None:
    """The DTO class of a field: `C | None` or `list[C] | None`."""
    if is_dto(hint):
        return hint  # type: ignore[no-any-return]
    return next((found for each in typing.get_args(hint) if (found := _dto_in(each))), None)


def _part(plan: _Plan, hint: Any) -> tuple[Any, Callable[[Any, Values], Any]]:
    """What msgspec is to read for a field with DTOs of that plan, and what is made of it."""
    wire: Any = plan.wire
    if any(typing.get_origin(each) is list for each in typing.get_args(hint)):
        return list[wire] | None, lambda parts, _: parts and [plan.build(one) for one in parts]
    return wire | None, lambda part, _: None if part is None else plan.build(part)


def _tagged(
    name: str, classes: Mapping[str, type[R]], otherwise: type[R], wire: msgspec.Raw, values: Values
) -> Any:
    """A part whose class depends on another field; what is not an object, as it is."""
    data = bytes(wire)
    if not data.startswith(b"{"):
        return loads(data)
    return decode(classes.get(values.get(name) or "", otherwise), data)
