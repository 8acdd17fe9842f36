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

from .._dto.dto import Dto, ResponseDto, build, is_dto
from .._dto.names import names_of
from .._dto.values import loads
from .._http.errors import reason_of
from ..models.responses import ChatMessageSendCompletionResponse, DifyPageResult

R = TypeVar("R", bound=ResponseDto)
Values = dict[str, Any]

_typed_dict: Any = TypedDict  # type checkers know none that is made at run time
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


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


def decode_promised(cls: type[R], body: bytes) -> R:
    """One object. ValueError where it has no field of `cls`, or is an error with a good status."""
    made = decode(cls, body)
    values = vars(made).items()
    if not any(value is not None and name not in _ENVELOPE for name, value in values):
        promised = names_of(cls).field_of.keys() - _ENVELOPE
        if not promised & made.raw.keys():
            raise ValueError(_reason(made.raw, f"none of the fields of {cls.__name__}"))
    if any(word in body for word in _SIGNS_OF_ERROR):
        _check_is_no_error(made.raw, cls)
    return made


def decode_done(cls: type[R], body: bytes) -> R | None:
    """What says that it was done: `{"result":"success"}`, an empty object, or nothing at all.

    ValueError for any other.
    """
    if not body.strip():
        return None
    wire = _object(body)
    result = wire.get("result")
    if wire and (not isinstance(result, str) or result.lower() in _BAD_RESULTS):
        raise ValueError(_reason(wire, "nothing says that it was done"))
    return decode(cls, body)


def decode_texts(cls: type[R], body: bytes) -> R:
    """A result whose data are texts. ValueError where it has no such list."""
    made = decode(cls, body)
    data = getattr(made, "data", None)
    if not isinstance(data, list) and not (data is None and made.raw.get("result") == "success"):
        raise ValueError(_reason(made.raw, "no list of texts"))
    _check_is_no_error(made.raw, cls)
    return made


# what gateways put around an error, whatever its status; the runs of Dify have some of them too
_ENVELOPE = frozenset(
    (
        *("code", "msg", "message", "data", "error", "errors", "error_msg", "errmsg", "errcode"),
        *("error_code", "status", "success", "detail", "title", "type", "instance", "path"),
        *("timestamp", "description", "request_id", "trace_id", "_raw"),
    )
)
_CAPITAL_SIGNS = (b'"Code"', b'"errorCode"', b'"ErrorCode"', b'"Error"', b'"Success"')
_SIGNS_OF_ERROR = (
    *(b'"code"', b'"errcode"', b'"error_code"', b'"error"', b'"success"'),
    *_CAPITAL_SIGNS,
)
_CODES = ("code", "errcode", "error_code", "errorcode")
_BAD_RESULTS = ("", "fail", "failed", "failure", "error", "false")
_GOOD_CODES = (None, 0, 200, "", "0", "200", "ok", "OK", "success", "SUCCESS")


def _check_is_no_error(wire: Mapping[str, Any], cls: type[Any]) -> None:
    """ValueError for an object that says that it is an error, among fields that are none's."""
    own = names_of(cls).field_of
    # Aliyun's and Tencent's begin with capitals
    wire = {**{name.lower(): value for name, value in wire.items()}, **wire}
    codes = [wire[name] for name in _CODES if name not in own and name in wire]
    failed = any(isinstance(code, (int, str)) and code not in _GOOD_CODES for code in codes)
    failed = failed or ("error" not in own and bool(wire.get("error")))
    if failed or ("success" not in own and wire.get("success") is False):
        raise ValueError(_reason(wire, "an error"))


def _reason(wire: Mapping[str, Any], otherwise: str) -> str:
    words = reason_of(wire)
    return f"{otherwise}: {words}" if words else otherwise


def decode_run(cls: type[R], body: bytes) -> R:
    """A run, whose inputs and outputs are JSON text within the JSON."""
    run = decode_promised(cls, body)
    for name in ("inputs", "outputs"):
        text = getattr(run, name, None)
        if isinstance(text, str):
            with contextlib.suppress(ValueError):
                setattr(run, name, loads(text.encode("utf-8", "surrogatepass")))
    return run


_OF_A_PAGE = frozenset(("has_more", "limit", "page", "total"))


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool | None = None
    limit: int | None = None
    page: int | None = None
    total: int | None = None
    # of an error with a good status
    code: Any = None
    errcode: Any = None
    error: Any = None
    success: Any = None


def decode_page(cls: type[R], body: bytes) -> DifyPageResult[R]:
    """A page of objects. ValueError when `body` is none, or an error with a good status."""
    try:
        page = msgspec.json.decode(body, type=_Page)
    except _UNREADABLE:
        wire = _object(body)
        if not isinstance(wire.get("data"), list) and not _OF_A_PAGE & wire.keys():
            raise ValueError(_reason(wire, "no page")) from None
        _check_is_no_error(wire, DifyPageResult)
        result: DifyPageResult[R] = build(DifyPageResult, wire, strict=False)
        if isinstance(result.data, list):
            result.data = [_from_wire(cls, item) for item in result.data]
    else:
        is_odd = page.code or page.errcode or page.error or page.success is False
        if is_odd or any(sign in body for sign in _CAPITAL_SIGNS):
            _check_is_no_error(_object(body), DifyPageResult)
        read = _plan(cls).read
        result = DifyPageResult(
            data=[read(bytes(item)) for item in page.data],
            has_more=page.has_more,
            limit=page.limit,
            page=page.page,
            total=page.total,
        )
    return _with_raw(result, body)


def event_decoder(
    cls: type[ResponseDto] = ChatMessageSendCompletionResponse,
) -> Callable[[bytes], Any]:
    """Reads an event of a stream, of which there are many, as `decode` reads an object."""
    return _plan(cls).read


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
        kinds: dict[str, Any] = {wire: hints[field] for field, wire in names.wire.items()}
        self._cls = cls
        self._of = cls._of
        self._field_of = {wire: field for field, wire in names.wire.items() if wire != field}
        parts: dict[str, Callable[[Any, Values], Any]] = {}
        for field, wire in names.wire.items():
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
        if self._field_of:
            return self.build(values)
        for name, make in self._parts:
            if name in values:
                values[name] = make(values[name], values)
        return self._of(values)

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
