"""What a row of `operations` is: the request it makes of a caller's values, and its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

from .._dto.dto import ResponseDto
from .._http.charset import in_utf8, text_of
from .._http.request import ApiKey, Body, HttpRequest
from .._http.response import HttpResponse
from ..errors import ID_NAMES, DecodeException, IllegalArgumentException, excerpt
from ..models import BaseChatRequest, DifyPageResult, DifyResult, ResponseEntity
from .audio import audio_blocks
from .codec import decode_done, decode_page, decode_promised, decode_texts
from .encoding import checked_text, encode, json_value, text_value
from .param import Param

_SECRETS = ("form_token",)  # with which a person's form can be filled in

Kind = Literal["one", "page", "nothing", "binary", "stream"]
R = TypeVar("R")
D = TypeVar("D", bound=ResponseDto)


class Result(Generic[R]):
    """What comes back: `dto` is the class of one item, `read` makes the result of a response."""

    # written out, here and below: to have a dataclass generated would be a tenth of the import
    def __init__(self, kind: Kind, dto: type[Any], read: Callable[[HttpResponse], R]) -> None:
        self.kind: Kind = kind
        self.dto = dto
        self.read = read


def one(dto: type[D], decode_body: Callable[[type[D], bytes], D] = decode_promised) -> Result[D]:
    """One object."""
    return Result("one", dto, lambda response: _decoded(decode_body, dto, response))


def page(dto: type[D]) -> Result[DifyPageResult[D]]:
    """A page of a list."""
    return Result("page", dto, lambda response: _decoded(decode_page, dto, response))


def _read_nothing(response: HttpResponse) -> None:
    _decoded(decode_done, DifyResult, response)  # any other page does not mean that it was done


def _read_texts(response: HttpResponse) -> list[str]:
    return _decoded(decode_texts, DifyResult, response).data or []


def _read_binary(response: HttpResponse) -> ResponseEntity[bytes]:
    return ResponseEntity(response.status, response.headers, response.read())


def _read_audio(response: HttpResponse) -> ResponseEntity[bytes]:
    return ResponseEntity(response.status, response.headers, b"".join(audio_blocks(response)))


NOTHING: Result[None] = Result("nothing", DifyResult, _read_nothing)
TEXTS: Result[list[str]] = Result("one", DifyResult, _read_texts)
BINARY: Result[ResponseEntity[bytes]] = Result("binary", bytes, _read_binary)
AUDIO: Result[ResponseEntity[bytes]] = Result("binary", bytes, _read_audio)


def stream(dto: type[D]) -> Result[D]:
    """Many items, one after another, which are not read as a whole."""

    def read(_: HttpResponse) -> D:
        raise TypeError("a stream is read event by event")

    return Result("stream", dto, read)


def _decoded(decode_body: Callable[[type[D], bytes], R], dto: type[D], response: HttpResponse) -> R:
    body = in_utf8(response.read(), response.headers.get("Content-Type"))
    try:
        return decode_body(dto, body)
    except ValueError as error:
        # json's own keeps the body, and maybe the key in it
        cause = ValueError(response.redact(str(error)))
    text = response.redact(text_of(body, None))
    del body  # an exception's frames are logged with their variables
    raise DecodeException(
        f"the response is not the JSON that was expected ({cause}): {text[:200]!r}",
        response_body=text,
        **response.context(),
    ) from cause


class Operation(Generic[R]):
    """An operation of the Service API: `name` is the method, `R` what it gives.

    `takes` is the DTO of the request; without it the values come one by one. `non_empty` are the
    fields that must be there with some value, `non_null` those that may be empty, `file` the field
    with a file, which makes the body a form; with `audio` that is a recording of speech.
    """

    def __init__(
        self,
        name: str,
        method: str,
        path: str,
        result: Result[R],
        *,
        takes: type[BaseChatRequest] | None = None,
        non_empty: tuple[str, ...] = (),
        non_null: tuple[str, ...] = (),
        query: tuple[Param, ...] = (),
        body: tuple[Param, ...] | None = None,
        file: str | None = None,
        audio: bool = False,
        prefix: str = "/v1",
    ) -> None:
        self.name, self.method, self.path = name, method, path
        self.result = result
        self.takes = takes
        self.non_empty, self.non_null = non_empty, non_null
        self.query, self.body = query, body
        self.file, self.audio = file, audio
        self.prefix = prefix

    @property
    def streams(self) -> bool:
        return self.result.kind == "stream"

    def values(self, request: Any) -> dict[str, Any]:
        """The fields of a request DTO. IllegalArgumentException where it is another thing."""
        if self.takes is None or not isinstance(request, self.takes):
            expected = self.takes.__name__ if self.takes else "no request"
            raise IllegalArgumentException(
                f"request must be a {expected}, not {type(request).__name__}", operation=self.name
            )
        return vars(request)

    def request(self, key: ApiKey, values: Mapping[str, Any]) -> HttpRequest:
        """The request for `values`, by field name. IllegalArgumentException names a bad one."""
        try:
            return self._request(key, values)
        except IllegalArgumentException as error:
            error.add_context(operation=self.name)
            raise

    def _request(self, key: ApiKey, values: Mapping[str, Any]) -> HttpRequest:
        self._check(values)
        headers = {"Accept": "text/event-stream" if self.streams else "application/json"}
        if self.streams:
            headers["Accept-Encoding"] = "identity"
        body, content_type = self._body(values)
        if content_type:
            headers["Content-Type"] = content_type
        return HttpRequest(
            operation=self.name,
            method=self.method,
            path=self._path(values),
            key=key,
            headers=headers,
            body=body,
            streams=self.streams,
            secrets=tuple(
                value for name in _SECRETS if isinstance(value := values.get(name), str) and value
            ),
            ids={
                name: value
                for name in ID_NAMES
                if isinstance(value := values.get(name), str) and value
            },
        )

    def _check(self, values: Mapping[str, Any]) -> None:
        for name in self.non_empty:
            value = values.get(name)
            if value is None or (isinstance(value, (str, list, dict)) and not value):
                raise IllegalArgumentException(f"{name} must not be empty", operation=self.name)
        for name in self.non_null:
            if values.get(name) is None:
                raise IllegalArgumentException(f"{name} must not be null", operation=self.name)

    def _path(self, values: Mapping[str, Any]) -> str:
        def segment(name: str) -> str:
            value = values.get(name)
            value = value.value if isinstance(value, Enum) else value
            if not isinstance(value, str) or value in ("", ".", ".."):
                raise IllegalArgumentException(
                    f"{name} must be an id, not {excerpt(value)}", operation=self.name
                )
            return quote(checked_text(value, name), safe="")

        path = self.prefix
        for part in self.path.split("/")[1:]:
            name = part.strip("{?}")
            if part.endswith("?}") and not values.get(name):
                continue  # a segment that may be left out
            path += "/" + (segment(name) if part.startswith("{") else part)
        query = urlencode(self._texts(self.query, values))
        return f"{path}?{query}" if query else path

    def _body(self, values: Mapping[str, Any]) -> tuple[Body, str]:
        """What is sent, and its type."""
        if self.file is not None:
            from .._http.multipart import MultipartForm  # for uploads alone: they are slow to load
            from .files import file_part

            part = file_part(values[self.file], audio=self.audio)
            form = MultipartForm(self._texts(self.body or (), values), part)
            return form, form.content_type
        if self.body is None:
            return None, ""
        sent = {
            param.wire: json_value(value, param.field or param.wire)
            for param, value in _sent(self.body, values)
        }
        user = sent.get("user")
        if isinstance(user, str):
            checked_text(user, "user_id")
        return encode(sent), "application/json"

    def _texts(self, params: tuple[Param, ...], values: Mapping[str, Any]) -> dict[str, str]:
        """Values of a query or a form, by their names on the wire."""
        return {
            param.wire: text_value(value, param.field or param.wire)
            for param, value in _sent(params, values)
        }


def _sent(params: tuple[Param, ...], values: Mapping[str, Any]) -> Iterator[tuple[Param, Any]]:
    """The values that go out: all but those that convert to None."""
    for param in params:
        value = param.of(values)
        if value is not None or param.keep_null:
            yield param, value
